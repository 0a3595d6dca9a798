package msgpack

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/sirocco-io/sirocco/sio"
)

// message makes a packet of pairs of keys and raw values.
func message(pairs ...any) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(pairs)/2))
	for i := 0; i < len(pairs); i += 2 {
		b = msgp.AppendString(b, pairs[i].(string))
		if raw, ok := pairs[i+1].(raw); ok {
			b = append(b, raw...)
			continue
		}
		b, _ = msgp.AppendIntf(b, pairs[i+1])
	}
	return b
}

// raw is a value that is encoded already.
type raw string

// data makes an event of raw arguments.
func data(args ...string) []byte {
	b := append(msgp.AppendArrayHeader(nil, uint32(len(args)+1)), "\xa1e"...)
	return message("type", 2, "nsp", "/", "data", raw(string(b)+strings.Join(args, "")))
}

// TestChecks holds the packets that the reference's decoder refuses, and those
// that it takes.
func TestChecks(t *testing.T) {
	undefined, event := raw("\xd4\x00\x00"), []any{"e"}
	tests := []struct {
		name string
		msg  []byte
		want error
	}{
		{"empty message", nil, errMalformed},
		{"no map", []byte{0x01}, errMalformed},
		{"no type", message("nsp", "/", "data", event), errType},
		{"type 5", message("type", 5, "nsp", "/", "data", event), errType},
		{"type -1", message("type", -1, "nsp", "/", "data", event), errType},
		{"type 1.5", message("type", 1.5, "nsp", "/", "data", event), errType},
		{"type a string", message("type", "2", "nsp", "/", "data", event), errType},
		{"type as a float", message("type", 2.0, "nsp", "/", "data", event), nil},
		{"no namespace", message("type", 2, "data", event), errNamespace},
		{"namespace a number", message("type", 2, "nsp", 1, "data", event), errNamespace},
		{"CONNECT with an array", message("type", 0, "nsp", "/", "data", event), errPayload},
		{"CONNECT with nil", message("type", 0, "nsp", "/", "data", nil), errPayload},
		{"CONNECT with undefined", message("type", 0, "nsp", "/", "data", undefined), nil},
		{"DISCONNECT with a payload", message("type", 1, "nsp", "/", "data", event), errPayload},
		{"DISCONNECT", message("type", 1, "nsp", "/"), nil},
		{"EVENT without a payload", message("type", 2, "nsp", "/"), errPayload},
		{"EVENT with an object", message("type", 2, "nsp", "/", "data", map[string]any{}), errPayload},
		{"EVENT without a name", message("type", 2, "nsp", "/", "data", []any{}), errPayload},
		{"TestCVE_2023_32695 an object for a name", message("type", 2, "nsp", "/", "data", []any{map[string]any{"toString": "foo"}}), errPayload},
		{"nil for a name", message("type", 2, "nsp", "/", "data", []any{nil}), errPayload},
		{"ACK with a string", message("type", 3, "nsp", "/", "data", "x"), errPayload},
		{"ACK without an id", message("type", 3, "nsp", "/", "data", event), nil},
		{"CONNECT_ERROR with an array", message("type", 4, "nsp", "/", "data", event), errPayload},
		{"CONNECT_ERROR with a string", message("type", 4, "nsp", "/", "data", "x"), nil},
		{"id nil", message("type", 2, "nsp", "/", "id", nil, "data", event), errID},
		{"id 1.5", message("type", 2, "nsp", "/", "id", 1.5, "data", event), errID},
		{"id NaN", message("type", 2, "nsp", "/", "id", math.NaN(), "data", event), errID},
		{"id above 2^53", message("type", 2, "nsp", "/", "id", uint64(math.MaxUint64), "data", event), errID},
		{"id undefined", message("type", 2, "nsp", "/", "id", undefined, "data", event), nil},
		{"unknown keys", message("x", map[string]any{"y": 1}, "type", 2, "nsp", "/", "data", event, "__proto__", nil), nil},
		{"the last of equal keys", message("type", 9, "type", 2, "nsp", "/", "data", event), nil},
		{"a number for a key", data("\x81\x05\xc3"), nil},
		{"an array for a key", data("\x81\x90\xc3"), errMalformed},
		{"the byte that means nothing", data("\xc1"), errMalformed},
		{"invalid UTF-8", data("\xa2\xc3\x28"), errMalformed},
		{"invalid UTF-8 in a key", data("\x81\xa1\xff\xc3"), errMalformed},
	}
	for _, tt := range tests {
		if _, err := decoded(t, tt.msg); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	d := Parser{}.NewDecoder(sio.Limits{MaxDepth: 128})
	if done, err := d.Decode(new(sio.Packet), data(), false); done || err == nil {
		t.Errorf("a text message: %v, %v", done, err)
	}
}

// nest returns n arrays, or n maps, in one another.
func nest(n int, open string) string { return strings.Repeat(open, n) + "\xc0" }

func TestDepthIsBounded(t *testing.T) {
	for name, open := range map[string]string{"arrays": "\x91", "maps": "\x81\xa1k"} {
		for depth, want := range map[int]error{127: nil, 128: errMalformed, 200_000: errMalformed} {
			if _, err := decoded(t, data(nest(depth, open))); err != want {
				t.Errorf("%d %s: %v, want %v", depth+1, name, err, want)
			}
			unknown := message("type", 1, "nsp", "/", "x", raw(nest(depth+1, open)))
			if _, err := decoded(t, unknown); err != want {
				t.Errorf("%d %s under an unknown key: %v, want %v", depth+1, name, err, want)
			}
		}
	}
}

// TestDeclaredLengthsAllocateNothing: four bytes that promise four thousand
// million values, or bytes, are believed when they are there.
func TestDeclaredLengthsAllocateNothing(t *testing.T) {
	for name, head := range map[string]string{
		"array": "\xdd\xff\xff\xff\xff", "map": "\xdf\xff\xff\xff\xff", "string": "\xdb\xff\xff\xff\xff",
		"bin": "\xc6\xff\xff\xff\xff", "extension": "\xc9\xff\xff\xff\xff\x00", "array 16": "\xdc\xff\xff", "map 16": "\xde\xff\xff",
	} {
		for _, msg := range [][]byte{data(head), data(head + "\x01\x02"), []byte(head), message("type", raw(head)), message("data", raw(head))} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := decoded(t, msg)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 64<<10 {
				t.Errorf("%s: %v, %d bytes", name, err, n)
			}
		}
	}
}

