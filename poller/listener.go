package poller

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// acceptBatch is the most connections accepted in one turn.
	acceptBatch = 256
	// rejectBatch is the most connections refused at once when there is no
	// descriptor for them.
	rejectBatch = 64
	// starvedWait is how long a listener rests when descriptors ran out, if
	// no connection closes before.
	starvedWait = 100 * time.Millisecond
	// backlog asks for the longest queue; the kernel has its own limit.
	backlog = 65535
)

// Listener accepts connections for a poller.
type Listener struct {
	p         *Poller
	addr      net.Addr
	accept    func(c *Conn) Handler
	tls       *tls.Config // nil: connections are not encrypted
	acceptors []*acceptor
	unixPath  string // to be removed
	once      sync.Once
}

// acceptor is one listening socket in one loop. Its fields are for the loop
// only, after start.
type acceptor struct {
	ln      *Listener
	l       *Loop
	fd      int
	slot    int  // in the loop's acceptors; -1 until started and after close
	resting bool // taken out of the selector: no descriptors
	spare   int  // a descriptor that can be given up to accept and refuse
	timer   Timer
	flags   connFlags
}

// Listen accepts connections at addr. The network is "tcp" (IPv4 and IPv6),
// "tcp4", "tcp6" or "unix". accept is called for each of them, on the
// goroutine of the loop that was chosen for it, and returns its handler; nil
// closes it without a call of OnClose.
func (p *Poller) Listen(network, addr string, accept func(c *Conn) Handler) (*Listener, error) {
	return p.listen(network, addr, nil, accept)
}

// listen is Listen, with encryption unless cfg is nil.
func (p *Poller) listen(network, addr string, cfg *tls.Config, accept func(c *Conn) Handler) (*Listener, error) {
	if p.down.Load() {
		return nil, ErrClosed
	}
	ln := &Listener{p: p, accept: accept, tls: cfg}
	var err error
	switch network {
	case "tcp", "tcp4", "tcp6":
		err = ln.listenTCP(network, addr)
	case "unix":
		err = ln.listenUnix(addr)
	default:
		err = net.UnknownNetworkError(network)
	}
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	p.mu.Lock()
	p.listeners[ln] = struct{}{}
	p.mu.Unlock()
	for _, a := range ln.acceptors {
		if !a.l.Post(startAcceptor, a, nil) {
			_ = ln.Close()
			return nil, ErrClosed
		}
	}
	return ln, nil
}

// Addr returns the address listened at, with the port that was chosen.
func (ln *Listener) Addr() net.Addr { return ln.addr }

// Close stops accepting. Connections that were accepted live on. It returns
// when the address is free again, unless it is called on a loop's goroutine,
// where it can't wait for other loops. Further calls do nothing.
func (ln *Listener) Close() error {
	ln.once.Do(func() {
		ln.p.mu.Lock()
		delete(ln.p.listeners, ln)
		ln.p.mu.Unlock()
		onLoop := ln.p.onLoop()
		for _, a := range ln.acceptors {
			done := make(chan struct{})
			if onLoop == a.l {
				a.close()
			} else if !a.l.Post(closeAcceptor, a, done) {
				<-a.l.ended
				a.close()
			} else if onLoop == nil {
				<-done
			}
		}
		if ln.unixPath != "" {
			_ = os.Remove(ln.unixPath)
		}
	})
	return nil
}

// retry ends the rest of the listener's sockets: a descriptor came free.
func (ln *Listener) retry() {
	for _, a := range ln.acceptors {
		a.l.Post(resumeAcceptor, a, nil)
	}
}

// startAcceptor, closeAcceptor and resumeAcceptor are posted with an acceptor.
func startAcceptor(a, _ any) { a.(*acceptor).start() }

func closeAcceptor(a, done any) {
	a.(*acceptor).close()
	close(done.(chan struct{}))
}

func resumeAcceptor(a, _ any) { a.(*acceptor).resume() }

