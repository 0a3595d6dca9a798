package poller

import (
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// Loop is one goroutine's worth of connections with all they need: a
// readiness queue, a read buffer, a timing wheel and a mailbox. All but
// [Loop.Post] and [Loop.Index] is for its own goroutine.
type Loop struct {
	// immutable
	p     *Poller
	index int
	io    sysio.IO        // nil: the kernel
	sim   sysio.Simulator // io, when there is no kernel behind it
	sel   *selector
	ended chan struct{} // closed when the loop has ended

	// any goroutine
	mailbox mailbox
	load    atomic.Int32  // connections, with those on their way
	goid    atomic.Uint64 // of the goroutine that drives the loop
	began   atomic.Int64  // when the present turn began, 0 between turns; for the watchdog
	stats   loopStats     // what count was a moment ago

	// loop only
	buf     []byte
	now     int64
	slab    slab
	queues  queues
	tidy    Timer // armed while there are more queues than are kept for ever
	wheel   wheel
	run     run
	batch   *batch // nil: each send is a system call
	plain   []byte // what was decrypted, or is to be; see Loop.plaintext
	cipher  []byte // what is being sealed
	sealing bool   // the write of crypto/tls is for cipher
	iovecs  [maxIovecs]sysio.Iovec
	count   counters
	lag     lag
	watched bool
	slept   bool // since the last turn

	// loop only: the present turn
	phase   phase
	rounds  int
	flushes int   // connections that may still be flushed in this turn
	events  int   // collected by the selector
	event   int   // next of them
	cur     *Conn // whose handler is being called
	burying *Conn // whose OnClose is being called

	// loop only: work for the end of the turn
	dirty      []*Conn
	dirtyPos   int // of the first that waits; 0 when none does
	dead       []deadConn
	deadPos    int
	drained    []*Conn
	drainedPos int

	// loop only: listening sockets, and how the loop ends
	acceptors []*acceptor
	draining  bool
	empty     chan struct{} // closed when draining and no connection is left
	emptied   bool
	stopping  bool
	over      bool
}

// newLoop makes a loop that nothing drives yet.
func newLoop(p *Poller, index int) (*Loop, error) {
	sel, err := openSelector(p.cfg.MaxEvents)
	if err != nil {
		return nil, err
	}
	l := &Loop{
		p: p, index: index, io: p.cfg.IO, sel: sel,
		ended:   make(chan struct{}),
		empty:   make(chan struct{}),
		buf:     make([]byte, p.cfg.ReadBufferBytes),
		watched: p.cfg.OnStall != nil,
	}
	l.sim, _ = p.cfg.IO.(sysio.Simulator)
	l.now = p.clock()
	l.wheel.done = l.now / tick
	l.mailbox.sleeping.Store(true) // until a backend runs it, the first post wakes it
	return l, nil
}

// Index returns the loop's place in [Poller.Loops]. Any goroutine.
func (l *Loop) Index() int { return l.index }

// Post makes the loop call fn(a, b) on its goroutine, in this turn or the
// next. Any goroutine. Calls of one poster are made in their order. Nothing is
// allocated when a and b are pointers and fn is a plain function, and a system
// call is made only by the first to post to a loop that sleeps. It reports
// false when the loop is closed: fn is never called then. Otherwise it is
// called, even if the poller is closed meanwhile.
func (l *Loop) Post(fn func(a, b any), a, b any) bool {
	ok, wake := l.mailbox.put(task{fn, a, b})
	if wake {
		l.sel.wake()
	}
	return ok
}

// Now returns the time in nanoseconds since the poller was made. It is read
// once a turn, so it is the same for everything that happens in it.
func (l *Loop) Now() int64 { return l.now }

// Arm makes h.OnTimer(t) be called when d has passed since [Loop.Now], never
// before and at most about 10 ms later. A timer that is armed is re-armed.
// Nothing is allocated.
func (l *Loop) Arm(t *Timer, h TimerHandler, d time.Duration) {
	l.wheel.disarm(t)
	l.wheel.arm(t, h, ceilTick(l.now+max(int64(d), 0)))
}

// Disarm makes t idle. It does nothing when t is idle already.
func (l *Loop) Disarm(t *Timer) { l.wheel.disarm(t) }

// busy reports whether there is work left that no event will announce.
func (l *Loop) busy() bool {
	return len(l.dirty) > 0 || l.deadPos < len(l.dead) || len(l.drained) > 0 || l.wheel.due != nil
}

// sleep prepares for waiting. It reports false when there is something to do
// at once, or else how long the loop may wait, negative for ever.
func (l *Loop) sleep() (time.Duration, bool) {
	if l.busy() || !l.mailbox.sleep() {
		return 0, false
	}
	now := l.p.clock()
	l.lag.add(now, now-l.now)
	l.publish()
	if l.watched {
		l.began.Store(0)
	}
	l.now, l.slept = now, true
	next, ok := l.wheel.next()
	if !ok {
		return -1, true
	}
	return time.Duration(max(next*tick-now, 0)), true
}

// tidier is a loop as the handler of its tidy timer.
type tidier Loop

// OnTimer lets go of memory that a burst left behind.
func (t *tidier) OnTimer(*Timer) {
	if l := (*Loop)(t); l.queues.trim() {
		l.Arm(&l.tidy, t, tidyEvery)
	}
}
