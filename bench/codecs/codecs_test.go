package codecs_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/bench/codecs"
)

// Typical arguments of events.
type (
	message struct {
		ID   int    `json:"id"`
		Room string `json:"room"`
		Text string `json:"text"`
	}
	profile struct {
		ID      string            `json:"id"`
		Name    string            `json:"name"`
		Email   string            `json:"email"`
		Created time.Time         `json:"created"`
		Score   float64           `json:"score"`
		Active  bool              `json:"active"`
		Tags    []string          `json:"tags"`
		Labels  map[string]string `json:"labels"`
		Address struct {
			Street string  `json:"street"`
			City   string  `json:"city"`
			Lat    float64 `json:"lat"`
			Lon    float64 `json:"lon"`
		} `json:"address"`
		Friends []message `json:"friends"`
		Note    *string   `json:"note"`
	}
)

func newProfile() *profile {
	note := strings.Repeat("a note of some length; ", 8)
	p := &profile{
		ID: "5f1c9e3b7a", Name: "Ada Lovelace", Email: "ada@example.com", Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Score: 98.5, Active: true, Tags: []string{"one", "two", "naïve", "漢字"}, Labels: map[string]string{"a": "1", "b": "2", "c": "3"}, Note: &note,
	}
	p.Address.Street, p.Address.City, p.Address.Lat, p.Address.Lon = "12 St James's Square", "London", 51.5072, -0.1276
	for i := range 8 {
		p.Friends = append(p.Friends, message{i, "lobby", "hello from " + strings.Repeat("x", i)})
	}
	return p
}

func newNumbers() []float64 {
	n := make([]float64, 100)
	for i := range n {
		n[i] = float64(i) * 1.25
	}
	return n
}

