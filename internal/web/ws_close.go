package web

import (
	"errors"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
)

// Close starts the closing handshake: what is queued is sent, then a close
// frame. With code 0, or one that must not be sent, the frame carries no code.
// Messages that still arrive are not delivered. OnWSClose follows when the
// client answers, or when CloseTimeout is over.
func (c *WSConn) Close(code int, reason string) {
	if c.state != wsOpen {
		return
	}
	c.Resume() // the answer must be read
	c.sendClose(code, reason)
	c.state = wsClosing
	w := c.needWork()
	w.dropPong()
	c.pc.Loop().Arm(&w.timer, w, time.Duration(c.terms.closeTime)*timeUnit)
}

// Abort cuts the connection. OnWSClose follows, in the same turn of the loop,
// with 1006 and err.
func (c *WSConn) Abort(err error) {
	if c.state == wsDone {
		return
	}
	c.state = wsDone
	c.pc.Close(err)
}

// peerClosed handles a close frame. The server ends the TCP connection first
// (RFC 6455 section 7.1.1).
func (c *WSConn) peerClosed(payload []byte) {
	code, _, err := wsframe.ParseClose(payload)
	if err != nil {
		c.fail(err)
		return
	}
	if c.state == wsOpen {
		c.sendClose(code, "") // RFC 6455 section 5.5.1: echo the code
	}
	c.finish(code, nil)
}

// fail ends the connection for what the client did, and tells it why.
func (c *WSConn) fail(err error) {
	var e *WSError
	if c.state == wsOpen && errors.As(err, &e) {
		c.sendClose(e.Code, e.Reason)
	}
	c.finish(wsframe.CodeAbnormal, err)
}

// finish lets the close frame leave, then ends the connection.
func (c *WSConn) finish(code int, err error) {
	c.dropWork()
	c.state = wsDone
	c.pc.CloseAfterFlush(err, time.Duration(c.terms.closeTime)*timeUnit)
	c.report(code, err)
}

// sendClose queues a close frame.
func (c *WSConn) sendClose(code int, reason string) {
	f := frame.New()
	at := len(f.B)
	f.B = wsframe.AppendHeader(f.B, wsframe.Fin|wsframe.First(wsframe.Close), 0)
	f.B = wsframe.AppendClose(f.B, code, reason)
	f.B[at+1] = byte(len(f.B) - at - 2) // never over 125
	c.pc.SendControl(f.SealRaw())
}
