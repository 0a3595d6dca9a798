package msgpack

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/sio"
)

// vector is a packet that socket.io-msgpack-parser encoded, with what it
// decodes to there. The script that captures them is
// internal/e2e/js/msgpack-vectors.mjs.
type vector struct {
	Name   string
	Hex    string
	Packet map[string]any
}

func vectors(t testing.TB) []vector {
	t.Helper()
	f, err := os.Open("testdata/vectors.jsonl")
	require.NoError(t, err)
	defer f.Close()
	var all []vector
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		all = append(all, v)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, all)
	return all
}

func (v vector) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(v.Hex)
	require.NoError(t, err)
	return b
}

// gone marks JavaScript's undefined while a vector is read.
type gone struct{}

// untag returns the value that a tagged one stands for (js/msgpack-tags.mjs).
func untag(t testing.TB, v any) any {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			if v[i] = untag(t, x); v[i] == any(gone{}) {
				v[i] = nil
			}
		}
	case map[string]any:
		if v["$undefined"] != nil {
			return gone{}
		}
		if s, ok := v["$number"].(string); ok {
			f, err := strconv.ParseFloat(s, 64)
			require.NoError(t, err)
			return f
		}
		if ms, ok := v["$date"].(float64); ok {
			return time.UnixMilli(int64(ms)).UTC()
		}
		if s, ok := v["$bytes"].(string); ok {
			b, err := base64.StdEncoding.DecodeString(s)
			require.NoError(t, err)
			return b
		}
		for k, x := range v {
			if v[k] = untag(t, x); v[k] == any(gone{}) {
				delete(v, k)
			}
		}
	}
	return v
}

// same compares plain values; unlike reflect.DeepEqual it takes one NaN for
// another.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		f, ok := b.(float64)
		return ok && (a == f || math.IsNaN(a) && math.IsNaN(f))
	case time.Time:
		u, ok := b.(time.Time)
		return ok && a.Equal(u)
	case []byte:
		c, ok := b.([]byte)
		return ok && c != nil && bytes.Equal(a, c)
	case []any:
		c, ok := b.([]any)
		if !ok || len(a) != len(c) {
			return false
		}
		for i := range a {
			if !same(a[i], c[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		c, ok := b.(map[string]any)
		if !ok || len(a) != len(c) {
			return false
		}
		for k, x := range a {
			if y, there := c[k]; !there || !same(x, y) {
				return false
			}
		}
		return true
	}
	return a == b
}

// decoded decodes a message, arguments included.
func decoded(t testing.TB, msg []byte) (*sio.Packet, error) {
	t.Helper()
	var p sio.Packet
	done, err := Parser{}.NewDecoder(sio.Limits{MaxBytes: 1e6, MaxAttachments: 10, MaxDepth: 128}).Decode(&p, msg, true)
	if err != nil {
		return nil, err
	}
	if !done {
		t.Fatal("a message is a packet")
	}
	if p.Load != nil {
		if p.Args, err = p.Load(); err != nil {
			t.Fatal(err)
		}
	}
	return &p, nil
}

// wanted is the packet of v as it must be decoded.
func (v vector) wanted(t testing.TB) *sio.Packet {
	m := untag(t, v.Packet).(map[string]any)
	p := &sio.Packet{Type: sio.PacketType(m["type"].(float64)), Namespace: m["nsp"].(string)}
	if id, ok := m["id"].(float64); ok {
		p.ID, p.HasID = int64(id), true
	}
	list, _ := m["data"].([]any)
	switch p.Type {
	case sio.PacketEvent:
		if n, ok := list[0].(float64); ok {
			list[0] = strconv.Itoa(int(n))
		}
		p.Event, p.Args = list[0].(string), list[1:]
	case sio.PacketAck:
		p.Args = list
	default:
		p.Data = m["data"]
	}
	return p
}

func samePacket(a, b *sio.Packet) bool {
	return a.Type == b.Type && a.Namespace == b.Namespace && a.ID == b.ID && a.HasID == b.HasID && a.Event == b.Event &&
		same(append([]any{}, a.Args...), append([]any{}, b.Args...)) && same(a.Data, b.Data)
}

// otherBytes are the vectors that we encode to other bytes, and why.
var otherBytes = map[string]string{
	"CONNECT as the client sends it": "undefined is left out",
	"CONNECT as the server answers":  "undefined is left out",
	"undefined":                      "it is nil, and left out of objects",
	"EVENT with options":             "options are the client's",
	"EVENT named by a number":        "names are strings",
	"keys in another order":          "ours are in one order",
	"byte arrays":                    "bytes are bin, whatever held them there",
	"fractions":                      "the library writes a wrong integer for those above 2^64",
	"odd keys":                       "keys are sorted",
}

// TestVectors decodes what the client's library encoded, and encodes it to the
// same bytes.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			got, err := decoded(t, v.bytes(t))
			require.NoError(t, err)
			want := v.wanted(t)
			if !samePacket(got, want) {
				t.Fatalf("got %+v\nwant %+v", got, want)
			}
			messages, err := Parser{}.Encode(got)
			require.NoError(t, err)
			if len(messages) != 1 || !messages[0].Binary {
				t.Fatalf("encoded to %d messages", len(messages))
			}
			equal := hex.EncodeToString(messages[0].Data) == v.Hex
			if _, other := otherBytes[v.Name]; equal == other {
				t.Errorf("bytes equal: %v\n got %x\nwant %s", equal, messages[0].Data, v.Hex)
			}
			back, err := decoded(t, messages[0].Data)
			if err != nil || !samePacket(back, got) {
				t.Errorf("back: %+v, %v", back, err)
			}
		})
	}
}

// TestVectorsCut: a packet that lacks bytes, or has some too many, is an error
// at every offset.
func TestVectorsCut(t *testing.T) {
	for _, v := range vectors(t) {
		b := v.bytes(t)
		for i := range b {
			if p, err := decoded(t, b[:i:i]); err == nil {
				t.Errorf("%s cut to %d of %d bytes: %+v", v.Name, i, len(b), p)
			}
		}
		if _, err := decoded(t, append(b, 0xc0)); err != errTrailing {
			t.Errorf("%s with a byte behind it: %v", v.Name, err)
		}
	}
}
