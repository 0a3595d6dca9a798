package web

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
)

// pinged answers a ping. A client that pings without reading gets no more than
// maxPongs answers queued, plus the one to its last ping.
func (c *WSConn) pinged(payload []byte) {
	if c.state != wsOpen {
		return
	}
	f := newPong(payload)
	if c.pongs < maxPongs && (c.work == nil || c.work.pong == nil) {
		c.pongs++
		c.pc.SendControl(f)
		return
	}
	w := c.needWork()
	if w.pong == nil {
		// Nothing may tell us that the queue has become empty: it may
		// never have been blocked.
		c.pc.Loop().Arm(&w.timer, w, pongTick)
	} else {
		w.pong.Release()
	}
	w.pong = f
}

// sendPong sends the answer that was put off, if there is one.
func (c *WSConn) sendPong() {
	w := c.work
	if w == nil || w.pong == nil {
		return
	}
	f := w.pong
	w.pong = nil
	c.pc.Loop().Disarm(&w.timer)
	c.settle()
	c.pc.SendControl(f)
}

// retryPong is what the timer does in wsOpen.
func (c *WSConn) retryPong() {
	if c.pc.Queued() <= pongRoom {
		c.sendPong()
		return
	}
	c.pc.Loop().Arm(&c.work.timer, c.work, pongTick)
}

// newPong builds a pong: payload is at most 125 bytes.
func newPong(payload []byte) *frame.Frame {
	f := frame.New()
	f.B = wsframe.AppendHeader(f.B, wsframe.Fin|wsframe.First(wsframe.Pong), len(payload))
	f.B = append(f.B, payload...)
	return f.SealRaw()
}
