package eio

import (
	"encoding/base64"
	"strconv"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
)

// Encoding of Engine.IO 3 (EIO v3, "Encoding"). Frames hold packets as
// revision 4 has them on WebSocket: text is the same in both, binary is not.

// messageOctet is the type of a message in front of a binary packet.
const messageOctet = byte(packetMessage)

// encodePayload3 appends packets as revision 3 has them: as text, unless one
// of them is binary and may be sent as such. Ownership: the result is the
// caller's.
func encodePayload3(dst []byte, packets []queued, asBase64 bool) (body []byte, text bool) {
	text = asBase64 || !anyBinary(packets)
	for _, q := range packets {
		for f := q.F; f != nil; f = f.Next() {
			switch {
			case !text:
				dst = appendOctets3(dst, f.Payload(), f.Binary())
			case f.Binary():
				n := len("b4") + base64.StdEncoding.EncodedLen(len(f.Payload()))
				dst = append(strconv.AppendInt(dst, int64(n), 10), ':')
				dst = appendBase64(dst, f.Payload())
			default:
				dst = append(strconv.AppendInt(dst, int64(countUnits(f.Payload())), 10), ':')
				dst = append(dst, f.Payload()...)
			}
		}
	}
	return dst, text
}

func anyBinary(packets []queued) bool {
	for _, q := range packets {
		if hasBinary(q.F) {
			return true
		}
	}
	return false
}

// hasBinary reports whether f or a frame behind it is binary.
func hasBinary(f *frame.Frame) bool {
	for ; f != nil; f = f.Next() {
		if f.Binary() {
			return true
		}
	}
	return false
}

// appendOctets3 appends one packet to a payload that is not text. Ownership:
// the result is the caller's.
func appendOctets3(dst, packet []byte, binary bool) []byte {
	mark, n := byte(0), len(packet)
	if binary {
		mark = 1
		n++
	}
	dst = append(dst, mark)
	digits := len(dst)
	dst = strconv.AppendInt(dst, int64(n), 10)
	for i := digits; i < len(dst); i++ {
		dst[i] -= '0'
	}
	dst = append(dst, octetsEnd)
	if binary {
		dst = append(dst, messageOctet)
	}
	return append(dst, packet...)
}

// appendBase64 appends a binary message as text. Ownership: the result is the
// caller's.
func appendBase64(dst, data []byte) []byte {
	return base64.StdEncoding.AppendEncode(append(dst, "b4"...), data)
}

// countUnits returns the length of text, which is UTF-8, in UTF-16 units: one
// for each character, two for those of four bytes.
func countUnits(text []byte) (n int) {
	for _, c := range text {
		if c&0xc0 != 0x80 {
			n++
		}
		if c >= 0xf0 {
			n++
		}
	}
	return n
}

// overWebSocket3 makes a WebSocket a transport of revision 3.
func overWebSocket3(c *web.WSConn, asBase64 bool) transport {
	if asBase64 {
		return base64Socket{(*wsTransport)(c)}
	}
	return typedSocket{(*wsTransport)(c)}
}

// typedSocket is a WebSocket whose binary messages begin with their type.
type typedSocket struct{ *wsTransport }

func (t typedSocket) send(f *frame.Frame, control bool) poller.Outcome {
	return t.wsTransport.send(inForm(f, frame.Typed, typed), control)
}

// base64Socket is a WebSocket whose client can't take binary messages.
type base64Socket struct{ *wsTransport }

func (t base64Socket) send(f *frame.Frame, control bool) poller.Outcome {
	return t.wsTransport.send(inForm(f, frame.Base64, textual), control)
}

// inForm returns f in another form if there is something binary in it. It
// takes over a reference, and returns one.
func inForm(f *frame.Frame, form frame.Form, build func(*frame.Frame) *frame.Frame) *frame.Frame {
	if !hasBinary(f) {
		return f
	}
	g := f.As(form, build).Retain(1)
	f.Release()
	return g
}

// typed builds the form Typed.
func typed(f *frame.Frame) *frame.Frame {
	g := frame.New()
	if f.Binary() {
		g.B = append(append(g.B, messageOctet), f.Payload()...)
		return behind(g.SealBinary(), f.Next(), typed)
	}
	g.B = append(g.B, f.Payload()...)
	return behind(g.SealText(), f.Next(), typed)
}

// textual builds the form Base64.
func textual(f *frame.Frame) *frame.Frame {
	g := frame.New()
	if f.Binary() {
		g.B = appendBase64(g.B, f.Payload())
	} else {
		g.B = append(g.B, f.Payload()...)
	}
	return behind(g.SealText(), f.Next(), textual)
}

// behind chains what build makes of next, if that is not nil, behind g.
func behind(g, next *frame.Frame, build func(*frame.Frame) *frame.Frame) *frame.Frame {
	if next != nil {
		g.Chain(build(next))
	}
	return g
}
