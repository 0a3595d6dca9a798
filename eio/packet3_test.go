package eio

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// vector is one line of testdata/payload3.txt that something is done with,
// with the lines behind it.
type vector struct {
	line    int
	kind    string // text, octets or packets
	in      string
	want    []string // text, octets
	octets  []byte   // packets
	base64  []byte   // packets
	isText  bool     // packets: octets is text
	packets []string // packets
}

func readVectors(t testing.TB) (all []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/payload3.txt")
	require.NoError(t, err)
	for i, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		kind, rest, _ := strings.Cut(line, " ")
		last := &vector{}
		if len(all) > 0 {
			last = &all[len(all)-1]
		}
		switch kind {
		case "", "#", "~":
		case "=":
			last.want = packetsOf(t, rest)
		case "base64":
			last.base64, _ = bodyOf(t, rest)
		case "packets":
			all = append(all, vector{line: i + 1, kind: kind, packets: packetsOf(t, rest)})
		case "text", "octets":
			if last.kind == "packets" && last.octets == nil {
				last.octets, last.isText = bodyOf(t, rest)
				continue
			}
			body, _ := bodyOf(t, rest)
			all = append(all, vector{line: i + 1, kind: kind, in: string(body)})
		default:
			t.Fatalf("line %d: %q", i+1, line)
		}
	}
	return all
}

// bodyOf reads a JSON string or octets in hex.
func bodyOf(t testing.TB, s string) (body []byte, text bool) {
	t.Helper()
	if strings.HasPrefix(s, `"`) {
		var out string
		require.NoError(t, json.Unmarshal([]byte(s), &out), s)
		return []byte(out), true
	}
	body, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	require.NoError(t, err, s)
	return body, false
}

// packetsOf splits packets at the spaces outside of strings.
func packetsOf(t testing.TB, s string) (list []string) {
	t.Helper()
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		word := s
		if strings.HasPrefix(s, `"`) {
			var raw json.RawMessage
			require.NoError(t, json.NewDecoder(strings.NewReader(s)).Decode(&raw), s)
			word = string(raw)
		} else {
			word, _, _ = strings.Cut(s, " ")
		}
		list, s = append(list, word), s[len(word):]
	}
	return list
}

