package load

// Hot path: no allocation, no lock, no interface call, no time.Now.

import (
	"bytes"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
)

const (
	streamDigits = 5
	numberDigits = 8
	// stampBytes is the part of a message that says who sent it and which
	// it is: sssss.qqqqqqqq.
	stampBytes = streamDigits + 1 + numberDigits + 1
	// MinPayload is the shortest message that carries its stamp.
	MinPayload = stampBytes + 1
	maxPayload = 60000
	maxStreams = 1<<(4*streamDigits) - 1
	// maskKey masks every frame of ours. It is not zero: servers skip the
	// work of unmasking with a zero key.
	maskKey = 0x5a3c9617
	// firstAck makes every ack id eight digits long.
	firstAck  = 10_000_000
	ackDigits = 8
)

// The first bytes of frames of ours.
const (
	firstText = wsframe.Fin | wsframe.First(wsframe.Text)
	firstPong = wsframe.Fin | wsframe.First(wsframe.Pong)
)

// wording is what stands around a message's string.
type wording struct {
	ask, askEnd       string // as the client sends it
	answer, answerEnd string // as it arrives
	id                int    // where an id of ackDigits begins in ask; 0: it has none
	acked             bool   // the answer has the id too, at the same place
	confirmed         bool   // the server says for each message that it has it, besides all answers
}

// message is one kind of event: how to write it, and how to know its answer.
type message struct {
	plain     []byte // the packet with a blank stamp
	masked    []byte // the same as a WebSocket frame of a client
	stamp     int    // where the stamp begins in plain
	ahead     int    // bytes of header in front of plain in masked
	id        int    // see wording
	acked     bool
	confirmed bool

	head []byte // what an answer has in front of its stamp
	tail []byte // and behind it
}

// newMessage makes an event whose string has payload bytes.
func newMessage(w wording, payload int) *message {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	filler := make([]byte, payload-stampBytes)
	for i := range filler {
		filler[i] = letters[i%len(letters)]
	}
	m := &message{head: []byte(w.answer), stamp: len(w.ask), id: w.id, acked: w.acked, confirmed: w.confirmed}
	m.tail = append(bytes.Clone(filler), w.answerEnd...)
	m.plain = append(append([]byte(w.ask+"00000.00000000."), filler...), w.askEnd...)
	m.masked = wsframe.AppendMasked(nil, firstText, maskKey, m.plain)
	m.ahead = len(m.masked) - len(m.plain)
	return m
}

// stampPlain writes stream, number and id into a copy of plain that begins at b.
func (m *message) stampPlain(b []byte, stream, number, id uint32) {
	if m.id > 0 {
		putDecimal(b[m.id:m.id+ackDigits], firstAck+id)
	}
	putHex(b[m.stamp:m.stamp+streamDigits], stream)
	putHex(b[m.stamp+streamDigits+1:m.stamp+stampBytes-1], number)
}

// frame returns the masked WebSocket frame of one message, sealed, with one
// reference.
func (m *message) frame(stream, number, id uint32) *frame.Frame {
	f := frame.New()
	at := len(f.B)
	f.B = append(f.B, m.masked...)
	b := f.B[at+m.ahead:]
	m.stampPlain(b, stream, number, id)
	if m.id > 0 {
		remask(b, m.id, m.id+ackDigits)
	}
	remask(b, m.stamp, m.stamp+streamDigits)
	remask(b, m.stamp+streamDigits+1, m.stamp+stampBytes-1)
	return f.SealRaw()
}

// mask holds the bytes of maskKey as wsframe puts them on the wire.
var mask = func() (m [4]byte) {
	b := wsframe.AppendMasked(nil, firstText, maskKey, make([]byte, 4))
	copy(m[:], b[len(b)-4:])
	return m
}()

// remask masks b[from:to] of a payload that begins at b[0].
func remask(b []byte, from, to int) {
	for i := from; i < to; i++ {
		b[i] ^= mask[i&3]
	}
}

// match reads the stamp of an answer. ok is false when any byte of the rest
// is not as it must be.
func (m *message) match(p []byte) (stream, number uint32, ok bool) {
	h := len(m.head)
	if len(p) != h+stampBytes+len(m.tail) || !bytes.Equal(p[h+stampBytes:], m.tail) {
		return 0, 0, false
	}
	stream, a := hexValue(p[h : h+streamDigits])
	number, b := hexValue(p[h+streamDigits+1 : h+stampBytes-1])
	if !a || !b || p[h+streamDigits] != '.' || p[h+stampBytes-1] != '.' {
		return 0, 0, false
	}
	if m.acked {
		end := m.id + ackDigits
		id, c := decimalValue(p[m.id:end])
		ok = c && id == firstAck+number && bytes.Equal(p[:m.id], m.head[:m.id]) && bytes.Equal(p[end:h], m.head[end:])
		return stream, number, ok
	}
	return stream, number, bytes.Equal(p[:h], m.head)
}

func putHex(b []byte, v uint32) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = "0123456789abcdef"[v&15]
		v >>= 4
	}
}

func putDecimal(b []byte, v uint32) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
}

// digit is the value of a hexadecimal digit, 0xff for other bytes.
var digit = func() (d [256]uint8) {
	for i := range d {
		d[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		d[c] = uint8(i)
	}
	return d
}()

func hexValue(b []byte) (v uint32, ok bool) {
	bad := uint8(0)
	for _, c := range b {
		d := digit[c]
		bad |= d
		v = v<<4 | uint32(d&15)
	}
	return v, bad < 16
}

func decimalValue(b []byte) (v uint32, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint32(c-'0')
	}
	return v, true
}

// nextFrame returns the header and the payload of the first WebSocket frame in
// b and the bytes it took, 0 when it is incomplete.
func nextFrame(b []byte) (h wsframe.Header, payload []byte, n int, err error) {
	if len(b) >= 2 && b[0] == 0x81 && b[1] < 126 { // a short text message: nearly all
		if n = 2 + int(b[1]); len(b) < n {
			return h, nil, 0, nil
		}
		return wsframe.Header{Opcode: wsframe.Text, Fin: true}, b[2:n], n, nil
	}
	h, n, err = wsframe.ParseHeader(b, wsframe.Client|wsframe.AllowRSV1, maxFrame)
	if n == 0 || err != nil || uint64(len(b)-n) < h.Length {
		return h, nil, 0, err
	}
	if !h.Fin || h.Opcode == wsframe.Continuation {
		return h, nil, 0, errFragment
	}
	end := n + int(h.Length)
	return h, b[n:end], end, nil
}

// maxFrame is the longest frame a server may send us.
const maxFrame = 1 << 20

// pong returns a masked WebSocket pong with payload p.
func pong(p []byte) *frame.Frame {
	f := frame.New()
	f.B = wsframe.AppendMasked(f.B, firstPong, maskKey, p)
	return f.SealRaw()
}

// text returns a masked text frame with payload p.
func text(p string) *frame.Frame {
	f := frame.New()
	f.B = wsframe.AppendMasked(f.B, firstText, maskKey, []byte(p))
	return f.SealRaw()
}
