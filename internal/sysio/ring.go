package sysio

import "errors"

// Call is one receive or send among many that [Ring.Do] makes at once.
type Call struct {
	Buf  []byte // what to fill, or to send
	FD   int32
	Send bool
	N    int32 // the bytes that were moved
	// Errno is the result: 0 with N, or why nothing was moved.
	Errno Errno
}

// ErrRing is wrapped by what [OpenRing] fails with.
var ErrRing = errors.New("io_uring is not available")