var typeNames = [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop", "error"}

// decodeAll decodes a payload up to its first error, as words of the file.
func decodeAll(next func([]byte) (packet, []byte, bool), payload []byte) (words []string) {
	for more := true; more; {
		var p packet
		p, payload, more = next(payload)
		if p.typ == packetError {
			return append(words, "error")
		}
		words = append(words, typeNames[p.typ])
		if p.binary {
			words = append(words, "x"+hex.EncodeToString(p.data))
		} else if len(p.data) > 0 {
			text, _ := json.Marshal(string(p.data))
			words = append(words, string(text))
		}
	}
	return words
}

// TestPayload3Vectors decodes and encodes the payloads of the file.
func TestPayload3Vectors(t *testing.T) {
	for _, v := range readVectors(t) {
		next := nextPacket3
		switch v.kind {
		case "packets":
			checkEncoded(t, v)
			continue
		case "octets":
			next = nextOctets3
		}
		got := decodeAll(next, []byte(v.in))
		// What is ignored comes out as a noop, which the file has in one place.
		if strings.Join(got, " ") != strings.Join(v.want, " ") && strings.Join(without(got, "noop"), " ") != strings.Join(v.want, " ") {
			t.Errorf("line %d: %q holds %s, want %s", v.line, v.in, got, v.want)
		}
	}
}

func without(words []string, word string) (rest []string) {
	for _, w := range words {
		if w != word {
			rest = append(rest, w)
		}
	}
	return rest
}

func checkEncoded(t *testing.T, v vector) {
	t.Helper()
	var q sendQueue
	for _, w := range v.packets {
		f := frame.New()
		if data, ok := strings.CutPrefix(w, "x"); ok {
			octets, err := hex.DecodeString(data)
			require.NoError(t, err)
			f.B = append(f.B, octets...)
			f.SealBinary()
		} else {
			var text string
			require.NoError(t, json.Unmarshal([]byte(w), &text))
			f.B = append(f.B, text...)
			f.SealText()
		}
		q.append(f, false)
	}
	got, text := encodePayload3(nil, q.live(), false)
	if !bytes.Equal(got, v.octets) || text != v.isText {
		t.Errorf("line %d: %q (text %v), want %q", v.line, got, text, v.octets)
	}
	if got, text := encodePayload3(nil, q.live(), true); !bytes.Equal(got, v.base64) || !text {
		t.Errorf("line %d: base64: %q, want %q", v.line, got, v.base64)
	}
	q.drop()
}

// TestOctetLengthDigits has lengths of as many digits as a number may have,
// and of one more.
func TestOctetLengthDigits(t *testing.T) {
	for _, tt := range []struct {
		digits int
		want   string
	}{{1, `message "a"`}, {maxOctetDigits, `message "a"`}, {maxOctetDigits + 1, "error"}, {100_000, "error"}} {
		payload := append([]byte{0}, make([]byte, tt.digits-1)...)
		payload = append(payload, 2, octetsEnd, '4', 'a')
		if got := strings.Join(decodeAll(nextOctets3, payload), " "); got != tt.want {
			t.Errorf("%d digits: %s, want %s", tt.digits, got, tt.want)
		}
	}
}

func TestBinaryMessages3(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		typ      packetType
	}{
		{"\x04abc", "abc", packetMessage}, {"\x04", "", packetMessage}, {"\x02probe", "probe", packetPing},
		{"", "", packetNoop}, {"\x07x", "", packetNoop}, {"4abc", "", packetNoop}, {"\xff", "", packetNoop},
	} {
		if p := decodePacket3([]byte(tt.in), true); p.typ != tt.typ || string(p.data) != tt.want {
			t.Errorf("%q: type %d, %q", tt.in, p.typ, p.data)
		}
	}
}

// FuzzPayload3 decodes anything, and what was sent again as it was.
func FuzzPayload3(f *testing.F) {
	for _, v := range readVectors(f) {
		if v.kind != "packets" {
			f.Add([]byte(v.in), v.kind == "octets")
		}
	}
	f.Fuzz(func(t *testing.T, payload []byte, octets bool) {
		next := nextPacket3
		if octets {
			next = nextOctets3
		}
		total := 0
		for rest, more := bytes.Clone(payload), true; more; {
			before := len(rest)
			var p packet
			p, rest, more = next(rest)
			if p.typ == packetError {
				break
			}
			if total += len(p.data); total > len(payload) || more && len(rest) >= before {
				t.Fatalf("%d bytes of data, %d left of %d", total, len(rest), before)
			}
		}
		again(t, payload)
	})
}

// again sends data as a text and as a binary message, in each form, and reads
// them back.
func again(t *testing.T, data []byte) {
	t.Helper()
	var q sendQueue
	q.append(messageFrame(bytes.ToValidUTF8(data, []byte("?")), false), false)
	q.append(messageFrame(data, true), false)
	defer q.drop()
	want := []string{"message", "message", "x" + hex.EncodeToString(data)}
	if text := bytes.ToValidUTF8(data, []byte("?")); len(text) > 0 {
		quoted, _ := json.Marshal(string(text))
		want = []string{"message", string(quoted), "message", "x" + hex.EncodeToString(data)}
	}
	for _, asText := range []bool{true, false} {
		payload, text := encodePayload3(nil, q.live(), asText)
		next := nextOctets3
		if text {
			next = nextPacket3
		}
		if got := decodeAll(next, payload); fmt.Sprint(got) != fmt.Sprint(want) || text != asText {
			t.Fatalf("%q came back as %s (text %v)", data, got, text)
		}
	}
}

