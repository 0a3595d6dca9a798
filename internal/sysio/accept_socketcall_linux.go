//go:build linux && (386 || s390x)

package sysio

import "golang.org/x/sys/unix"

// Accept takes one connection from the listening socket fd.
func Accept(fd int) (int, Addr, Errno) {
	n, sa, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
	if err != nil {
		return -1, Addr{}, errnoOf(err)
	}
	return n, FromSockaddr(sa), 0
}
