//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package sysio

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Accept takes one connection from the listening socket fd. The fork lock
// keeps a child process from inheriting the descriptor before it is marked.
func Accept(fd int) (int, Addr, Errno) {
	syscall.ForkLock.RLock()
	n, sa, err := unix.Accept(fd)
	if err == nil {
		unix.CloseOnExec(n)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, Addr{}, errnoOf(err)
	}
	if err := unix.SetNonblock(n, true); err != nil {
		_ = unix.Close(n)
		return -1, Addr{}, errnoOf(err)
	}
	return n, FromSockaddr(sa), 0
}
