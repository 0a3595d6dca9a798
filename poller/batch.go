package poller

// Hot path: no allocation once it is warm, no lock, no time.Now.

import (
	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// batchCalls is how many sends are made with one system call. It divides
	// the price of the call; more of them would only hold back a collector
	// that waits for the loop's thread: these take some 0.2 ms.
	batchCalls = 64
	// batchBytes is up to where frames are copied together for one batch.
	batchBytes = 256 << 10
)

// ring makes many calls at once: [sysio.Ring], or a test's.
type ring interface {
	Do(calls []sysio.Call)
	Close()
}

// batch collects the sends of a flush. The queues keep their frames until the
// results are there, and nothing else happens in between: what a connection
// has queued can't change.
type batch struct {
	l     *Loop
	ring  ring
	calls []sysio.Call // one for each connection
	conns []*Conn
	buf   []byte // frames that were copied together, for this batch
	last  *Conn  // whose wire the last call has
	owed  run    // as in Loop.send, without bytes
}

func newBatch(l *Loop, r ring) *batch {
	if l.io != nil {
		r = &oneByOne{r, l.io}
	}
	return &batch{l: l, ring: r, calls: make([]sysio.Call, 0, batchCalls), conns: make([]*Conn, 0, batchCalls)}
}

// take adds what c has queued. It reports false when that can't be one plain
// send: Loop.flush does it then.
func (b *batch) take(c *Conn) bool {
	q := c.q
	if q == nil || c.flags&(fConnecting|fClosing|fTLS) != 0 || q.off > 0 {
		return false
	}
	live := q.live()
	if q.bytes > gatherBytes && (len(live) > 1 || live[0].F.Next() != nil) {
		return false
	}
	wire := b.wire(live)
	b.last = c
	b.calls = append(b.calls, sysio.Call{FD: c.fd, Buf: wire, Send: true})
	b.conns = append(b.conns, c)
	if len(b.calls) == batchCalls || len(b.buf) > batchBytes {
		b.flush()
	}
	return true
}

// wire returns live in one piece: that of the connection before when it has
// the same queued, as a broadcast leaves it behind.
func (b *batch) wire(live []entry) (wire []byte) {
	if b.last != nil && sameFrames(live, b.last.q.live()) {
		return b.calls[len(b.calls)-1].Buf
	}
	wire, b.buf = contiguous(live, b.buf)
	return wire
}

func sameFrames(a, b []entry) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].F != b[i].F {
			return false
		}
	}
	return true
}

// flush makes the sends and looks what became of them.
func (b *batch) flush() {
	if len(b.calls) == 0 {
		return
	}
	b.l.count.writes++
	b.ring.Do(b.calls)
	for i, c := range b.conns {
		b.sent(c, &b.calls[i])
	}
	b.owed.end()
	clear(b.calls)
	clear(b.conns)
	b.calls, b.conns, b.buf, b.last = b.calls[:0], b.conns[:0], b.buf[:0], nil
}

// sent handles the result of c's send.
func (b *batch) sent(c *Conn, call *sysio.Call) {
	l, n := b.l, int(call.N)
	switch {
	case call.Errno == unix.EINTR:
		l.mark(c)
	case call.Errno == unix.EAGAIN || call.Errno == unix.ENOBUFS:
		c.flags |= fBlocked
	case call.Errno != 0:
		c.Close(call.Errno)
		return
	case n < len(call.Buf):
		l.took(c, n)
		c.flags |= fBlocked
	default:
		if live := c.q.live(); !b.owed.matches(live) {
			b.owed.renew(live)
		}
		b.owed.done++
		l.whole(c, c.q)
	}
	if w := c.wants(); w != c.reg {
		l.register(c, w)
	}
}

// oneByOne is a ring that makes its calls through Config.IO.
type oneByOne struct {
	ring
	io sysio.IO
}

// Do makes the calls.
func (o *oneByOne) Do(calls []sysio.Call) {
	for i := range calls {
		n, errno := o.io.Send(int(calls[i].FD), calls[i].Buf)
		calls[i].N, calls[i].Errno = int32(n), errno
	}
}
