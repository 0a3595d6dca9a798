package web

import (
	"github.com/valyala/bytebufferpool"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// state says what a connection does with bytes that arrive. See the diagram in
// the package comment.
type state uint8

const (
	stateIdle      state = iota // waits for a request; leaves to head, body, parked, drain, closing
	stateHead                   // has a part of a head; leaves as idle does
	stateBody                   // reads the body for OnBody; leaves to parked, idle, drain, closing
	stateParked                 // waits for the answer; leaves to idle, switched, closing
	stateDrain                  // answered, skips the rest of the body; leaves to idle, closing
	stateThrottled              // the client has to read answers first; leaves to idle, closing
	stateSwitched               // terminal: the next handler has the connection, or gets it in this turn
	stateClosing                // terminal: only OnClose is still to come
)

// connFlags are facts beside the state.
type connFlags uint16

const (
	flagFresh      connFlags = 1 << iota // no request was read yet
	flagActive                           // OnRequest was called and the exchange has no end yet
	flagInCall                           // a handler is being called by read*: it settles what came of it
	flagPosted                           // a post of resume is under way
	flagReleased                         // release waits for that post
	flagArmed                            // the timer runs
	flagPaused                           // reading is paused
	flagMoved                            // on its way to another loop
	flagKeepHead                         // Request stays valid in a parked exchange
	flagKeepAlive                        // the client wants to go on after this exchange
	flagOldVersion                       // HTTP/1.0: keep-alive has to be said
	flagHead                             // the method is HEAD
	flagContinue                         // the client waits for a 100
)

// perRequest are the flags that end with an exchange.
const perRequest = flagActive | flagKeepHead | flagKeepAlive | flagOldVersion | flagHead | flagContinue

// conn is one connection that speaks HTTP. It comes from a pool and goes back
// when the connection is closed or becomes a WebSocket. Loop only.
type conn struct {
	srv    *Server
	pc     *poller.Conn
	work   *work                      // while a request is read or kept
	stash  *bytebufferpool.ByteBuffer // read, and to be handled when the exchange is over; or nil
	next   poller.Handler             // after switchTo, until it has the connection
	front  *front                     // nil unless the connection came by Hijack
	moveTo *poller.Loop               // after Move, until OnRequest returns
	x      Exchange
	timer  poller.Timer
	since  int64 // when the present wait began, on the loop's clock
	queued int   // what was in the write queue when its progress was last seen
	flags  connFlags
	state  state
}

var (
	_ poller.Handler      = (*conn)(nil)
	_ poller.TimerHandler = (*conn)(nil)
)

// OnOpen starts the clock for the first head.
func (c *conn) OnOpen(pc *poller.Conn) {
	c.pc = pc
	c.since = pc.Loop().Now()
	if c.flags&flagMoved != 0 {
		c.flags &^= flagMoved
	} else {
		pc.SetLimit(maxResponseQueueBytes, poller.OverflowDisconnect)
	}
	c.arm(c.srv.cfg.HeaderTimeout)
}

// OnData handles what arrived, after what could not be handled before.
func (c *conn) OnData(_ *poller.Conn, b []byte) {
	if c.stash != nil && c.state != stateParked && c.state != stateThrottled {
		held := c.stash
		c.stash = nil
		held.B = append(held.B, b...)
		c.feed(held.B)
		putBuffer(&stashPool, &held)
		return
	}
	c.feed(b)
}

// feed runs the state machine over b. A step returns false when b is used up,
// and also when c belongs to somebody else: then it must not be touched.
func (c *conn) feed(b []byte) {
	if c.state == stateHead {
		b = c.work.extendHead(b)
	}
	for more := true; more && len(b) > 0; {
		switch c.state {
		case stateIdle, stateHead:
			b, more = c.readHead(b)
		case stateBody, stateDrain:
			b, more = c.readBody(b)
		case stateParked, stateThrottled:
			c.keepForLater(b)
			return
		case stateSwitched:
			c.deliver(b)
			return
		case stateClosing:
			return
		}
	}
}

// keepForLater stores b until the exchange is over, and stops reading when that
// is getting too much.
func (c *conn) keepForLater(b []byte) {
	if len(b) == 0 {
		return
	}
	if c.stash == nil {
		c.stash = stashPool.Get()
	}
	c.stash.B = append(c.stash.B, b...)
	if len(c.stash.B) >= maxStashBytes {
		c.pause()
	}
}

func (c *conn) pause() {
	if c.flags&flagPaused == 0 {
		c.flags |= flagPaused
		c.pc.Pause()
	}
}

func (c *conn) unpause() {
	if c.flags&flagPaused != 0 {
		c.flags &^= flagPaused
		c.pc.Resume()
	}
}

// post makes resume run later in this turn: never inside a call of a handler's.
func (c *conn) post() {
	if c.flags&flagPosted == 0 && c.pc.Loop().Post(resume, c, nil) {
		c.flags |= flagPosted
	}
}

// resume goes on with what was read while the connection was busy.
func resume(a, _ any) {
	c := a.(*conn)
	c.flags &^= flagPosted
	switch {
	case c.flags&flagReleased != 0:
		*c = conn{}
		connPool.Put(c)
	case c.state == stateSwitched:
		c.deliver(nil)
	case c.state == stateParked || c.state == stateClosing:
	default:
		c.unpause()
		c.handleStash()
	}
}

func (c *conn) handleStash() {
	if c.stash == nil {
		return
	}
	held := c.stash
	c.stash = nil
	c.feed(held.B)
	putBuffer(&stashPool, &held)
}

// deliver gives the connection to the next handler, with all that was read
// behind the head, and releases c.
func (c *conn) deliver(rest []byte) {
	pc, next, held := c.pc, c.next, c.stash
	c.stash = nil
	c.unpause()
	pc.SetHandler(next)
	if held != nil {
		rest = append(held.B, rest...)
		held.B = rest
	}
	if len(rest) > 0 {
		next.OnData(pc, rest)
	}
	putBuffer(&stashPool, &held)
	c.release()
}

// move hands the connection to another loop, where a new conn takes over: a post
// to the old one may be under way. in is the request so far.
func (c *conn) move(in []byte) {
	n := newConn(c.srv)
	n.flags |= flagMoved
	n.front = c.front
	c.disarm()
	c.pc.Move(c.moveTo, n, in)
	c.release()
}

// OnDrain goes on with a client that had to read first.
func (c *conn) OnDrain(pc *poller.Conn) {
	switch {
	case c.state == stateSwitched:
		c.next.OnDrain(pc)
	case c.state == stateThrottled:
		c.unthrottle()
	case c.flags&flagActive != 0:
		if b, ok := c.x.h.(*bridge); ok {
			b.onDrain()
		}
	}
}

// OnClose ends the exchange, if there is one, and releases c.
func (c *conn) OnClose(pc *poller.Conn, err error) {
	c.disarm()
	if c.state == stateSwitched {
		c.next.OnClose(pc, err)
	}
	c.state = stateClosing
	c.abort()
	c.release()
}

// abort tells the handler of an exchange that ends without an answer.
func (c *conn) abort() {
	if c.flags&flagActive != 0 {
		c.flags &^= flagActive
		c.x.h.OnAbort(&c.x)
	}
}

// fail answers a request that can't be understood, and closes: where the next
// one would begin is not known.
func (c *conn) fail(err error) {
	status := http1.ErrRequestLine.Status
	if e, ok := err.(*http1.Error); ok {
		status = e.Status
	}
	c.abort()
	c.sendFailure(status)
	c.closeSoon()
}

// closeSoon lets what is queued leave, then closes.
func (c *conn) closeSoon() {
	c.state = stateClosing
	c.disarm()
	c.unpause()
	c.pc.CloseAfterFlush(nil, lingerTimeout)
	if c.flags&flagInCall == 0 { // else whoever called will do it
		c.dropWork()
	}
}
