package web

import (
	"io"
	"net/netip"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// wsState is the state of the closing handshake (RFC 6455 section 7), in order
// of life:
//
//	wsOpen ── Close ──▶ wsClosing ── close frame, timeout, error ──▶ wsDone
//	   └── close frame, error, Abort ────────────────────────────────▶
type wsState uint8

const (
	wsOpen    wsState = iota // entered by Upgrade
	wsClosing                // our close frame is queued: we wait for the client's
	wsDone                   // terminal: nothing more is read or sent
)

// WSConn is a WebSocket on the server's side. All its methods are for the
// goroutine of its loop only, and harmless after OnWSClose.
//
// It holds no buffer and no timer: what an incomplete message, a pong that was
// put off, or the closing handshake needs hangs on it only as long as they
// last; and so does the context of permessage-deflate, from the first message
// on that has one, if there is to be one at all. Size is 48 bytes; a test
// watches over it.
type WSConn struct {
	pc     *poller.Conn // nil when closed
	h      WSHandler    // nil when OnWSClose was called
	work   *wsWork      // usually nil
	terms  *wsTerms
	state  wsState
	paused bool
	pongs  uint8 // sent since the write queue was last seen empty
}

var _ poller.Handler = (*WSConn)(nil)

// Send queues f, which carries its WebSocket header. It reports whether f was
// queued: false when the connection is closing or the overflow policy dropped
// f. Ownership: it takes over one reference, also when it fails.
func (c *WSConn) Send(f *frame.Frame) bool { return c.Offer(f) >= poller.Queued }

// Offer is Send with the whole answer, see [poller.Conn.Offer]. Ownership: it
// takes over one reference, also when it fails.
func (c *WSConn) Offer(f *frame.Frame) poller.Outcome {
	if c.state != wsOpen {
		f.Release()
		return poller.Closed
	}
	if c.terms.deflate != nil {
		return c.offerDeflated(f)
	}
	return c.pc.Offer(f)
}

// SetLimit changes the bound of the write queue and what happens there, see
// [poller.Conn.SetLimit].
func (c *WSConn) SetLimit(maxQueueBytes int, o poller.Overflow) {
	if c.pc != nil {
		c.pc.SetLimit(maxQueueBytes, o)
	}
}

// SendControl is Send for what the overflow policy must not drop. Ownership:
// it takes over one reference, also when it fails.
func (c *WSConn) SendControl(f *frame.Frame) bool {
	if c.state != wsOpen {
		f.Release()
		return false
	}
	if c.terms.deflate != nil {
		f, _ = c.deflated(f)
	}
	return c.pc.SendControl(f)
}

// Queued returns the bytes that the kernel has not taken yet.
func (c *WSConn) Queued() int {
	if c.pc == nil {
		return 0
	}
	return c.pc.Queued()
}

// Pause stops reading. Messages that were read already, a loop's read buffer
// at most, are still delivered.
func (c *WSConn) Pause() {
	if c.state == wsOpen && !c.paused {
		c.paused = true
		c.pc.Pause()
	}
}

// Resume reads from the client again after Pause.
func (c *WSConn) Resume() {
	if c.paused && c.pc != nil {
		c.paused = false
		c.pc.Resume()
	}
}

// Loop returns the loop that everything of c happens on; nil after the end.
func (c *WSConn) Loop() *poller.Loop {
	if c.pc == nil {
		return nil
	}
	return c.pc.Loop()
}

// RemoteAddr returns the address of the client; it is not valid for a client
// that came through a Unix socket, and after the end.
func (c *WSConn) RemoteAddr() netip.AddrPort {
	if c.pc == nil {
		return netip.AddrPort{}
	}
	return c.pc.RemoteAddr()
}

// SetHandler makes h get what happens from now on, OnWSOpen excepted. It does
// nothing after OnWSClose.
func (c *WSConn) SetHandler(h WSHandler) {
	if c.h != nil {
		c.h = h
	}
}

// OnOpen takes over the connection after a move to another loop.
func (c *WSConn) OnOpen(pc *poller.Conn) { c.pc = pc }

// OnDrain answers the ping that had to wait, and tells the handler.
func (c *WSConn) OnDrain(*poller.Conn) {
	if c.state != wsOpen {
		return
	}
	c.pongs = 0
	c.sendPong()
	c.h.OnWSDrain(c)
}

// OnClose reports the end, unless that was done before.
func (c *WSConn) OnClose(_ *poller.Conn, err error) {
	c.dropWork()
	c.state, c.pc = wsDone, nil
	if err == nil {
		err = io.EOF
	}
	c.report(wsframe.CodeAbnormal, err)
}

// report calls OnWSClose, the first time it is called.
func (c *WSConn) report(code int, err error) {
	if h := c.h; h != nil {
		c.h = nil
		if d := c.terms.deflate; d != nil {
			d.conns.Add(-1)
		}
		h.OnWSClose(c, code, err)
	}
}