// cases are the values with a fresh target for each.
var cases = []struct {
	name   string
	value  any
	target func() any
}{
	{"string", "hello, world", func() any { return new(string) }},
	{"object", &message{7, "lobby", "hello, world"}, func() any { return new(message) }},
	{"1KB", newProfile(), func() any { return new(profile) }},
	{"array100", newNumbers(), func() any { return new([]float64) }},
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range cases {
		for _, codec := range codecs.All() {
			b.Run(c.name+"/"+codec.Name, func(b *testing.B) {
				buf := make([]byte, 0, 4096)
				b.ReportAllocs()
				for b.Loop() {
					if _, err := codec.Codec.Append(buf, c.value); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range cases {
		text, err := json.Marshal(c.value)
		if err != nil {
			b.Fatal(err)
		}
		for _, codec := range codecs.All() {
			b.Run(c.name+"/"+codec.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := codec.Codec.Unmarshal(text, c.target()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkDecodeAny is what a handler with dynamic values costs.
func BenchmarkDecodeAny(b *testing.B) {
	for _, c := range cases {
		text, err := json.Marshal(c.value)
		if err != nil {
			b.Fatal(err)
		}
		for _, codec := range codecs.All() {
			b.Run(c.name+"/"+codec.Name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					var v any
					if err := codec.Codec.Unmarshal(text, &v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// stringer has its text from a method with a pointer for a receiver.
type stringer struct{ n int }

func (s *stringer) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, `"n%d"`, s.n), nil }

type embedded struct {
	Inner int `json:"inner"`
}

type odd struct {
	embedded
	*message
	Quoted int             `json:"quoted,string"`
	Empty  []int           `json:"empty,omitempty"`
	Zero   time.Time       `json:"zero,omitzero"`
	Raw    json.RawMessage `json:"raw"`
	Number json.Number     `json:"number"`
	Ptr    stringer        `json:"ptr"`
	Map    map[int]string  `json:"map"`
	Any    any             `json:"any"`
	Array  [2]bool         `json:"array"`
	Bytes  []byte          `json:"bytes"`
	Small  float32         `json:"small"`
}

var values = []any{
	"", "<b>&</b>", "\u2028", "a\xffb", "quote \" back \\ nul \x00 del \x7f", "😀", strings.Repeat("é", 300),
	0, -1, math.MaxInt64, uint64(math.MaxUint64), 0.1, 1e21, 1e20, 1e-7, 1e-6, -0.0, math.MaxFloat64, math.SmallestNonzeroFloat64, float32(0.1),
	math.NaN(), math.Inf(1), nil, true, []int(nil), []int{}, map[string]int(nil), map[string]int{"b": 1, "a": 2}, map[int]string{10: "x", 9: "y"},
	[]byte("bytes"), [3]int{1, 2, 3}, time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), make(chan int), &stringer{4}, []stringer{{5}},
	json.RawMessage(`{"a":1}`), json.RawMessage(`{bad`), json.Number("12.50"), json.Number("x"), message{1, "r", "t"}, newProfile(), newNumbers(),
	odd{embedded: embedded{1}, message: &message{2, "r", "t"}, Quoted: 3, Raw: json.RawMessage(`[ 1 ]`), Number: "7", Map: map[int]string{1: "x"}, Any: []any{nil, "x"}, Bytes: []byte{1}, Small: 0.1},
	&odd{}, any([]any{1.5, "x", map[string]any{"k": nil}}),
}

var texts = []string{
	`null`, `true`, `0`, `-0`, `1e400`, `12345678901234567890`, `1.0`, `"x"`, `"\u00e9\ud83d\ude00"`, `"\ud800"`, `"\ud800x"`, `"a\/b"`, "\"\xff\"", `[]`, `{}`,
	`[1,2.5,"x",null,[true]]`, `{"id":1,"room":"r","text":"t","more":[{}]}`, `{"ID":1,"Room":"case"}`, `{"id":1,"id":2}`, `{"id":"x"}`, `{"id":1.5}`, `{"id":null}`, `{"id":9223372036854775808}`,
	`{"a":{"b":{"c":[1,{"d":null}]}}}`, ` [ 1 , 2 ] `, `{"":""}`, `{"__proto__":1}`,
}

// differences counts, for each codec, where it is not as encoding/json.
type differences map[string][]string

func (d differences) encode(codec codecs.Named, v any) {
	want, wantErr := codecs.Std{}.Append([]byte("x"), v)
	got, err := codec.Codec.Append([]byte("x"), v)
	if (err == nil) != (wantErr == nil) || err == nil && string(got) != string(want) {
		d[codec.Name] = append(d[codec.Name], fmt.Sprintf("encode %T: %.300q, %v; want %.300q, %v", v, got, err, want, wantErr))
	}
}

func (d differences) decode(codec codecs.Named, text string, target func() any) {
	want, got := target(), target()
	wantErr := json.Unmarshal([]byte(text), want)
	data := []byte(text)
	err := codec.Codec.Unmarshal(data, got)
	for i := range data {
		data[i] = 'X' // a codec must not keep it
	}
	if (err == nil) != (wantErr == nil) || err == nil && !reflect.DeepEqual(got, want) {
		d[codec.Name] = append(d[codec.Name], fmt.Sprintf("decode %.60q into %T: %+v, %v; want %+v, %v", text, got, reflect.ValueOf(got).Elem(), err, reflect.ValueOf(want).Elem(), wantErr))
	}
}

func targets() []func() any {
	return []func() any{
		func() any { return new(any) }, func() any { return new(string) }, func() any { return new(int) }, func() any { return new(float64) },
		func() any { return new(message) }, func() any { return new(map[string]any) }, func() any { return new([]any) }, func() any { return new([]byte) },
		func() any { return new(*message) }, func() any { return new(json.RawMessage) },
	}
}

// known is how many differences each codec has over the values and texts
// above, so that what a release changes is seen. With GOEXPERIMENT=jsonv2
// encoding/json is another itself: they are only logged then.
var known = map[string]int{"sonic": 2, "segmentio": 2, "jsoniter": 11}

func TestDifferencesFromEncodingJSON(t *testing.T) {
	d := differences{}
	for _, codec := range codecs.All() {
		for _, v := range values {
			d.encode(codec, v)
		}
		for _, text := range texts {
			for _, target := range targets() {
				d.decode(codec, text, target)
			}
		}
		for _, line := range d[codec.Name] {
			t.Logf("%s: %s", codec.Name, line)
		}
		if n := len(d[codec.Name]); n != known[codec.Name] && !codecs.HasV2() {
			t.Errorf("%s: %d differences, %d known", codec.Name, n, known[codec.Name])
		}
	}
}