func TestDecoding3AllocatesNothing(t *testing.T) {
	text := []byte("2:4é10:b4AQIDBA==1:2")
	octets := []byte{0, 2, 255, '4', 'x', 1, 3, 255, 4, 1, 2}
	n := testing.AllocsPerRun(100, func() {
		decodePacket3(text[2:5], false)
		decodePacket3(octets[8:], true)
		for rest, more := octets, true; more; {
			_, rest, more = nextOctets3(rest)
		}
		copy(text, "2:4é10:b4AQIDBA==1:2") // base64 is decoded in place
		for rest, more := text, true; more; {
			_, rest, more = nextPacket3(rest)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestForms3 sends a packet with an attachment to clients of all kinds: it is
// encoded once for each.
func TestForms3(t *testing.T) {
	f := textFrame(`451-["x",{"_placeholder":true,"num":0}]`)
	f.Chain(messageFrame([]byte{1, 2, 255}, true))
	f.SetPolicy(uint8(poller.OverflowDropNewest) + 1)
	for _, tt := range []struct {
		form  frame.Form
		build func(*frame.Frame) *frame.Frame
		want  string
	}{
		{frame.Typed, typed, "\x82\x04\x04\x01\x02\xff"},
		{frame.Base64, textual, "\x81\x06b4AQL/"},
	} {
		first := inForm(f.Retain(1), tt.form, tt.build)
		second := inForm(f.Retain(1), tt.form, tt.build)
		if first != second || first == f {
			t.Errorf("form %d was built twice, or not at all", tt.form)
		}
		if !bytes.Equal(first.Wire(), f.Wire()) || string(first.Next().Wire()) != tt.want || first.Policy() != f.Policy() {
			t.Errorf("form %d: %q %q", tt.form, first.Wire(), first.Next().Wire())
		}
		if first.Next().Next() != nil || first.Size() != len(first.Wire())+len(first.Next().Wire()) {
			t.Errorf("form %d: size %d", tt.form, first.Size())
		}
		first.Release()
		second.Release()
	}
	n := testing.AllocsPerRun(100, func() { inForm(f.Retain(1), frame.Typed, typed).Release() })
	if n != 0 {
		t.Errorf("%v allocations for a form that is there", n)
	}
	f.Release()

	text := textFrame("4hello")
	if inForm(text.Retain(1), frame.Typed, typed) != text {
		t.Error("text has another form")
	}
	text.Release()
	text.Release()
}

func TestScripts(t *testing.T) {
	for _, tt := range []struct{ head, payload, want string }{
		{"___eio[0](", "1:6", `___eio[0]("1:6");`},
		{"___eio[](", "4<b>\"\\\n\u2028\u2029\u0001é", `___eio[]("4<b>\"\\\n\u2028\u2029\u0001é");`},
	} {
		if got := string(scriptOf(tt.head, []byte(tt.payload))); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

func TestForms(t *testing.T) {
	for _, tt := range []struct {
		form, want string
		ok         bool
	}{
		{"d=6%3A4hello", "6:4hello", true},
		{"a=1&d=2%3A4+&b=2", "2:4 ", true},
		{`d=4:4a\nb`, "4:4a\nb", true},
		{`d=5%3A4a%5C%5Cnb`, `5:4a\nb`, true},
		{`d=%5C%5C%5Cn%5Cx`, `\\n\x`, true},
		{"%64=1:2", "1:2", true},
		{"d=", "", true},
		{"d", "", true},
		{"d=1:2&d=1:3", "", false}, // a list to the reference's parser
		{"e=1:2", "", false},
		{"", "", false},
	} {
		got, ok := formPayload([]byte(tt.form), false)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("%s: %q %v, want %q %v", tt.form, got, ok, tt.want, tt.ok)
		}
	}
	if _, ok := formPayload([]byte("d=1:2"), true); ok {
		t.Error("octets are no form")
	}
}
