package sio

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// texts returns the text of the packet and its attachments.
func texts(f *frame.Frame) []string {
	var out []string
	for ; f != nil; f = f.Next() {
		out = append(out, string(f.Payload()))
	}
	return out
}

type inner struct {
	Blob  []byte `json:"blob"`
	Extra any    `json:"extra,omitempty"`
}

type outer struct {
	inner
	Name   string            `json:"name"`
	Skip   []byte            `json:"-"`
	Dash   []byte            `json:"-,"` //lint:ignore SA5008 the encoder must know this form too
	Empty  []byte            `json:"empty,omitempty"`
	Nested *inner            `json:"nested"`
	List   [][]byte          `json:"list"`
	Keys   map[int][]byte    `json:"keys"`
	Tags   map[string]string `json:"tags"`
	N      int               `json:"n,string"`
	Zero   time.Time         `json:"zero,omitzero"`
	hidden int               //lint:ignore U1000 the encoder must pass it over
}

// dateBytes has bytes below, but decides on its JSON itself.
type dateBytes struct{ B []byte }

func (dateBytes) MarshalJSON() ([]byte, error) { return []byte(`"date"`), nil }

func TestEncodeEvent(t *testing.T) {
	b1, b2, b3 := []byte{1, 2}, []byte{}, []byte{0xff}
	tests := []struct {
		name  string
		nsp   string
		id    int64
		event string
		args  []any
		want  []string
	}{
		{"no arguments", "/", noAck, "a", nil, []string{`42["a"]`}},
		{"namespace", "/chat", noAck, "a", []any{1}, []string{`42/chat,["a",1]`}},
		{"acknowledgement", "/", 0, "a", []any{1}, []string{`420["a",1]`}},
		{"namespace and acknowledgement", "/x", 12, "a", nil, []string{`42/x,12["a"]`}},
		{"scalars", "/", noAck, "a", []any{"x", true, nil, 1, int64(-2), int32(3), uint64(4), uint32(5), int8(6), 1.5, float32(0.1)},
			[]string{`42["a","x",true,null,1,-2,3,4,5,6,1.5,0.1]`}},
		{"floats as JavaScript", "/", noAck, "a", []any{1e21, 1e-7, 1e20, 0.000001, math.NaN(), math.Inf(1), 100.0},
			[]string{`42["a",1e+21,1e-7,100000000000000000000,0.000001,null,null,100]`}},
		{"strings as JavaScript", "/", noAck, "é\"", []any{"<a>&\u2028\b\f\n\r\t\x01\\", "bad\xff!", "日本"},
			[]string{`42["é\"","<a>&` + "\u2028" + `\b\f\n\r\t\u0001\\","bad` + "\ufffd" + `!","日本"]`}},
		{"no escaping of HTML by the codec", "/", noAck, "a", []any{struct{ S string }{"<&>"}}, []string{`42["a",{"S":"<&>"}]`}},
		{"raw", "/", noAck, "a", []any{json.RawMessage(`{"a":1}`), json.RawMessage(nil)}, []string{`42["a",{"a":1},null]`}},
		{"maps in order", "/", noAck, "a", []any{map[string]any{"b": 1, "a": []any{"x", []string{"y"}}}}, []string{`42["a",{"a":["x",["y"]],"b":1}]`}},
		{"nil values", "/", noAck, "a", []any{[]byte(nil), []any(nil), map[string]any(nil), []string(nil), (*inner)(nil)}, []string{`42["a",null,null,null,null,null]`}},
		{"binary", "/", noAck, "a", []any{b1, "x", b2}, []string{`452-["a",{"_placeholder":true,"num":0},"x",{"_placeholder":true,"num":1}]`, "\x01\x02", ""}},
		{"binary with all", "/x", 7, "a", []any{b1}, []string{`451-/x,7["a",{"_placeholder":true,"num":0}]`, "\x01\x02"}},
		{"binary in maps", "/", noAck, "a", []any{map[string]any{"z": b1, "a": []any{b3}}}, []string{`452-["a",{"a":[{"_placeholder":true,"num":0}],"z":{"_placeholder":true,"num":1}}]`, "\xff", "\x01\x02"}},
		{"binary in structs", "/", noAck, "a", []any{outer{inner: inner{Blob: b1, Extra: b3}, Name: "n", Nested: &inner{Blob: b3}, List: [][]byte{b1}, Keys: map[int][]byte{2: b3, 1: nil}, N: 5}},
			[]string{`455-["a",{"blob":{"_placeholder":true,"num":0},"extra":{"_placeholder":true,"num":1},"name":"n","-":null,` +
				`"nested":{"blob":{"_placeholder":true,"num":2}},"list":[{"_placeholder":true,"num":3}],"keys":{"1":null,"2":{"_placeholder":true,"num":4}},"tags":null,"n":"5"}]`,
				"\x01\x02", "\xff", "\xff", "\x01\x02", "\xff"}},
		{"marshalers decide", "/", noAck, "a", []any{dateBytes{b1}, &dateBytes{b1}, net.IPv4(1, 2, 3, 4), map[string]any{"x": dateBytes{b1}}},
			[]string{`42["a","date","date","1.2.3.4",{"x":"date"}]`}},
		{"arrays of bytes are numbers", "/", noAck, "a", []any{[2]byte{1, 2}}, []string{`42["a",[1,2]]`}},
	}
	for _, tt := range tests {
		f, err := eventFrame(stdCodec{}, tt.nsp, tt.id, tt.event, tt.args)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := texts(f); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
		f.Release()
	}
}

