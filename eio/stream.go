package eio

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// stream is a connection whose packets are framed as WebTransport has them
// (EIO v4, "WebTransport"): the first byte tells binary from text in its top
// bit, and the length in the others, or that two or eight bytes with it follow.
// It is the transport of a session, or that of an upgrade before.
type stream struct {
	pc   *poller.Conn
	s    *Session // nil while up is under way
	up   *upgrade // nil for a handshake, and afterwards
	rest []byte   // a packet that is not whole; nil when there is none
	over bool     // nothing is reported any more
}

var _ poller.Handler = (*stream)(nil)

const (
	streamBinary = 0x80 // the bit of binary packets
	streamMedium = 126  // two bytes of length follow
	streamLong   = 127  // eight bytes of length follow
	// maxStreamHead is the longest head.
	maxStreamHead = 9
	// streamCloseTimeout is how long what is queued may take when the server
	// closes.
	streamCloseTimeout = closeTimeout
)

// cutStream returns the first packet of b, and what follows. Whole is false
// when more has to come first; ok when no packet begins like that, or one of
// more than most bytes. Ownership: the results are views into b.
func cutStream(b []byte, most int64) (data []byte, bin bool, rest []byte, whole, ok bool) {
	if len(b) == 0 {
		return nil, false, b, false, true
	}
	bin = b[0]&streamBinary != 0
	head, n := 1, uint64(b[0]&^streamBinary)
	switch n {
	case streamMedium:
		head = 3
	case streamLong:
		head = maxStreamHead
	}
	if len(b) < head {
		return nil, bin, b, false, true
	}
	switch head {
	case 3:
		n = uint64(binary.BigEndian.Uint16(b[1:]))
	case maxStreamHead:
		n = binary.BigEndian.Uint64(b[1:])
	}
	if n == 0 || n > uint64(most) { // compared before it is converted
		return nil, bin, b, false, false
	}
	if uint64(len(b)-head) < n {
		return nil, bin, b, false, true
	}
	end := head + int(n)
	return b[head:end], bin, b[end:], true, true
}

// inStream builds the form Stream of a frame.
func inStream(f *frame.Frame) *frame.Frame {
	g := frame.New()
	first, n := byte(0), len(f.Payload())
	if f.Binary() {
		first = streamBinary
	}
	switch {
	case n < streamMedium:
		g.B = append(g.B, first|byte(n))
	case n <= 0xffff:
		g.B = binary.BigEndian.AppendUint16(append(g.B, first|streamMedium), uint16(n))
	default:
		g.B = binary.BigEndian.AppendUint64(append(g.B, first|streamLong), uint64(n))
	}
	g.B = append(g.B, f.Payload()...)
	return behind(g.SealRaw(), f.Next(), inStream)
}

// OnOpen begins the session, or its upgrade.
func (t *stream) OnOpen(c *poller.Conn) {
	t.pc = c
	cfg := &t.shard().srv.cfg
	t.setLimit(cfg.Poller.MaxQueueBytes, cfg.Poller.Overflow)
	if t.up != nil {
		t.up.begin(t)
		return
	}
	t.s.open(t, nil)
}

func (t *stream) shard() *shard {
	if t.up != nil {
		return t.up.s.shard
	}
	return t.s.shard
}

// OnData hands on the packets that are whole. Ownership: b may be written to,
// and is not kept.
func (t *stream) OnData(_ *poller.Conn, b []byte) {
	if t.over {
		return
	}
	most := t.shard().srv.cfg.MaxHTTPBufferSize
	ours := len(t.rest) > 0
	if ours {
		b = append(t.rest, b...)
		t.rest = nil
	}
	for !t.over {
		data, bin, rest, whole, ok := cutStream(b, most)
		if !ok || whole && !bin && !utf8.Valid(data) {
			t.broken()
			return
		}
		if !whole {
			switch {
			case ours && len(b) > 0:
				t.rest = b // grows as bytes come, and is not copied each time
			case len(b) > 0:
				t.rest = append([]byte(nil), b...)
			}
			return
		}
		if t.up != nil {
			t.up.receive(data, bin)
		} else {
			t.s.receive(data, bin)
		}
		b = rest
	}
}

// broken ends what the stream is for: no packet looks like what came.
func (t *stream) broken() {
	if t.up != nil {
		t.up.fail()
		return
	}
	t.s.finish(ParseError, ErrInvalidPacket)
}

// OnDrain is called by the loop.
func (t *stream) OnDrain(*poller.Conn) {
	if t.s != nil && !t.over {
		t.s.tellDrain()
	}
}

// OnClose is called by the loop.
func (t *stream) OnClose(_ *poller.Conn, err error) {
	t.rest = nil
	switch {
	case t.over:
	case t.up != nil:
		t.over = true
		t.up.lost()
	default:
		t.over = true
		t.s.lost(reasonOf(err), err)
	}
}

func (t *stream) kind() transportKind { return webtransport }

func (t *stream) attach(s *Session) { t.s, t.up = s, nil }

func (t *stream) send(f *frame.Frame, control bool) poller.Outcome {
	g := f.As(frame.Stream, inStream).Retain(1)
	f.Release()
	switch {
	case !control:
		return t.pc.Offer(g)
	case t.pc.SendControl(g):
		return poller.Queued
	}
	return poller.Closed
}

func (t *stream) queued() int    { return t.pc.Queued() }
func (t *stream) writable() bool { return t.pc.Queued() == 0 }
func (t *stream) pause()         { t.pc.Pause() }
func (t *stream) resume()        { t.pc.Resume() }

func (t *stream) setLimit(maxBytes int, o poller.Overflow) {
	if maxBytes <= 0 {
		maxBytes = -1
	}
	t.pc.SetLimit(maxBytes, o)
}

// close ends the stream behind what is queued.
func (t *stream) close(bool) bool {
	t.over = true
	t.pc.CloseAfterFlush(nil, streamCloseTimeout)
	return true
}

func (t *stream) abandon(bool) { t.close(true) }
