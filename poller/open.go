package poller

import (
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// arrival is a descriptor on its way to the loop that will own it.
type arrival struct {
	fd     int
	addr   connAddr
	flags  connFlags
	h      Handler
	accept func(c *Conn) Handler // instead of h
	rest   []byte                // to be delivered first

	// of a connection that moves
	q      *queue
	limit  int32
	policy Overflow

	x *extra // of one that is encrypted
}

// arrive is posted with a loop and an arrival.
func arrive(a, b any) { a.(*Loop).open(b.(*arrival)) }

// send posts a to l. The descriptor is closed and counted out if l has ended.
func (a *arrival) send(l *Loop) error {
	l.load.Add(1)
	if l.Post(arrive, l, a) {
		return nil
	}
	l.load.Add(-1)
	if a.flags&fStream != 0 {
		l.p.streams.loopClosed(a.fd)
	}
	l.closeFD(a.fd)
	l.p.leave(a.addr)
	return ErrClosed
}

// open makes a the loop's connection.
func (l *Loop) open(a *arrival) {
	c := l.slab.get(l)
	c.fd, c.addr, c.flags, c.h = int32(a.fd), a.addr, a.flags, a.h
	c.limit, c.policy, c.q, c.x = a.limit, a.policy, a.q, a.x
	if c.flags&fTLS != 0 {
		c.x.tls.c = c
	}
	if c.limit == 0 {
		c.limit, c.policy = int32(l.p.cfg.MaxQueueBytes), l.p.cfg.Overflow
	}
	if l.draining {
		c.Close(ErrClosed)
		return
	}
	c.reg = c.wants()
	if err := l.sel.add(a.fd, c.key(), c.reg); err != nil {
		c.Close(err)
		return
	}
	if c.flags&fConnecting == 0 {
		l.opened(c, a)
	}
}

// opened calls the first handlers of a connection.
func (l *Loop) opened(c *Conn, a *arrival) {
	l.cur = c
	if a.accept != nil {
		h := a.accept(c)
		if c.flags&fDead == 0 && h == nil {
			c.Close(ErrClosed)
		}
		c.h = h
	}
	if c.q != nil {
		l.mark(c)
	}
	if c.flags&fDead == 0 {
		c.flags |= fOpened
		c.h.OnOpen(c)
	}
	if len(a.rest) > 0 && c.flags&(fDead|fClosing) == 0 {
		c.h.OnData(c, a.rest)
	}
	l.cur = nil
}

// connected handles the end of a connect.
func (l *Loop) connected(c *Conn) {
	v, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		c.Close(err)
		return
	}
	if v != 0 {
		c.Close(unix.Errno(v))
		return
	}
	c.flags &^= fConnecting
	l.mark(c) // it waits for input from now on
	l.opened(c, &arrival{})
}

// Dial connects to remote by TCP, without blocking, and hands the connection
// to loop l; [Poller.NextLoop] if l is nil. local may be the zero AddrPort, or
// have port 0. When the connection is there, h.OnOpen is called, and if it
// fails h.OnClose alone. An error that is returned comes before all that: h is
// not called.
func (p *Poller) Dial(l *Loop, local, remote netip.AddrPort, h Handler) error {
	return p.dial(l, local, remote, h, nil)
}

// dial is Dial, with a TLS handshake unless hs is nil.
func (p *Poller) dial(l *Loop, local, remote netip.AddrPort, h Handler, hs *handshake) error {
	if p.down.Load() {
		return ErrClosed
	}
	addr := sysio.AddrOf(remote)
	if !p.admission.adopt(addr) {
		return ErrTooManyConns
	}
	fd, err := dialSocket(sysio.AddrOf(local), addr)
	if err != nil {
		p.leave(addr)
		return err
	}
	if l == nil {
		l = p.NextLoop()
	}
	a := &arrival{fd: fd, addr: addr, h: h, flags: fConnecting}
	if hs != nil {
		a.secure(hs)
	}
	return a.send(l)
}

// dialSocket starts a connection.
func dialSocket(local, remote connAddr) (int, error) {
	family := unix.AF_INET
	if remote.Kind == sysio.Kind6 {
		family = unix.AF_INET6
	}
	fd, err := newSocket(family)
	if err != nil {
		return -1, err
	}
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if local.Kind != sysio.KindNone {
		bindLate(fd)
		err = unix.Bind(fd, local.Sockaddr())
	}
	if err == nil {
		err = unix.Connect(fd, remote.Sockaddr())
	}
	if err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// Adopt takes over nc, such as one hijacked from net/http, and hands it to
// loop l; [Poller.NextLoop] if l is nil. rest is delivered as the first data:
// what had been read from nc already. nc is closed and must not be used any
// more, also when Adopt fails; the connection itself lives on in a descriptor
// of its own. It must be that descriptor which carries the bytes as they are:
// see [Poller.AdoptStream] for others.
// Ownership: rest is copied.
func (p *Poller) Adopt(l *Loop, nc net.Conn, h Handler, rest []byte) error {
	defer func() { _ = nc.Close() }()
	if p.down.Load() {
		return ErrClosed
	}
	fd, err := duplicate(nc)
	if err != nil {
		return err
	}
	a := &arrival{fd: fd, h: h, flags: fShared, rest: append([]byte(nil), rest...)}
	if sa, err := unix.Getpeername(fd); err == nil {
		a.addr = sysio.FromSockaddr(sa)
		if _, ok := sa.(*unix.SockaddrUnix); ok {
			a.flags |= fUnix
		}
	}
	if !p.admission.adopt(a.addr) {
		_ = unix.Close(fd)
		return ErrTooManyConns
	}
	if a.flags&fUnix == 0 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if l == nil {
		l = p.NextLoop()
	}
	return a.send(l)
}

// duplicate returns a second descriptor of nc's socket, one that Go's runtime
// does not wait on.
func duplicate(nc net.Conn) (int, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return -1, ErrNotSocket
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err == nil {
		err = dupErr
	}
	return fd, err
}

// Move hands c, with what it has not written yet, to another loop, where
// h.OnOpen is called with the connection's new Conn and then, if rest is not
// empty, h.OnData with rest. c is dead at once; its OnClose is not called. A
// closing connection is not moved. If the other loop has ended, h.OnClose is
// called with c instead.
// Ownership: rest is copied.
func (c *Conn) Move(to *Loop, h Handler, rest []byte) {
	if c.flags&(fDead|fClosing|fConnecting) != 0 {
		return
	}
	l := c.loop
	if c.flags&fOff == 0 {
		if err := l.sel.del(int(c.fd), c.reg); err != nil {
			c.h = h
			c.Close(err)
			return
		}
		c.flags |= fOff
		c.reg = 0
	}
	a := &arrival{
		fd: int(c.fd), addr: c.addr, h: h, q: c.q, limit: c.limit, policy: c.policy,
		flags: c.flags & (fShared | fUnix | fStream | fPaused | fBlocked | fTLS), x: c.x,
		rest: append([]byte(nil), rest...),
	}
	to.load.Add(1)
	if !to.Post(arrive, to, a) {
		to.load.Add(-1)
		c.h = h
		c.Close(ErrClosed)
		return
	}
	c.q, c.x = nil, nil
	c.flags |= fDead | fMoved
	l.dead = append(l.dead, deadConn{c, nil})
}