func TestEncodeRefuses(t *testing.T) {
	type ring struct{ Next any }
	r := &ring{}
	r.Next = r
	m := map[string]any{}
	m["m"] = m
	for _, v := range []any{make(chan int), func() {}, map[string]any{"f": func() {}}, struct{ F any }{func() {}}, r, m, map[[1]int]any{{1}: 1}} {
		if f, err := eventFrame(stdCodec{}, "/", noAck, "a", []any{[]byte{1}, v}); err == nil {
			t.Errorf("%T: encoded as %q", v, texts(f))
		}
	}
}

func TestEncodeOthers(t *testing.T) {
	connectError := func(message string, data any) *frame.Frame {
		f, err := connectErrorFrame(stdCodec{}, "/x", message, data)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	ack, err := ackFrame(stdCodec{}, "/", 3, []any{"a", []byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		f    *frame.Frame
		want []string
	}{
		{connectFrame("/", "id", ""), []string{`40{"sid":"id"}`}},
		{connectFrame("/x", "id", ""), []string{`40/x,{"sid":"id"}`}},
		{connectError("no", nil), []string{`44/x,{"message":"no"}`}},
		{connectError("no", map[string]int{"a": 1}), []string{`44/x,{"message":"no","data":{"a":1}}`}},
		{disconnectFrame("/"), []string{`41`}},
		{disconnectFrame("/x"), []string{`41/x,`}},
		{ack, []string{`461-3["a",{"_placeholder":true,"num":0}]`, "\x01"}},
		{rawEventFrame("/", noAck, "a", nil, nil), []string{`42["a"]`}},
		{rawEventFrame("/x", noAck, "a", []byte(`1,2`), nil), []string{`42/x,["a",1,2]`}},
		{rawEventFrame("/", noAck, "a", []byte(`{"_placeholder":true,"num":0}`), [][]byte{{1}, {2}}), []string{`452-["a",{"_placeholder":true,"num":0}]`, "\x01", "\x02"}},
		{rawAckFrame("/", 5, nil, nil), []string{`435[]`}},
		{rawAckFrame("/x", 5, []byte(`"a"`), nil), []string{`43/x,5["a"]`}},
	}
	for _, tt := range tests {
		if got := texts(tt.f); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
		tt.f.Release()
	}
}

// plainOuter has the shapes of outer without bytes: the walk must agree with
// encoding/json on it.
type plainOuter struct {
	plainInner
	*plainPtr
	Named  plainInner `json:"named"`
	Name   string     `json:"name"`
	Dup    int        `json:"dup"`
	F      float64
	P      *int           `json:"p,omitempty"`
	S      []string       `json:"s,omitempty"`
	Any    any            `json:"any"`
	M      map[string]any `json:"m"`
	Quoted bool           `json:"quoted,string"`
	Raw    json.RawMessage
	T      time.Time
}

type plainInner struct {
	Dup int    `json:"dup"`
	In  string `json:"in"`
	E   any
}

type plainPtr struct{ Ptr any }

func TestWalkAgreesWithEncodingJSON(t *testing.T) {
	seven := 7
	for _, v := range []any{
		plainOuter{},
		plainOuter{plainInner: plainInner{1, "x", 2.5}, plainPtr: &plainPtr{"p"}, P: &seven, S: []string{"a"}, Any: map[string]any{"k": []any{1, "b"}}, M: map[string]any{"b": nil, "a": true}, Quoted: true, Raw: json.RawMessage(`[1]`)},
		[]any{plainInner{}, &plainInner{Dup: 3}, [2]any{1, nil}},
		map[string]any{"x": map[int]any{1: "a"}},
	} {
		want, err := stdCodec{}.Append(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		e := getEncoder(stdCodec{})
		got, err := e.walk(nil, reflect.ValueOf(v))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("walk(%T):\n got %s, %v\nwant %s", v, got, err, want)
		}
		putEncoder(e)
	}
}

func TestEncodingPlainValuesAllocatesNothing(t *testing.T) {
	args := []any{"text", 12, 1.5, true, nil, json.RawMessage(`{"a":1}`)}
	if n := testing.AllocsPerRun(100, func() {
		f, err := eventFrame(stdCodec{}, "/chat", noAck, "message", args)
		if err != nil {
			t.Fatal(err)
		}
		f.Release()
	}); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

func TestArgs(t *testing.T) {
	a := Args{raw: []byte(`1,"x",{"_placeholder":true,"num":0},{"d":{"_placeholder":true,"num":1},"s":"y"}`),
		attachments: [][]byte{{1, 2}, {3}}, codec: stdCodec{}}
	if a.Len() != 4 {
		t.Errorf("Len = %d", a.Len())
	}
	var n int
	var b []byte
	var v struct {
		D []byte
		S string
	}
	if err := a.Decode(&n, nil, &b, &v, new(int)); err != nil || n != 1 || !bytes.Equal(b, []byte{1, 2}) || !bytes.Equal(v.D, []byte{3}) || v.S != "y" {
		t.Errorf("Decode: %v %v %v %v", n, b, v, err)
	}
	got, err := a.Values()
	want := []any{1.0, "x", []byte{1, 2}, map[string]any{"d": []byte{3}, "s": "y"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Values = %v, %v, want %v", got, err, want)
	}
	if err := a.Decode(new(string)); err == nil || !strings.Contains(err.Error(), "argument 0") {
		t.Errorf("Decode of a number into a string: %v", err)
	}
	var m map[string]any
	var raw json.RawMessage
	if err := a.Decode(nil, &raw, nil, &m); err != nil || string(raw) != `"x"` || !reflect.DeepEqual(m["d"], []byte{3}) {
		t.Errorf("Decode: %s %v %v", raw, m, err)
	}
}

func TestCheckPlaceholders(t *testing.T) {
	tests := []struct {
		in string
		ok bool
	}{
		{`{"_placeholder":true,"num":0}`, true},
		{`{"num":1,"_placeholder":true}`, true},
		{`{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}`, true},
		{`[{"a":{ "_placeholder" : true , "num" : 1 }}]`, true},
		{`"{\"_placeholder\":true}"`, true},
		{`{"_placeholder":false,"num":9}`, true},
		{`{"_placeholder":1,"num":9}`, true},
		{`{"_placeholder":true,"num":9,"num":0}`, true},
		{`1`, true},
		{`{"_placeholder":true,"num":2}`, false},
		{`{"_placeholder":true,"num":-1}`, false},
		{`{"_placeholder":true,"num":1000000000}`, false},
		{`{"_placeholder":true,"num":0.5}`, false},
		{`{"_placeholder":true,"num":"0"}`, false},
		{`{"_placeholder":true,"num":"splice"}`, false},
		{`{"_placeholder":true}`, false},
		{`{"_placeh\u006flder":true}`, false},
		{`[{"a":[{"_placeholder":true,"num":7}]}]`, false},
	}
	for _, tt := range tests {
		if err := checkPlaceholders([]byte(tt.in), 2); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.in, err)
		}
	}
}

func FuzzPlaceholders(f *testing.F) {
	for _, s := range []string{`{"_placeholder":true,"num":0}`, `[{"num":1,"_placeholder":true},{}]`, `{"a":{"_placeholder":true,"num":"x"}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if end := scanValue(b, 0, 128); end < 0 || skipSpace(b, end) != len(b) {
			return
		}
		a := Args{raw: b, attachments: [][]byte{{1}, {2, 3}}, codec: stdCodec{}}
		if checkPlaceholders(b, 2) != nil {
			return
		}
		var overflow *json.UnmarshalTypeError // a number that no float64 holds, such as 1E700
		if _, err := a.Values(); err != nil && json.Valid(b) && !errors.As(err, &overflow) {
			t.Errorf("Values(%q): %v", b, err)
		}
		if in := inlineAttachments(b, a.attachments); !json.Valid(in) {
			t.Errorf("inlined %q", in)
		}
	})
}
