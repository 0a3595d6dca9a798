package main

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// state of a connection, in order of life.
type state uint8

const (
	free       state = iota // the descriptor is not ours
	connecting              // waiting for the request
	open                    // shaken hands
	joined                  // in the namespace, and so in every room
)

// conn is one connection; its index is its descriptor.
type conn struct {
	state  state
	member uint32 // index in members, when joined
	rest   *rest  // nil when nothing is incomplete
}

// rest is what a connection only sometimes has.
type rest struct {
	in  []byte // the start of an incomplete request or frame
	out []byte // what the kernel would not take
}

// wall is the loop.
type wall struct {
	ep      int
	conns   []conn // by descriptor
	members []int32
	buf     []byte // one read, behind what was incomplete before it
	reply   []byte // to the connection being read
	room    []byte // to everybody, at the end of the turn
}

func (w *wall) watch(op, fd int, events uint32) {
	_ = unix.EpollCtl(w.ep, op, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
}

func (w *wall) accept(lfd int) {
	for range 256 {
		fd, _, err := unix.Accept4(lfd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		if fd >= len(w.conns) {
			w.conns = append(w.conns, make([]conn, fd+1-len(w.conns))...)
		}
		w.conns[fd] = conn{state: connecting}
		w.watch(unix.EPOLL_CTL_ADD, fd, unix.EPOLLIN|unix.EPOLLRDHUP)
	}
}

func (w *wall) drop(fd int) {
	c := &w.conns[fd]
	if c.state == free {
		return
	}
	if c.state == joined {
		last := w.members[len(w.members)-1]
		w.members[c.member] = last
		w.conns[last].member = c.member
		w.members = w.members[:len(w.members)-1]
	}
	*c = conn{}
	_ = unix.Close(fd)
}

// send writes by a raw system call: the descriptor never blocks.
func send(fd int, b []byte) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return int(n), errno
}

// put writes b, and keeps a copy of what the kernel does not take.
func (w *wall) put(fd int, b []byte) {
	c := &w.conns[fd]
	if c.rest == nil || len(c.rest.out) == 0 {
		n, errno := send(fd, b)
		if errno != 0 && errno != unix.EAGAIN {
			return // the read side sees it too
		}
		if errno == 0 {
			b = b[n:]
		}
		if len(b) == 0 {
			return
		}
		w.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLOUT)
	}
	if c.rest == nil {
		c.rest = &rest{}
	}
	c.rest.out = append(c.rest.out, b...)
}

func (w *wall) drain(fd int) {
	c := &w.conns[fd]
	if c.rest == nil || len(c.rest.out) == 0 {
		return
	}
	n, errno := send(fd, c.rest.out)
	if errno != 0 {
		return
	}
	c.rest.out = slices.Delete(c.rest.out, 0, n)
	if len(c.rest.out) == 0 {
		c.rest.out = nil
		w.watch(unix.EPOLL_CTL_MOD, fd, unix.EPOLLIN|unix.EPOLLRDHUP)
	}
}

func (w *wall) readable(fd int) {
	c := &w.conns[fd]
	if c.state == free {
		return
	}
	have := 0
	if c.rest != nil {
		have = copy(w.buf[:readBytes], c.rest.in)
		c.rest.in = nil
		if len(c.rest.out) == 0 {
			c.rest = nil
		}
	}
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&w.buf[have])), readBytes,
		unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN:
		n = 0
	case errno != 0 || n == 0:
		w.drop(fd)
		return
	}
	w.feed(fd, w.buf[:have+int(n)])
}

// feed handles all that is whole in b and keeps a copy of the rest.
func (w *wall) feed(fd int, b []byte) {
	for len(b) > 0 && w.conns[fd].state != free {
		used := 0
		if w.conns[fd].state == connecting {
			used = w.handshake(fd, b)
		} else {
			used = w.frame(fd, b)
		}
		if used == 0 {
			break
		}
		b = b[used:]
	}
	c := &w.conns[fd]
	if c.state != free && len(b) > 0 {
		if c.rest == nil {
			c.rest = &rest{}
		}
		c.rest.in = slices.Clone(b)
	}
	if c.state != free && len(w.reply) > 0 {
		w.put(fd, w.reply)
	}
	w.reply = w.reply[:0]
}
