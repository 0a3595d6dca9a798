package web

// Hot path: no allocation, no lock, no time.Now.

import (
	"unicode/utf8"

	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// OnData takes the frames out of b. Whole messages in one frame, the usual
// case, are unmasked where they lie and delivered.
func (c *WSConn) OnData(_ *poller.Conn, b []byte) {
	if c.pongs != 0 && c.state == wsOpen && c.pc.Queued() == 0 {
		c.pongs = 0
		c.sendPong()
	}
	for len(b) > 0 && c.state != wsDone {
		if c.work != nil && c.work.reading {
			b = c.readPiece(b)
			continue
		}
		h, n, err := wsframe.ParseHeader(b, c.terms.rules, uint64(c.terms.maxMessage))
		if err != nil {
			c.fail(err)
			return
		}
		if n == 0 || !h.Fin || h.Opcode == wsframe.Continuation || h.Length > uint64(len(b)-n) {
			b = c.readPiece(b)
			continue
		}
		end := n + int(h.Length)
		p := b[n:end:end]
		b = b[end:]
		if h.RSV1 {
			wsframe.Mask(p, h.Key)
			c.inflate(p, h.Opcode == wsframe.Binary)
			continue
		}
		switch h.Opcode {
		case wsframe.Text:
			if !wsframe.MaskASCII(p, h.Key) && !utf8.Valid(p) {
				c.fail(wsframe.ErrUTF8)
				return
			}
			c.deliver(p, false)
		case wsframe.Binary:
			wsframe.Mask(p, h.Key)
			c.deliver(p, true)
		default:
			wsframe.Mask(p, h.Key)
			c.control(h.Opcode, p)
		}
	}
}

// deliver hands a whole message to the handler. What arrives after our close
// frame is for nobody.
func (c *WSConn) deliver(p []byte, binary bool) {
	if c.state == wsOpen {
		c.h.OnWSMessage(c, p, binary)
	}
}

// control handles a whole control frame.
func (c *WSConn) control(op wsframe.Opcode, p []byte) {
	switch op {
	case wsframe.Ping:
		c.pinged(p)
	case wsframe.Close:
		c.peerClosed(p)
	}
}

// readPiece takes what it can from b, which begins or continues something that
// is not whole, and returns the rest.
func (c *WSConn) readPiece(b []byte) []byte {
	w := c.needWork()
	if !w.reading {
		w.startReading()
	}
	n, ev, err := w.reader.Next(b)
	if err != nil {
		c.fail(err)
		return nil
	}
	switch ev.Kind {
	case wsframe.Control:
		// The payload may lie in w, and the frame may end the connection.
		c.control(ev.Opcode, ev.Payload)
		if c.work == w && w.reader.Idle() {
			w.stopReading()
			c.settle()
		}
	case wsframe.Data:
		c.piece(w, ev)
	}
	return b[n:]
}

// piece handles a piece of a message.
func (c *WSConn) piece(w *wsWork, ev wsframe.Event) {
	if c.state == wsOpen && !(ev.Final && w.buf == nil) {
		w.keep(ev.Payload)
	}
	if !ev.Final {
		return
	}
	buf, p := w.buf, ev.Payload
	w.buf = nil
	w.stopReading()
	c.settle() // w may be another connection's from here on
	if buf != nil {
		p = buf.B
	}
	if ev.Compressed {
		c.inflate(p, ev.Opcode == wsframe.Binary)
	} else {
		c.deliver(p, ev.Opcode == wsframe.Binary)
	}
	putBuffer(&messagePool, &buf)
}
