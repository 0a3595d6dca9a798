package web

import (
	"errors"
	"time"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// ErrSlowReader is why a client that takes no byte of its answer is cut.
var ErrSlowReader = errors.New("web: client does not read its answer")

// arm sets the one timer of the connection. A connection that serves request
// after request does not touch it: the timer of an idle connection is armed
// when it fired, for what is left then.
func (c *conn) arm(d time.Duration) {
	c.flags |= flagArmed
	c.pc.Loop().Arm(&c.timer, c, d)
}

func (c *conn) disarm() {
	if c.flags&flagArmed != 0 {
		c.flags &^= flagArmed
		c.pc.Loop().Disarm(&c.timer)
	}
}

// OnTimer looks at what the connection has been waiting for.
func (c *conn) OnTimer(*poller.Timer) {
	c.flags &^= flagArmed
	switch c.state {
	case stateIdle:
		c.idleTimer()
	case stateHead:
		c.headTimer()
	case stateBody, stateDrain:
		c.bodyTimer()
	case stateThrottled:
		c.throttleTimer()
	case stateParked:
		if b, ok := c.x.h.(*bridge); ok {
			b.onTimer()
		}
	}
}

// idleTimer closes a connection without a request.
func (c *conn) idleTimer() {
	limit := c.srv.cfg.KeepAliveTimeout
	if c.flags&flagFresh != 0 {
		limit = c.srv.cfg.HeaderTimeout
	}
	left := limit - time.Duration(c.pc.Loop().Now()-c.since)
	switch {
	case left > 0:
		c.arm(left)
	case c.pc.Queued() == 0:
		c.closeSoon()
	case c.stuck():
		c.state = stateClosing
		c.pc.Close(ErrSlowReader)
	default:
		c.arm(sendTimeout)
	}
}

// stuck reports whether the write queue did not shrink since it was last asked.
func (c *conn) stuck() bool {
	q, before := c.pc.Queued(), c.queued
	c.queued = q
	return before != 0 && q >= before
}

// headTimer gives up on a head that does not end.
func (c *conn) headTimer() {
	if !http1.Started(c.work.head.B) {
		c.closeSoon() // a stray empty line is no request
		return
	}
	c.fail(http1.ErrTimeout)
}

// bodyTimer gives up on a body that is late or comes too slowly.
func (c *conn) bodyTimer() {
	w := c.work
	left := time.Duration(w.deadline - c.pc.Loop().Now())
	floor := int64(minBodyRate * bodyWindow / time.Second)
	switch {
	case left <= 0 || w.window < floor:
		c.slowBody()
	default:
		w.window = 0
		c.arm(min(left, bodyWindow))
	}
}

// slowBody answers unless that was done, and closes.
func (c *conn) slowBody() {
	if c.state == stateDrain {
		c.closeSoon()
		return
	}
	c.fail(http1.ErrTimeout)
}

// throttle stops reading until the client has taken its answers. b is what was
// received of the next request.
func (c *conn) throttle(b []byte) {
	c.state = stateThrottled
	c.keepForLater(b)
	c.pause()
	c.dropWork()
	c.since, c.queued = c.pc.Loop().Now(), 0
	c.arm(throttleTick)
}

func (c *conn) throttleTimer() {
	switch {
	case c.pc.Queued() <= maxAnswerBytes:
		c.unthrottle()
	case time.Duration(c.pc.Loop().Now()-c.since) < sendTimeout:
		// The kernel is full: OnDrain will tell.
		c.arm(sendTimeout)
	case c.stuck():
		c.state = stateClosing
		c.pc.Close(ErrSlowReader)
	default:
		c.arm(sendTimeout)
	}
}

func (c *conn) unthrottle() {
	c.disarm()
	c.settle(false)
	c.unpause()
	c.handleStash()
}
