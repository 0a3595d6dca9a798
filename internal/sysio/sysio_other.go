//go:build (linux && (386 || s390x)) || darwin || dragonfly || freebsd || netbsd || openbsd

package sysio

import "golang.org/x/sys/unix"

// These systems either multiplex the socket calls (socketcall of 32-bit
// Linux) or allow system calls only through the C library: x/sys/unix knows.

// Recv reads into p, which must not be empty, without blocking.
// Ownership: p is only used until Recv returns.
func Recv(fd int, p []byte) (int, Errno) {
	n, err := unix.Read(fd, p)
	return max(n, 0), errnoOf(err)
}

// Send writes p or a part of it without blocking. Go's runtime ignores
// SIGPIPE for descriptors other than standard output.
// Ownership: p is only read until Send returns.
func Send(fd int, p []byte) (int, Errno) {
	n, err := unix.Write(fd, p)
	return max(n, 0), errnoOf(err)
}

// Sendv writes what iov describes, or a part of it, without blocking.
func Sendv(fd int, iov []Iovec) (int, Errno) {
	bufs := make([][]byte, len(iov))
	for i := range iov {
		bufs[i] = Bytes(&iov[i])
	}
	n, err := unix.SendmsgBuffers(fd, bufs, nil, nil, unix.MSG_DONTWAIT)
	return max(n, 0), errnoOf(err)
}

// errnoOf returns the number of an error that x/sys/unix returned.
func errnoOf(err error) Errno {
	if err == nil {
		return 0
	}
	if e, ok := err.(Errno); ok {
		return e
	}
	return unix.EIO
}