// TestArgumentsWaitForTheirHandler: what is decoded before a handler asks is
// as large as the message, however many values it holds.
func TestArgumentsWaitForTheirHandler(t *testing.T) {
	msg := data(string(msgp.AppendArrayHeader(nil, 900_000)) + strings.Repeat("\x80", 900_000)) // empty maps
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var p sio.Packet
	if _, err := (Parser{}).NewDecoder(sio.Limits{MaxDepth: 128}).Decode(&p, msg, true); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
		t.Errorf("%d bytes for a message of %d", n, len(msg))
	}
	args, err := p.Load()
	if err != nil || len(args) != 1 || len(args[0].([]any)) != 900_000 {
		t.Errorf("%d arguments, %v", len(args), err)
	}
}

// TestMessageIsNotKept: the loop uses its buffer again, and each Load has a
// result of its own.
func TestMessageIsNotKept(t *testing.T) {
	msg := data("\xc4\x01a", "\xa1s", "\x81\xa1k\xc4\x01b")
	var p sio.Packet
	if _, err := (Parser{}).NewDecoder(sio.Limits{MaxDepth: 128}).Decode(&p, msg, true); err != nil {
		t.Fatal(err)
	}
	for i := range msg {
		msg[i] = 0xdb
	}
	want := []any{[]byte("a"), "s", map[string]any{"k": []byte("b")}}
	for range 2 {
		got, err := p.Load()
		if err != nil || !same(want, got) {
			t.Fatalf("got %v, %v", got, err)
		}
		got[0].([]byte)[0] = 'x'
		got[2].(map[string]any)["k"].([]byte)[0] = 'x'
	}
}

