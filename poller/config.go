package poller

import (
	"fmt"
	"math"
	"runtime"
	"time"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// Backend names what waits for readiness and drives the loops.
type Backend string

const (
	// BackendDefault is the one that measured best on this system.
	BackendDefault Backend = ""
	// BackendEpoll gives each loop a goroutine that waits in epoll. Linux only.
	BackendEpoll Backend = "epoll"
	// BackendNetpoll lets the pollers of github.com/cloudwego/netpoll drive
	// the loops: Linux, macOS, FreeBSD. These pollers are shared by the whole
	// process and never end; a loop that is held holds others with it.
	BackendNetpoll Backend = "netpoll"
	// BackendURing is BackendEpoll that hands the sends of a turn to the
	// kernel by io_uring, many with one system call. Linux 5.6 and newer,
	// where nothing forbids io_uring; [New] fails elsewhere.
	BackendURing Backend = "uring"
)

// Overflow says what happens to a frame for which a connection's write queue
// has no room.
type Overflow uint8

const (
	// OverflowDisconnect closes the connection with [ErrOverflow].
	OverflowDisconnect Overflow = iota
	// OverflowDropNewest drops the frame that does not fit.
	OverflowDropNewest
	// OverflowDropOldest drops the oldest frames until the new one fits, but
	// never one that is partly written and never one from SendControl.
	OverflowDropOldest
)

// Term returns what makes a frame bring o as its own policy, see
// frame.Frame.SetPolicy and [Conn.Offer].
func (o Overflow) Term() uint8 { return uint8(o) + 1 }

// Outcome is what became of a frame.
type Outcome uint8

const (
	// Closed: the connection is closed or closing, or was closed because of
	// the frame ([OverflowDisconnect]).
	Closed Outcome = iota
	// Dropped: there was no room, and the policy is not to make any.
	Dropped
	// Queued: the frame leaves when the peer takes it. This and what follows
	// are the good outcomes.
	Queued
	// MadeRoom: queued, and older frames were dropped for it.
	MadeRoom
	// Replaced: queued instead of an older frame of the same key.
	Replaced
)

// Defaults of Config, with their reasons.
const (
	// defaultReadBuffer takes what a busy socket has received in one system
	// call; one per loop, so that size costs nothing per connection.
	defaultReadBuffer = 64 << 10
	// defaultMaxEvents bounds a turn: 512 echoes are about 3 ms.
	defaultMaxEvents = 512
	// defaultMaxHandshakes waits cost some 30 MB, most of it stacks.
	defaultMaxHandshakes = 1024
	// workersPerCPU computes on while a few callbacks wait, and a loop that
	// wakes up finds few in front of it: a handshake computes for some 0.3 ms.
	workersPerCPU = 4
	// defaultHandshakeTimeout is that for a request's head.
	defaultHandshakeTimeout = 10 * time.Second
	// defaultMaxQueue holds some thousand usual events of a slow reader.
	defaultMaxQueue = 1 << 20
	// reservedFDs stay free for the rest of the process (log files, epoll
	// descriptors, outgoing connections) below RLIMIT_NOFILE.
	reservedFDs = 64
)

// Config configures a [Poller]. The zero value works.
type Config struct {
	// Loops is the number of loops. 0 means GOMAXPROCS.
	Loops int
	// Backend selects what drives the loops. Empty means [BackendDefault].
	Backend Backend
	// ReadBufferBytes is the size of each loop's read buffer, and the most
	// that one OnData gets; encrypted connections may get a TLS record more.
	// 0 means 64 KiB.
	ReadBufferBytes int
	// MaxEvents is the most sockets handled in one turn of a loop. 0 means 512.
	MaxEvents int

	// MaxQueueBytes limits what may be queued for one connection and is not
	// taken by the kernel yet. 0 means 1 MiB; negative means no limit.
	// [Conn.SetLimit] changes it for one connection.
	MaxQueueBytes int
	// Overflow is the policy at that limit. The zero value disconnects.
	Overflow Overflow

	// MaxConns limits the connections of the poller. 0 or less means as many
	// as RLIMIT_NOFILE allows, less 64, which is always an upper bound.
	MaxConns int
	// MaxConnsPerAddr limits the accepted connections from one IP address.
	// 0 or less means no limit. Unix sockets are not counted.
	MaxConnsPerAddr int
	// AcceptRate limits the accepted connections per second, with bursts of
	// one second's worth. 0 or less means no limit.
	AcceptRate int
	// MaxHandshakes limits the TLS handshakes under way, counted from a
	// complete first message on: a connection beyond it is closed. 0 or less
	// means 1,024.
	MaxHandshakes int
	// HandshakeWorkers is how many TLS handshakes are computed at the same
	// time, the callbacks of the [tls.Config] included. 0 or less means 4 for
	// each of GOMAXPROCS.
	HandshakeWorkers int
	// HandshakeTimeout is how long a TLS handshake may take, from the accept
	// on. 0 or less means 10 s.
	HandshakeTimeout time.Duration
	// ReusePort opens a listening socket for each loop (SO_REUSEPORT), and
	// the kernel spreads the connections. The default is one socket per
	// listener, spread evenly by the poller.
	ReusePort bool

	// StallAfter is how long one turn of a loop may take before OnStall is
	// called. 0 or less means 100 ms. Unused without OnStall.
	StallAfter time.Duration
	// OnStall is called, on a goroutine of its own, once for each turn that
	// takes longer than StallAfter: a handler holds the loop. stack shows
	// where the loop is. nil means that nobody watches.
	// Ownership: OnStall may keep stack.
	OnStall func(loop int, held time.Duration, stack []byte)

	// OnError is told of errors that belong to no connection and of panics in
	// handlers, as [*PanicError]. It is called on a loop's goroutine. nil
	// means that they are dropped.
	OnError func(error)

	// IO replaces the system calls on sockets, in tests. nil means the kernel.
	// A sysio.Simulator also replaces readiness, with BackendEpoll only, and
	// its connections are no descriptors: they do not bound MaxConns.
	IO sysio.IO
}

// withDefaults returns a copy of c in which every field has its value.
func (c Config) withDefaults() (Config, error) {
	if c.Loops < 0 || c.Loops > 1024 {
		return c, fmt.Errorf("poller: Config.Loops is %d, want 0 to 1024", c.Loops)
	}
	if c.ReadBufferBytes < 0 {
		return c, fmt.Errorf("poller: Config.ReadBufferBytes is %d, want 0 or more", c.ReadBufferBytes)
	}
	if c.MaxEvents < 0 {
		return c, fmt.Errorf("poller: Config.MaxEvents is %d, want 0 or more", c.MaxEvents)
	}
	if c.Overflow > OverflowDropOldest {
		return c, fmt.Errorf("poller: Config.Overflow is %d, which is no policy", c.Overflow)
	}
	if c.Loops == 0 {
		c.Loops = runtime.GOMAXPROCS(0)
	}
	if c.Backend == BackendDefault {
		c.Backend = platformBackend
	}
	if c.ReadBufferBytes == 0 {
		c.ReadBufferBytes = defaultReadBuffer
	}
	if c.MaxEvents == 0 {
		c.MaxEvents = defaultMaxEvents
	}
	c.MaxQueueBytes = queueLimit(c.MaxQueueBytes, defaultMaxQueue)
	sim, _ := c.IO.(sysio.Simulator)
	if sim != nil && c.Backend != BackendEpoll {
		return c, fmt.Errorf("poller: Config.IO is a simulator, which Config.Backend %q can't wait for", c.Backend)
	}
	if sim == nil || c.MaxConns <= 0 {
		c.MaxConns = connLimit(c.MaxConns)
	}
	if c.MaxHandshakes <= 0 {
		c.MaxHandshakes = defaultMaxHandshakes
	}
	if c.HandshakeWorkers <= 0 {
		c.HandshakeWorkers = workersPerCPU * runtime.GOMAXPROCS(0)
	}
	if c.HandshakeTimeout <= 0 {
		c.HandshakeTimeout = defaultHandshakeTimeout
	}
	if c.StallAfter <= 0 {
		c.StallAfter = 100 * time.Millisecond
	}
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	return c, nil
}

// queueLimit translates a limit of the configuration: 0 is def, negative is
// none. It fits into 31 bits, as a frame's size does.
func queueLimit(n, def int) int {
	switch {
	case n == 0:
		return def
	case n < 0 || n > math.MaxInt32:
		return math.MaxInt32
	}
	return n
}

// connLimit returns the most connections that the process's descriptors and n
// allow.
func connLimit(n int) int {
	most := max(maxFDs()-reservedFDs, reservedFDs/4)
	if n <= 0 {
		return most
	}
	return min(n, most)
}
