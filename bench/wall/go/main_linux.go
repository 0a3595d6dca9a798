package main

import (
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

const (
	readBytes = 256 << 10
	maxEvents = 1024
)

// main runs the loop until it is killed.
func main() {
	addr := "127.0.0.1:3000"
	if len(os.Args) > 1 {
		addr = os.Args[1]
	}
	fmt.Fprintln(os.Stderr, "wall:", serve(addr))
	os.Exit(1)
}

// serve listens on addr and answers for ever: what it returns is what went
// wrong.
func serve(addr string) error {
	lfd, bound, err := listen(addr)
	if err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	w := &wall{ep: ep, buf: make([]byte, 2*readBytes)}
	w.watch(unix.EPOLL_CTL_ADD, lfd, unix.EPOLLIN)
	fmt.Printf("{\"listening\":%q,\"pid\":%d}\n", bound, os.Getpid())
	events := make([]unix.EpollEvent, maxEvents)
	for {
		n, err := unix.EpollWait(ep, events, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		w.turn(lfd, events[:max(n, 0)])
	}
}

// listen returns the listening descriptor and the address it got.
func listen(addr string) (int, string, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, "", err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, "", err
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ap.Addr().As4()}); err != nil {
		return 0, "", err
	}
	if err := unix.Listen(fd, 4096); err != nil {
		return 0, "", err
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return 0, "", err
	}
	return fd, netip.AddrPortFrom(ap.Addr(), uint16(sa.(*unix.SockaddrInet4).Port)).String(), nil
}

// turn handles one batch of events, then sends what was said to the room.
func (w *wall) turn(lfd int, events []unix.EpollEvent) {
	for i := range events {
		fd, ev := int(events[i].Fd), events[i].Events
		if fd == lfd {
			w.accept(lfd)
			continue
		}
		if ev&unix.EPOLLOUT != 0 {
			w.drain(fd)
		}
		if ev&^unix.EPOLLOUT != 0 {
			w.readable(fd)
		}
	}
	if len(w.room) > 0 {
		for _, fd := range w.members {
			w.put(int(fd), w.room)
		}
		w.room = w.room[:0]
	}
}