// listenTCP opens the listening sockets of a TCP address.
func (ln *Listener) listenTCP(network, addr string) error {
	ta, err := net.ResolveTCPAddr(network, addr)
	if err != nil {
		return err
	}
	loops := ln.p.loops
	if !ln.p.cfg.ReusePort {
		loops = []*Loop{ln.p.NextLoop()}
	}
	at := sysio.AddrOf(ta.AddrPort())
	if ta.Zone != "" {
		if ifi, err := net.InterfaceByName(ta.Zone); err == nil {
			at.Zone = uint32(ifi.Index)
		}
	}
	for _, l := range loops {
		fd, err := listenSocket(network, at, ln.p.cfg.ReusePort)
		if err != nil {
			ln.abandon()
			return err
		}
		ln.acceptors = append(ln.acceptors, newAcceptor(ln, l, fd, 0))
		sa, err := unix.Getsockname(fd)
		if err != nil {
			ln.abandon()
			return err
		}
		bound := sysio.FromSockaddr(sa)
		ln.addr = net.TCPAddrFromAddrPort(bound.AddrPort())
		if at.Kind == sysio.KindNone && bound.Kind == sysio.Kind4 {
			network = "tcp4" // there is no IPv6
		}
		at.Port = bound.Port // the other loops' sockets get the same
	}
	return nil
}

// listenSocket opens one listening TCP socket. Without an address it is the
// unspecified one: both families for "tcp" if the system has both.
func listenSocket(network string, at connAddr, reusePort bool) (int, error) {
	if at.Kind == sysio.KindNone && network == "tcp" {
		at.Kind = sysio.Kind6
		fd, err := boundSocket(at, false, reusePort)
		if err == nil {
			return fd, nil
		}
		at.Kind = sysio.Kind4
	}
	if at.Kind == sysio.KindNone {
		at.Kind = sysio.Kind4
		if network == "tcp6" {
			at.Kind = sysio.Kind6
		}
	}
	return boundSocket(at, true, reusePort)
}

// boundSocket opens a TCP socket that listens at an address.
func boundSocket(at connAddr, only6, reusePort bool) (int, error) {
	family := unix.AF_INET
	if at.Kind == sysio.Kind6 {
		family = unix.AF_INET6
	}
	fd, err := newSocket(family)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	// Accepted sockets inherit it, which saves a call for each.
	_ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	if family == unix.AF_INET6 {
		v := 0
		if only6 {
			v = 1
		}
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, v)
	}
	if reusePort {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			_ = unix.Close(fd)
			return -1, os.NewSyscallError("setsockopt", err)
		}
	}
	if err = unix.Bind(fd, at.Sockaddr()); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("bind", err)
	}
	if err = unix.Listen(fd, backlog); err != nil {
		_ = unix.Close(fd)
		return -1, os.NewSyscallError("listen", err)
	}
	return fd, nil
}

// listenUnix opens the listening socket of a Unix address. A socket file that
// nobody listens on is replaced.
func (ln *Listener) listenUnix(path string) error {
	fd, err := newSocket(unix.AF_UNIX)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	sa := &unix.SockaddrUnix{Name: path}
	err = unix.Bind(fd, sa)
	if err == unix.EADDRINUSE && staleSocket(path) {
		_ = os.Remove(path)
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError(fmt.Sprintf("bind %q", path), err)
	}
	if err = unix.Listen(fd, backlog); err != nil {
		_ = unix.Close(fd)
		return os.NewSyscallError("listen", err)
	}
	if path != "" && path[0] != '@' && path[0] != 0 {
		ln.unixPath = path
	}
	ln.addr = &net.UnixAddr{Name: path, Net: "unix"}
	ln.acceptors = []*acceptor{newAcceptor(ln, ln.p.NextLoop(), fd, fUnix)}
	return nil
}

// staleSocket reports whether path is a socket that nobody listens on.
func staleSocket(path string) bool {
	if fi, err := os.Lstat(path); err != nil || fi.Mode()&fs.ModeSocket == 0 {
		return false
	}
	fd, err := newSocket(unix.AF_UNIX)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Connect(fd, &unix.SockaddrUnix{Name: path}) == unix.ECONNREFUSED
}

// abandon closes the sockets of a listener that could not be started.
func (ln *Listener) abandon() {
	for _, a := range ln.acceptors {
		_ = unix.Close(a.fd)
	}
}
