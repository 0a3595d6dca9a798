package poller

import (
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// closing is what a connection needs between CloseAfterFlush and its end.
type closing struct {
	timer Timer
	c     *Conn
	err   error
	once  bool // do not wait: one attempt to write
}

// OnTimer cuts the connection: it had its time.
func (e *closing) OnTimer(*Timer) { e.c.Close(e.err) }

// deadConn is a connection whose OnClose is to be called.
type deadConn struct {
	c   *Conn
	err error
}

// progress moves a closing connection on after an attempt to write.
func (l *Loop) progress(c *Conn) {
	e := c.x.ending
	if c.q == nil && c.notify() {
		if errno := l.write(c); errno != 0 {
			c.Close(errno)
			return
		}
	}
	if e.once || l.draining && c.q == nil {
		c.Close(e.err)
		return
	}
	if c.q != nil || c.flags&fConnecting != 0 {
		return
	}
	if c.flags&fEOF != 0 {
		c.Close(e.err)
		return
	}
	if c.flags&fLinger == 0 {
		c.flags |= fLinger
		if l.shutdown(int(c.fd)) != nil {
			c.Close(e.err)
		}
	}
}

// shutdown ends the sending side of a socket.
func (l *Loop) shutdown(fd int) error {
	if l.sim == nil {
		return unix.Shutdown(fd, unix.SHUT_WR)
	}
	if e := l.sim.Shutdown(fd); e != 0 {
		return e
	}
	return nil
}

// endOfStream handles the end of the stream.
func (l *Loop) endOfStream(c *Conn) {
	if c.flags&fClosing != 0 {
		c.flags |= fEOF
		l.mark(c)
		return
	}
	if c.q != nil && c.flags&fBlocked == 0 {
		// The peer may have shut its side only: give it what this turn wrote.
		c.CloseAfterFlush(io.EOF, 0)
		return
	}
	c.Close(io.EOF)
}

// drain starts the graceful end of all connections of the loop.
func (l *Loop) drain() {
	if l.draining {
		return
	}
	l.draining = true
	l.closeAcceptors()
	l.slab.each(func(c *Conn) {
		switch {
		case c.flags&fDead != 0:
		case c.flags&fClosing != 0:
			l.mark(c)
		case c.q == nil:
			c.Close(ErrClosed)
		default:
			c.CloseAfterFlush(ErrClosed, drainLimit)
		}
	})
}

// drainLimit is longer than anybody lets a shutdown take; its context ends it.
const drainLimit = 24 * time.Hour

// bury calls OnClose for the connections that died and releases them. The
// list grows meanwhile when handlers close others.
func (l *Loop) bury() {
	for l.deadPos < len(l.dead) {
		d := l.dead[l.deadPos]
		l.dead[l.deadPos] = deadConn{}
		l.deadPos++
		l.burying = d.c
		l.release(d.c)
		if d.c.h != nil && d.c.flags&fMoved == 0 {
			d.c.h.OnClose(d.c, d.err)
		}
		l.burying = nil
		l.slab.put(d.c)
	}
	l.dead, l.deadPos = l.dead[:0], 0
}

// release gives back what the kernel and the poller hold for a dead
// connection.
func (l *Loop) release(c *Conn) {
	c.dropQueue()
	if c.x != nil && c.x.ending != nil {
		l.Disarm(&c.x.ending.timer)
		c.x.ending = nil
	}
	l.load.Add(-1)
	if c.flags&fMoved != 0 {
		return
	}
	if c.flags&fTLS != 0 {
		l.farewell(c)
	}
	if c.flags&fShared != 0 && c.flags&fOff == 0 {
		// Closing a duplicate does not end the registration.
		_ = l.sel.del(int(c.fd), c.reg)
	}
	if c.flags&fStream != 0 {
		l.p.streams.loopClosed(int(c.fd))
	}
	l.closeFD(int(c.fd))
	l.p.leave(c.addr)
}

// closeFD closes a socket's descriptor.
func (l *Loop) closeFD(fd int) {
	if l.io != nil {
		l.io.Closed(fd)
	}
	if l.sim == nil {
		_ = unix.Close(fd)
	}
}
