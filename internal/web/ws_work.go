package web

import (
	"sync"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// wsWork is what a WSConn needs only at times: while a message is incomplete,
// while a pong waits, and while the client's close frame is awaited; with context
// takeover, from the first compressed message on.
type wsWork struct {
	conn   *WSConn
	buf    *bytebufferpool.ByteBuffer // the message so far, or nil
	pong   *frame.Frame               // to be sent when the queue allows, or nil
	timer  poller.Timer               // wsOpen: for pong; wsClosing: the end of patience
	age    poller.Timer               // while reading: the end of patience
	said   []byte                     // context of what the client is sent next, or nil
	heard  []byte                     // context of what it sends next, or nil
	reader wsframe.Reader
	// reading says that reader is inside a frame or a message. Otherwise it
	// is out of use.
	reading bool
}

var (
	_ poller.TimerHandler = (*wsWork)(nil)

	wsWorkPool  = sync.Pool{New: func() any { return new(wsWork) }}
	messagePool bytebufferpool.Pool
)

// needWork returns the work of c, a new one if it has none.
func (c *WSConn) needWork() *wsWork {
	if c.work == nil {
		c.work = wsWorkPool.Get().(*wsWork)
		c.work.conn = c
	}
	return c.work
}

// settle gives the work back when nothing is left to do with it.
func (c *WSConn) settle() {
	if w := c.work; w != nil && !w.reading && w.pong == nil && w.said == nil && w.heard == nil && c.state != wsClosing {
		c.dropWork()
	}
}

// dropWork gives the work back, if there is any, and all that hangs on it.
func (c *WSConn) dropWork() {
	w := c.work
	if w == nil {
		return
	}
	c.work = nil
	loop := c.pc.Loop()
	loop.Disarm(&w.timer)
	loop.Disarm(&w.age)
	w.dropPong()
	putBuffer(&messagePool, &w.buf)
	w.conn, w.reading, w.said, w.heard = nil, false, nil, nil
	wsWorkPool.Put(w)
}

func (w *wsWork) dropPong() {
	if w.pong != nil {
		w.pong.Release()
		w.pong = nil
	}
}

// startReading prepares for the bytes of an incomplete message.
func (w *wsWork) startReading() {
	c := w.conn
	w.reading = true
	w.reader.Reset(c.terms.rules, wsframe.Limits{
		MaxMessageBytes: uint64(c.terms.maxMessage),
		MaxFragments:    c.terms.maxFragments,
	})
	c.pc.Loop().Arm(&w.age, w, time.Duration(c.terms.messageTime)*timeUnit)
}

// stopReading is called when the reader stands between two messages.
func (w *wsWork) stopReading() {
	w.reading = false
	w.conn.pc.Loop().Disarm(&w.age)
}

// keep copies a piece of a message. The buffer grows with what has arrived, not
// with what the client says will come; that is only used to hit the right size.
func (w *wsWork) keep(p []byte) {
	if w.buf == nil {
		w.buf = messagePool.Get()
	}
	b := w.buf.B
	if need := len(b) + len(p); need > cap(b) {
		size := max(2*cap(b), need, firstMessageBytes)
		if end := need + int(w.reader.Remaining()); end < size && end >= cap(b)+cap(b)/4 {
			size = end
		}
		size = max(need, min(size, int(w.conn.terms.maxMessage)))
		b = append(make([]byte, 0, size), b...)
	}
	w.buf.B = append(b, p...)
}

// OnTimer handles the end of a wait.
func (w *wsWork) OnTimer(t *poller.Timer) {
	c := w.conn
	switch {
	case t == &w.age && c.paused:
		// It is us who keep the client waiting.
		c.pc.Loop().Arm(t, w, time.Duration(c.terms.messageTime)*timeUnit)
	case t == &w.age:
		c.fail(ErrMessageTimeout)
	case c.state == wsClosing:
		c.Abort(ErrCloseTimeout)
	default:
		c.retryPong()
	}
}
