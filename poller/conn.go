package poller

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/sysio"
)

// Frame is one or more encoded messages, shared by reference count.
type Frame = frame.Frame

// Handler is told what happens to one connection. All calls come on the
// goroutine of the connection's loop, one at a time, and must not block: all
// other connections of the loop wait meanwhile. A handler may be shared by
// any number of connections.
type Handler interface {
	// OnOpen is the first call: the connection is established. After a Move
	// it is called again, with the connection of the new loop.
	OnOpen(c *Conn)
	// OnData brings what was received. Ownership: b belongs to the loop; it
	// is valid, and may be written to, until OnData returns.
	OnData(c *Conn, b []byte)
	// OnDrain is called when the kernel's buffer had been full and all that
	// was queued is written now.
	OnDrain(c *Conn)
	// OnClose is the last call, exactly once, never from inside another
	// method of c but later in the same turn. err is io.EOF when the peer
	// closed. c must not be used after OnClose has returned.
	OnClose(c *Conn, err error)
}

// connFlags is the state of a connection. A connection is
//
//	connecting  fConnecting        until the kernel has connected it (Dial)
//	open        none of the others
//	closing     fClosing           CloseAfterFlush: writes what is queued
//	lingering   fClosing|fLinger   our side is shut; input is thrown away
//	dead        fDead              closed or moved; in the loop's list of the dead
//
// and goes down this list only.
type connFlags uint16

const (
	fConnecting connFlags = 1 << iota
	fClosing
	fLinger
	fDead
	fOpened  // OnOpen was called
	fMarked  // in the loop's list of connections to flush
	fBlocked // the kernel's buffer is full
	fDrained // in the loop's list of OnDrain calls
	fPaused  // Pause was called
	fEOF     // the peer will send no more; while closing
	fOff     // taken out of the selector while paused, as the peer hung up
	fShared  // the descriptor was duplicated from another owner's
	fMoved   // the descriptor belongs to another loop now
	fUnix    // a Unix socket
	fStream  // the other end of a stream's socket
	fTLS     // encrypted: x.tls is set
)

// Conn is one connection. Its methods are for the goroutine of its loop only,
// and do nothing harmful between Close and OnClose. It lives in the slab of
// its loop and is reused: forget it when OnClose returns.
type Conn struct {
	loop   *Loop
	h      Handler
	q      *queue // nil while nothing is queued
	x      *extra // nil unless closing or encrypted
	addr   sysio.Addr
	fd     int32 // -1: not in use
	slot   uint32
	gen    uint32
	limit  int32 // bytes
	flags  connFlags
	policy Overflow
	reg    interest // as registered with the selector
}

// key identifies c among the events of its loop.
func (c *Conn) key() uint64 { return uint64(c.gen)<<32 | uint64(c.slot) }

// Loop returns the loop that c belongs to.
func (c *Conn) Loop() *Loop { return c.loop }

// Network returns "tcp" or "unix".
func (c *Conn) Network() string {
	if c.flags&fUnix != 0 {
		return "unix"
	}
	return "tcp"
}

// RemoteAddr returns the peer's address, the zero AddrPort for a Unix socket.
// IPv4 addresses are never in their IPv6 form.
func (c *Conn) RemoteAddr() netip.AddrPort { return c.addr.AddrPort() }

// LocalAddr returns the address of this end, the zero AddrPort for a Unix
// socket or a closed connection. It makes a system call.
func (c *Conn) LocalAddr() netip.AddrPort {
	if c.fd < 0 || c.flags&(fDead|fUnix) != 0 {
		return netip.AddrPort{}
	}
	sa, err := unix.Getsockname(int(c.fd))
	if err != nil {
		return netip.AddrPort{}
	}
	return sysio.FromSockaddr(sa).AddrPort()
}

// Queued returns the bytes that the kernel has not taken yet, with those of
// this turn.
func (c *Conn) Queued() int {
	if c.q == nil {
		return 0
	}
	return c.q.bytes
}

// SetHandler makes h receive what happens from now on, without an OnOpen. What
// is left of the data that is being delivered is the old handler's business.
func (c *Conn) SetHandler(h Handler) {
	if c.flags&fMoved == 0 {
		c.h = h
	}
}

// SetLimit changes the limit of the write queue and its policy. 0 means the
// limit of the Config; negative means no limit.
func (c *Conn) SetLimit(maxQueueBytes int, o Overflow) {
	c.limit = int32(queueLimit(maxQueueBytes, c.loop.p.cfg.MaxQueueBytes))
	c.policy = o
}

// Pause stops reading. The kernel's buffer fills up and then the peer must
// wait. A peer that goes away is noticed after Resume, unless it resets the
// connection or something is written to it.
func (c *Conn) Pause() {
	if c.flags&(fDead|fPaused|fClosing) == 0 {
		c.flags |= fPaused
		c.loop.mark(c)
	}
}

