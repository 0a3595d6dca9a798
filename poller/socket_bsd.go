//go:build darwin || freebsd

package poller

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// newSocket opens a non-blocking stream socket.
func newSocket(family int) (int, error) {
	syscall.ForkLock.RLock()
	fd, err := unix.Socket(family, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// bindLate has no equivalent here.
func bindLate(int) {}

// afterAccept sets what an accepted socket may not have inherited. It fails
// harmlessly on Unix sockets.
func afterAccept(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
}