func TestExtensions(t *testing.T) {
	when := time.Unix(1_700_000_000, 0).UTC()
	for name, tt := range map[string]struct {
		raw  string
		want any
	}{
		"timestamp 32":        {"\xd6\xff\x65\x53\xf1\x00", when},
		"timestamp 64":        {"\xd7\xff\x00\x00\x00\x04\x65\x53\xf1\x00", when},
		"timestamp 96":        {"\xc7\x0c\xff\x00\x00\x00\x01\x00\x00\x00\x00\x65\x53\xf1\x00", when},
		"timestamp of 5":      {"\xc7\x05\xff12345", []any{-1.0, []byte("12345")}},
		"too many nanos":      {"\xd7\xff\xff\xff\xff\xff\x65\x53\xf1\x00", []any{-1.0, []byte("\xff\xff\xff\xff\x65\x53\xf1\x00")}},
		"date too far":        {"\xd7\x00\x7f\xff\xff\xff\xff\xff\xff\xff", nil},
		"date too long ago":   {"\xd7\x00\x80\x00\x00\x00\x00\x00\x00\x00", nil},
		"unknown, fixed":      {"\xd5\x07ab", []any{7.0, []byte("ab")}},
		"unknown, 8 bits":     {"\xc7\x01\x80a", []any{-128.0, []byte("a")}},
		"own, 2 bytes fixed":  {"\xd5\x00ab", []any{0.0, []byte("ab")}},
		"own, 16 bits":        {"\xc8\x00\x01\x00a", []byte("a")},
		"own, 32 bits, empty": {"\xc9\x00\x00\x00\x00\x00", []byte{}},
		"msgp's complex type": {"\xd7\x0312345678", []any{3.0, []byte("12345678")}},
		"float 32":            {"\xca\x3f\x00\x00\x00", 0.5},
	} {
		p, err := decoded(t, data(tt.raw, "\x07"))
		if err != nil || len(p.Args) != 2 || !same(tt.want, p.Args[0]) || p.Args[1] != 7.0 {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

func TestEncodeRefusesWhatIsNotPlain(t *testing.T) {
	for _, v := range []any{1, struct{}{}, []any{uint8(1)}, map[string]any{"k": []string{}}} {
		for _, p := range []sio.Packet{{Type: sio.PacketEvent, Args: []any{v}}, {Data: v}} {
			if m, err := (Parser{}).Encode(&p); err == nil {
				t.Errorf("%#v was encoded to %v", v, m)
			}
		}
	}
}

func TestEncodeNumbers(t *testing.T) {
	for _, tt := range []struct {
		v    any
		want string
	}{
		{int64(-1), "\xff"}, {int64(200), "\xcc\xc8"}, {uint64(math.MaxUint64), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"},
		{math.Copysign(0, -1), "\x00"}, {float64(1 << 53), "\xcf\x00\x20\x00\x00\x00\x00\x00\x00"}, {1e300, "\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c"},
		{"a\xff", "\xa4a\xef\xbf\xbd"},
	} {
		got, err := appendValue(nil, tt.v)
		if err != nil || string(got) != tt.want {
			t.Errorf("%v: %x, %v, want %x", tt.v, got, err, tt.want)
		}
	}
}

// FuzzDecode: whatever comes in is refused, or decodes to a packet that comes
// back the same.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes(f))
	}
	f.Add(data("\x81\xa0\xd4\x00\x00", "\xd7\xff\x00\x00\x00\x04\x65\x53\xf1\x00"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := slices.Clone(msg)
		p, err := decoded(t, msg)
		if !bytes.Equal(before, msg) {
			t.Fatal("the message was written to")
		}
		if err != nil {
			return
		}
		messages, err := Parser{}.Encode(p)
		if err != nil {
			t.Fatalf("%+v: %v", p, err)
		}
		// A negative id is the only thing that Encode has no form for: package
		// sio refuses it.
		back, err := decoded(t, messages[0].Data)
		if p.ID >= 0 && (err != nil || !samePacket(p, back)) {
			t.Fatalf("%+v\ncame back as %+v, %v", p, back, err)
		}
	})
}
