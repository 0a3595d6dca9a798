package load

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/stretchr/testify/require"
)

func echoMessage(payload int) *message {
	return newMessage(socketIO{}.words("echo", ""), payload)
}

func ackMessage() *message {
	return newMessage(socketIO{}.words("ack", ""), 32)
}

// packetOf unmasks the packet of a message's frame.
func packetOf(t *testing.T, wire []byte) string {
	t.Helper()
	h, n, err := wsframe.ParseHeader(wire, 0, maxFrame)
	require.NoError(t, err)
	require.NotZero(t, n)
	p := bytes.Clone(wire[n:])
	require.EqualValues(t, h.Length, len(p))
	wsframe.Mask(p, h.Key)
	return string(p)
}

func TestFrameIsThePacketMasked(t *testing.T) {
	f := echoMessage(MinPayload+4).frame(0x1f, 0xabc, 0xabc)
	if got, want := packetOf(t, f.Wire()), `42["echo","0001f.00000abc.abcde"]`; got != want {
		t.Errorf("echo = %s, want %s", got, want)
	}
	f = ackMessage().frame(2, 7, 7)
	if got, want := packetOf(t, f.Wire()), `4210000007["ack","00002.00000007.abcdefghijklmnopq"]`; got != want {
		t.Errorf("ack = %s, want %s", got, want)
	}
}

func TestPayloadIsAsLongAsAsked(t *testing.T) {
	for _, n := range []int{MinPayload, 64, 100, 1000, maxPayload} {
		p := packetOf(t, echoMessage(n).frame(1, 1, 1).Wire())
		if got := len(p) - len(`42["echo",""]`); got != n {
			t.Errorf("payload of %d has %d bytes", n, got)
		}
	}
}

func TestMatchReadsTheStamp(t *testing.T) {
	m := echoMessage(64)
	stream, number, ok := m.match([]byte(packetOf(t, m.frame(0xabcde, 0xffffffff, 0xffffffff).Wire())))
	if !ok || stream != 0xabcde || number != 0xffffffff {
		t.Errorf("match = %x, %x, %v; want abcde, ffffffff, true", stream, number, ok)
	}
	a := ackMessage()
	answer := `4310000007["00002.00000007.abcdefghijklmnopq"]`
	if stream, number, ok = a.match([]byte(answer)); !ok || stream != 2 || number != 7 {
		t.Errorf("match of the ack = %d, %d, %v; want 2, 7, true", stream, number, ok)
	}
	if _, _, ok = a.match([]byte(strings.Replace(answer, "10000007", "10000008", 1))); ok {
		t.Error("an ack with another id matches")
	}
}

// No byte of an answer may change without being noticed, but for the stamp's
// digits, which the loads check.
func TestMatchSeesEveryByte(t *testing.T) {
	for _, c := range []struct {
		m      *message
		answer string
	}{
		{echoMessage(40), `42["echo","00001.00000002.abcdefghijklmnopqrstuvwxy"]`},
		{ackMessage(), `4310000002["00001.00000002.abcdefghijklmnopq"]`},
	} {
		wantStream, wantNumber, ok := c.m.match([]byte(c.answer))
		require.True(t, ok, c.answer)
		for i := range c.answer {
			b := []byte(c.answer)
			b[i] ^= 0x40
			stream, number, ok := c.m.match(b)
			if ok && stream == wantStream && number == wantNumber {
				t.Errorf("match(%q) does not see byte %d", b, i)
			}
		}
		for _, cut := range []string{c.answer[1:], c.answer[:len(c.answer)-1], c.answer + " ", ""} {
			if _, _, ok := c.m.match([]byte(cut)); ok {
				t.Errorf("match(%q) = true", cut)
			}
		}
	}
}

func TestNextFrame(t *testing.T) {
	text := wsframe.Fin | wsframe.First(wsframe.Text)
	for _, n := range []int{0, 1, 125, 126, 70000} {
		b := wsframe.AppendHeader(nil, text, n)
		b = append(b, bytes.Repeat([]byte("x"), n)...)
		for cut := max(0, len(b)-3); cut < len(b); cut++ {
			if _, _, used, err := nextFrame(b[:cut]); used != 0 || err != nil {
				t.Errorf("nextFrame of %d of %d bytes = %d, %v", cut, len(b), used, err)
			}
		}
		h, p, used, err := nextFrame(append(b, 'y'))
		if h.Opcode != wsframe.Text || len(p) != n || used != len(b) || err != nil {
			t.Errorf("nextFrame of %d bytes = %v, %d, %d, %v", n, h.Opcode, len(p), used, err)
		}
	}
	if _, _, _, err := nextFrame([]byte{0x01, 0x01, 'x'}); !errors.Is(err, errFragment) {
		t.Errorf("a fragment: %v", err)
	}
	if _, _, _, err := nextFrame([]byte{0x81, 0x81, 0, 0, 0, 0, 'x'}); err == nil {
		t.Error("a masked frame from a server is accepted")
	}
}

// TestInflatedOnce: the same bytes again are compared, not inflated.
func TestInflatedOnce(t *testing.T) {
	var l inflated
	d := deflate.NewDeflater(deflate.DefaultLevel)
	for _, want := range []string{"one", "one", "two", "", strings.Repeat("three ", 1000)} {
		got, err := l.get(d.Append(nil, []byte(want), nil, deflate.MaxBits))
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if _, err := l.get([]byte{0x06}); err == nil {
		t.Error("no error for what is no DEFLATE")
	}
}

func TestParseResponse(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ncontent-length: 3\r\n\r\n2\x1e6"
	for i := range len(whole) {
		if _, _, n, err := parseResponse([]byte(whole[:i])); n != 0 || err != nil {
			t.Errorf("parseResponse of %d bytes = %d, %v", i, n, err)
		}
	}
	status, body, n, err := parseResponse([]byte(whole + "HTTP"))
	if status != 200 || string(body) != "2\x1e6" || n != len(whole) || err != nil {
		t.Errorf("parseResponse = %d, %q, %d, %v", status, body, n, err)
	}
	for _, bad := range []string{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 abc\r\nContent-Length: 0\r\n\r\n", "x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"} {
		if _, _, _, err := parseResponse([]byte(bad)); err == nil {
			t.Errorf("parseResponse(%q) succeeds", bad)
		}
	}
}

func TestFitLine(t *testing.T) {
	x := []float64{3000, 6000, 9000, 12000, 15000}
	slope, r2 := fitLine(x, []float64{1e6 + 3000*461, 1e6 + 6000*461, 1e6 + 9000*461, 1e6 + 12000*461, 1e6 + 15000*461})
	if math.Abs(slope-461) > 1e-6 || math.Abs(r2-1) > 1e-9 {
		t.Errorf("fitLine of a line = %v, %v; want 461, 1", slope, r2)
	}
	if slope, r2 = fitLine(x[:1], x[:1]); slope != 0 || r2 != 0 {
		t.Errorf("fitLine of a point = %v, %v; want zeros", slope, r2)
	}
	if _, r2 = fitLine(x, []float64{5, 1, 4, 2, 3}); r2 > 0.5 {
		t.Errorf("R² of noise = %v", r2)
	}
}
