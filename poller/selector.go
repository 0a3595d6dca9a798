package poller

// A selector is the operating system's readiness queue of one loop, epoll or
// kqueue. selector_linux.go and selector_bsd.go define the same methods:
//
//	add mod del   register descriptors; the loop's goroutine only
//	poll          what is ready now
//	event         the i-th of what poll found
//	wake          from any goroutine: make a sleeping loop run
//	openTimer     for backends that can't wait with a time limit
//	armTimer      become ready after a while
//	fd close

// interest is what a registered descriptor waits for.
type interest uint8

// Interests.
const (
	wantRead interest = 1 << iota
	wantWrite
)

// readiness is what an event tells of a descriptor. It is a hint: reads and
// writes may still find nothing to do.
type readiness uint8

// Readiness bits.
const (
	readable readiness = 1 << iota
	writable
	hungUp // both directions are shut
	failed // the socket has an error
)

// Keys tell whose event it is. A connection's is generation<<32 | slot, so
// that an event of a slot's former owner is recognised. The slots from
// reservedSlots on stand for other things.
const (
	reservedSlots = 0xffff0000
	keyWake       = 0xffffffff
	keyTimer      = 0xfffffffe
	// keyListener + i is the loop's i-th listening socket.
	keyListener = reservedSlots
)
