package poller

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// newAcceptor prepares a listening socket for a loop.
func newAcceptor(ln *Listener, l *Loop, fd int, flags connFlags) *acceptor {
	return &acceptor{ln: ln, l: l, fd: fd, slot: -1, spare: -1, flags: flags}
}

// start registers the socket with its loop.
func (a *acceptor) start() {
	l := a.l
	if a.fd < 0 {
		return
	}
	a.slot = len(l.acceptors)
	for i, other := range l.acceptors {
		if other == nil {
			a.slot = i
			break
		}
	}
	if a.slot == len(l.acceptors) {
		l.acceptors = append(l.acceptors, nil)
	}
	l.acceptors[a.slot] = a
	if l.draining {
		a.close()
		return
	}
	a.spare = spareFD()
	if err := l.sel.add(a.fd, a.key(), wantRead); err != nil {
		l.p.cfg.OnError(fmt.Errorf("poller: register listener: %w", err))
		a.close()
	}
}

// key identifies the socket among the events of its loop.
func (a *acceptor) key() uint64 { return keyListener + uint64(a.slot) }

// close ends the listening socket.
func (a *acceptor) close() {
	if a.fd < 0 {
		return
	}
	if a.slot >= 0 {
		a.l.Disarm(&a.timer)
		a.l.acceptors[a.slot] = nil
		a.slot = -1
	}
	if a.resting {
		a.resting = false
		a.l.p.admission.starved.Add(-1)
	}
	if a.spare >= 0 {
		_ = unix.Close(a.spare)
	}
	_ = unix.Close(a.fd)
	a.fd, a.spare = -1, -1
}

// closeAcceptors ends all listening sockets of the loop.
func (l *Loop) closeAcceptors() {
	for _, a := range l.acceptors {
		if a != nil {
			a.close()
		}
	}
}

// accept takes what waits, at most acceptBatch.
func (a *acceptor) accept() {
	l := a.l
	for n := 0; n < acceptBatch && a.fd >= 0; n++ {
		fd, from, errno := a.acceptOnce()
		switch errno {
		case 0:
			a.admit(fd, from)
		case unix.EAGAIN:
			return
		case unix.EINTR, unix.ECONNABORTED, unix.EPROTO, unix.EPERM:
			// that one connection is gone, there may be others
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			a.rest(errno)
			return
		default:
			l.p.cfg.OnError(fmt.Errorf("poller: accept: %w", errno))
			a.rest(errno)
			return
		}
	}
}

// acceptOnce makes one system call.
func (a *acceptor) acceptOnce() (int, connAddr, sysio.Errno) {
	if a.l.io != nil {
		return a.l.io.Accept(a.fd)
	}
	return sysio.Accept(a.fd)
}

// admit hands a new connection to a loop, or refuses it.
func (a *acceptor) admit(fd int, from connAddr) {
	l := a.l
	if l.p.admission.admit(from, l.now) != admitted {
		l.closeFD(fd)
		return
	}
	afterAccept(fd)
	to := l
	if !l.p.cfg.ReusePort || a.flags&fUnix != 0 {
		to = l.p.NextLoop()
	}
	in := &arrival{fd: fd, addr: from, flags: a.flags, accept: a.ln.accept}
	if a.ln.tls != nil {
		in.secure(newHandshake(l.p, a.ln.tls, false))
	}
	if to == l {
		l.load.Add(1)
		l.open(in)
		return
	}
	_ = in.send(to) // a loop that has ended: the connection is closed
}

// rest takes the listening socket out of the selector, which would report it
// for ever, until a descriptor comes free or some time has passed. Those who
// wait meanwhile are refused as far as the spare descriptor allows: that is
// kinder than silence.
func (a *acceptor) rest(errno sysio.Errno) {
	if errno == unix.EMFILE || errno == unix.ENFILE {
		a.refuse()
	}
	if a.resting || a.l.sel.del(a.fd, wantRead) != nil {
		return
	}
	a.resting = true
	a.l.p.admission.starved.Add(1)
	a.l.Arm(&a.timer, a, starvedWait)
}

// OnTimer ends the rest.
func (a *acceptor) OnTimer(*Timer) { a.resume() }

// resume registers the socket again after a rest.
func (a *acceptor) resume() {
	if !a.resting || a.fd < 0 {
		return
	}
	if a.spare < 0 {
		a.spare = spareFD()
	}
	a.l.Disarm(&a.timer)
	if a.l.sel.add(a.fd, a.key(), wantRead) != nil {
		a.l.Arm(&a.timer, a, starvedWait)
		return
	}
	a.resting = false
	a.l.p.admission.starved.Add(-1)
}

// refuse gives up the spare descriptor to accept connections and reset them.
func (a *acceptor) refuse() {
	for n := 0; n < rejectBatch && a.spare >= 0; n++ {
		_ = unix.Close(a.spare)
		fd, _, errno := a.acceptOnce()
		if errno == 0 {
			a.l.p.admission.refused[refusedFDs].Add(1)
			_ = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
			a.l.closeFD(fd)
		}
		a.spare = spareFD() // -1 if another thread took it
		if errno != 0 {
			return
		}
	}
}

// spareFD opens a descriptor that stands for nothing, -1 if there is none.
func spareFD() int {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1
	}
	return fd
}