// Resume starts reading again after Pause.
func (c *Conn) Resume() {
	if c.flags&(fDead|fPaused) == fPaused {
		c.flags &^= fPaused
		c.loop.mark(c)
	}
}

// Send queues f and what is chained behind it as one unit, to leave at the end
// of the turn. It takes over one reference, also when it fails. It reports
// false when c is closed or closing, or when the unit was dropped by policy.
func (c *Conn) Send(f *Frame) bool { return c.Offer(f) >= Queued }

// Offer is Send with the whole answer. A frame may bring terms of its own: a
// policy instead of the connection's, and a key, which makes it replace a frame
// of the same key that has not left yet. It takes the place of that frame, but
// never overtakes one without a key: then it goes to the end of the queue.
func (c *Conn) Offer(f *Frame) Outcome {
	n := f.Size()
	if c.flags&(fDead|fClosing) != 0 || c.Queued()+n > int(c.limit) || f.Keyed() {
		return c.slowSend(f, n)
	}
	c.push(f, n, false)
	return Queued
}

// SendControl is Send for what the policy must never drop, such as a pong or
// a close frame. A connection with more than twice its limit queued is closed
// with [ErrOverflow], whatever its policy.
func (c *Conn) SendControl(f *Frame) bool {
	n := f.Size()
	if c.flags&(fDead|fClosing) != 0 {
		f.Release()
		return false
	}
	if int64(c.Queued()+n) > 2*int64(c.limit) {
		f.Release()
		c.overflow()
		return false
	}
	c.push(f, n, true)
	return true
}

// push appends a unit and marks c to be flushed.
func (c *Conn) push(f *Frame, n int, control bool) {
	q := c.q
	if q == nil {
		q = c.loop.queues.get()
		c.q = q
	}
	q.push(f, control, n)
	if c.flags&(fMarked|fBlocked) == 0 {
		c.flags |= fMarked
		c.loop.dirty = append(c.loop.dirty, c)
	}
}

// slowSend decides about a unit that may not simply be queued.
//
//go:noinline
func (c *Conn) slowSend(f *Frame, n int) Outcome {
	limit := int(c.limit)
	switch {
	case c.flags&(fDead|fClosing) != 0:
		f.Release()
		return Closed
	case f.Keyed() && c.q != nil && c.q.replace(f, n, limit):
		c.loop.count.replaced++
		return Replaced
	case c.Queued()+n <= limit:
		c.push(f, n, false)
		return Queued
	}
	policy := c.policy
	if p := f.Policy(); p != 0 {
		policy = Overflow(p - 1)
	}
	switch policy {
	case OverflowDisconnect:
		f.Release()
		c.overflow()
		return Closed
	case OverflowDropOldest:
		for c.q != nil && c.q.bytes+n > limit && c.q.dropOldest() > 0 {
			c.loop.count.dropped++
			c.loop.count.oldest++
		}
		if c.Queued()+n <= limit {
			c.push(f, n, false)
			return MadeRoom
		}
	}
	c.loop.count.dropped++
	f.Release()
	return Dropped
}

// overflow closes c, which has not read what it was sent.
func (c *Conn) overflow() {
	c.loop.count.overflows++
	c.Close(ErrOverflow)
}

// Close cuts the connection; what is queued is discarded. OnClose gets err,
// later in this turn. Further calls do nothing.
func (c *Conn) Close(err error) {
	if c.flags&fDead != 0 {
		return
	}
	if err == nil {
		err = ErrClosed
	}
	c.flags |= fDead
	if c.flags&fTLS != 0 && c.q != nil {
		c.x.tls.cut = true
	}
	c.dropQueue()
	c.loop.dead = append(c.loop.dead, deadConn{c, err})
}

// dropQueue gives back what is queued.
func (c *Conn) dropQueue() {
	if q := c.q; q != nil {
		c.q = nil
		q.reset()
		c.loop.queues.put(q)
	}
}

// CloseAfterFlush delivers no more data, writes what is queued, shuts our
// side, and then throws away what the peer still sends until it closes too: a
// plain close would reset the connection under unread input, and the peer
// might lose the last of what it was sent. OnClose gets err when that is done
// or after within, whichever is first. With 0 or less, one attempt to write is
// made at the end of this turn.
func (c *Conn) CloseAfterFlush(err error, within time.Duration) {
	if c.flags&(fDead|fClosing) != 0 {
		return
	}
	if err == nil {
		err = ErrClosed
	}
	c.flags = c.flags&^fPaused | fClosing
	if c.x == nil {
		c.x = new(extra)
	}
	e := &closing{c: c, err: err, once: within <= 0}
	c.x.ending = e
	if within > 0 {
		c.loop.Arm(&e.timer, e, within)
	}
	c.loop.mark(c)
}
