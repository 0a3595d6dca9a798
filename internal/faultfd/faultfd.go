// Package faultfd is a kernel that misbehaves within its rights: it puts
// short reads and writes, EAGAIN, EINTR and resets between a poller and its
// sockets. It is for tests: set it as poller.Config.IO.
//
// The same seed gives the same sequence of decisions; which connection meets
// which of them depends on the order of events.
package faultfd

import (
	"math/rand/v2"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// Faults says what goes wrong and how often. Probabilities are between 0 (the
// default: never) and 1. The zero value injects nothing.
type Faults struct {
	// ReadBytes is the most that one receive returns; 0 means no limit, 1
	// makes every byte an event of its own.
	ReadBytes int
	// WriteBytes is the most that one send takes; 0 means no limit.
	WriteBytes int
	// Again is the probability that a storm of EAGAIN begins with a receive
	// or a send, though the socket is ready.
	Again float64
	// AgainStorm is how many calls on that socket such a storm takes. 0 means 1.
	AgainStorm int
	// Interrupt is the probability that a call fails with EINTR.
	Interrupt float64
	// Reset is the probability that a receive or a send finds the connection
	// reset. The peer sees a reset, too.
	Reset float64
	// AcceptError is the probability that an accept fails with ECONNABORTED.
	AcceptError float64
}

// Profiles are combinations for table tests, by name.
func Profiles() map[string]Faults {
	return map[string]Faults{
		"none":            {},
		"one byte reads":  {ReadBytes: 1},
		"one byte writes": {WriteBytes: 1},
		"three bytes":     {ReadBytes: 3, WriteBytes: 3},
		"again":           {Again: 0.2, AgainStorm: 5},
		"interrupt":       {Interrupt: 0.5},
		"all but reset":   {ReadBytes: 7, WriteBytes: 5, Again: 0.1, AgainStorm: 3, Interrupt: 0.1, AcceptError: 0.1},
	}
}

// New returns an IO with faults in front of the kernel. It may be used by any
// number of pollers.
func New(seed uint64, f Faults) sysio.IO {
	return &faulty{
		faults: f,
		rand:   rand.New(rand.NewPCG(seed, 0x5170cc0)),
		socks:  make(map[int]*state),
	}
}

// faulty is the IO that New returns.
type faulty struct {
	faults Faults

	mu    sync.Mutex
	rand  *rand.Rand     // guarded by mu
	socks map[int]*state // guarded by mu; by descriptor, only those in trouble
}

// state is the trouble of one socket.
type state struct {
	storm int // calls that still answer EAGAIN
	reset bool
}

// decide draws whether a receive or a send fails, and with what.
func (f *faulty) decide(fd int) sysio.Errno {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.socks[fd]
	switch {
	case s != nil && s.reset:
		return unix.ECONNRESET
	case s != nil && s.storm > 0:
		s.storm--
		return unix.EAGAIN
	case f.draw(f.faults.Reset):
		f.socks[fd] = &state{reset: true}
		// A close with unsent data dropped is what the peer sees as a reset.
		_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
		return unix.ECONNRESET
	case f.draw(f.faults.Interrupt):
		return unix.EINTR
	case f.draw(f.faults.Again):
		f.socks[fd] = &state{storm: max(f.faults.AgainStorm, 1) - 1}
		return unix.EAGAIN
	}
	return 0
}

// draw is true with probability p. f.mu held.
func (f *faulty) draw(p float64) bool { return p > 0 && f.rand.Float64() < p }

// Recv receives, if it may.
// Ownership: p is only used until Recv returns.
func (f *faulty) Recv(fd int, p []byte) (int, sysio.Errno) {
	if e := f.decide(fd); e != 0 {
		return 0, e
	}
	return sysio.Recv(fd, cut(p, f.faults.ReadBytes))
}

// Send sends, if it may.
// Ownership: p is only read until Send returns.
func (f *faulty) Send(fd int, p []byte) (int, sysio.Errno) {
	if e := f.decide(fd); e != 0 {
		return 0, e
	}
	return sysio.Send(fd, cut(p, f.faults.WriteBytes))
}

// Sendv sends, if it may.
func (f *faulty) Sendv(fd int, iov []sysio.Iovec) (int, sysio.Errno) {
	if e := f.decide(fd); e != 0 {
		return 0, e
	}
	if f.faults.WriteBytes == 0 {
		return sysio.Sendv(fd, iov)
	}
	return sysio.Send(fd, cut(sysio.Bytes(&iov[0]), f.faults.WriteBytes))
}

// Accept accepts, if it may.
func (f *faulty) Accept(fd int) (int, sysio.Addr, sysio.Errno) {
	f.mu.Lock()
	fail, interrupted := f.draw(f.faults.AcceptError), f.draw(f.faults.Interrupt)
	f.mu.Unlock()
	switch {
	case fail:
		return -1, sysio.Addr{}, unix.ECONNABORTED
	case interrupted:
		return -1, sysio.Addr{}, unix.EINTR
	}
	return sysio.Accept(fd)
}

// Closed forgets the trouble of fd.
func (f *faulty) Closed(fd int) {
	f.mu.Lock()
	delete(f.socks, fd)
	f.mu.Unlock()
}

// cut returns the first n bytes of p, all if n is 0.
func cut(p []byte, n int) []byte {
	if n > 0 && len(p) > n {
		return p[:n]
	}
	return p
}
