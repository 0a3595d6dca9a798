package poller

import "golang.org/x/sys/unix"

// newSocket opens a non-blocking stream socket.
func newSocket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// bindLate lets the kernel choose the local port when the connection is made:
// ports may then be used with several remote addresses.
func bindLate(fd int) {
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// afterAccept sets what an accepted socket did not inherit: nothing here.
func afterAccept(int) {}
