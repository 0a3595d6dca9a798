package poller

// Hot path: no allocation, no lock but the mailbox's, no time.Now but one.

import (
	"io"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// phase is a step of a turn. A turn goes through them in this order; a panic
// in a handler resumes it where it was.
type phase uint8

const (
	phaseEvents phase = iota // what the selector found: read, deliver
	phaseTimers              // what is due
	phaseTasks               // the mailbox
	phaseBury                // OnClose of what died
	phaseFlush               // one send for each marked connection, OnDrain
	phaseLast                // only in the loop's last turn: everything dies
	phaseDone
)

// maxEndRounds bounds how often a turn comes back to phaseBury because
// flushing killed connections, or OnDrain sent more.
const maxEndRounds = 4

// turn handles n events and everything that follows from them. It is all that
// a backend calls; when it returns, l.over may be set and the loop must not
// be driven any more.
func (l *Loop) turn(n int) {
	l.mailbox.awake()
	now := l.p.clock()
	if l.slept {
		l.slept = false
	} else {
		l.lag.add(now, now-l.now)
	}
	l.now = now
	if l.watched {
		l.began.Store(now)
	}
	l.phase, l.events, l.event = phaseEvents, n, 0
	l.rounds, l.flushes, l.mailbox.budget = 0, maxFlushes, maxTasks
	for l.phase != phaseDone {
		l.steps()
	}
	if now-l.stats.at > publishEvery {
		l.publish()
	}
}

// steps goes through the phases. It is left early only by a panic.
func (l *Loop) steps() {
	defer l.rescue()
	if l.phase == phaseEvents {
		l.handleEvents()
		l.phase = phaseTimers
	}
	if l.phase == phaseTimers {
		l.fireTimers()
		l.phase = phaseTasks
	}
	if l.phase == phaseTasks {
		l.mailbox.run()
		l.phase = phaseBury
	}
	for l.phase == phaseBury || l.phase == phaseFlush {
		if l.phase == phaseBury {
			l.bury()
			l.phase = phaseFlush
		}
		l.flushMarked()
		l.tellDrained()
		l.rounds++
		if len(l.dead) == 0 && len(l.dirty) == 0 || l.rounds == maxEndRounds {
			break
		}
		l.phase = phaseBury
	}
	l.phase = phaseLast
	if l.draining && l.slab.live == 0 && !l.emptied {
		l.emptied = true
		close(l.empty)
	}
	if l.stopping {
		l.last()
	}
	l.phase = phaseDone
}

// last ends everything: no connection and no task is left behind.
func (l *Loop) last() {
	l.draining = true
	l.mailbox.close()
	l.closeAcceptors()
	for {
		l.slab.each(func(c *Conn) { c.Close(ErrClosed) })
		l.bury()
		l.mailbox.budget = maxTasks
		l.mailbox.run()
		if l.slab.live == 0 && !l.mailbox.pending() {
			break
		}
	}
	l.dirty, l.dirtyPos, l.drained = nil, 0, nil
	l.wheel = wheel{}
	l.publish()
	l.over = true
}

// rescue ends a panic of a handler: the turn goes on behind it.
func (l *Loop) rescue() {
	v := recover()
	if v == nil {
		return
	}
	err := &PanicError{Value: v, Stack: debug.Stack()}
	l.count.panics++
	c := l.cur
	l.cur = nil
	switch {
	case l.burying != nil:
		l.slab.put(l.burying)
		l.burying = nil
	case c != nil:
		c.Close(err)
	}
	defer func() { _ = recover() }() // a hook that panics, too, must not end the process
	l.p.cfg.OnError(err)
}

// handleEvents serves what the selector found.
func (l *Loop) handleEvents() {
	for l.event < l.events {
		key, r := l.sel.event(l.event)
		l.event++
		if uint32(key) >= reservedSlots {
			l.special(uint32(key))
			continue
		}
		c := l.slab.find(key)
		if c == nil || c.flags&fDead != 0 {
			continue
		}
		if c.flags&fConnecting != 0 {
			l.connected(c)
			continue
		}
		if r&writable != 0 {
			l.mark(c)
		}
		if r&(readable|hungUp|failed) != 0 {
			l.read(c, r)
		}
	}
}

// special serves an event that belongs to no connection.
func (l *Loop) special(slot uint32) {
	if slot == keyWake || slot == keyTimer {
		return // the turn itself is what was wanted
	}
	if i := int(slot - keyListener); i < len(l.acceptors) && l.acceptors[i] != nil {
		l.acceptors[i].accept()
	}
}

// read receives once and delivers it.
func (l *Loop) read(c *Conn, r readiness) {
	if c.flags&fPaused != 0 {
		l.hungUpPaused(c, r)
		return
	}
	n, errno := l.recvOnce(int(c.fd), l.buf)
	switch {
	case n > 0:
		l.count.bytesIn += uint64(n)
		if c.flags&fClosing != 0 {
			return // thrown away
		}
		l.count.reads++
		if c.flags&fTLS != 0 {
			l.decrypt(c, l.buf[:n])
			return
		}
		l.cur = c
		c.h.OnData(c, l.buf[:n])
		l.cur = nil
	case errno == 0:
		l.endOfStream(c)
	case errno != unix.EAGAIN:
		c.Close(errno)
	case r&failed != 0:
		l.closeFailed(c)
	}
}

// hungUpPaused handles an event of a connection that is not read from. A
// reset ends it; a peer that only hung up may have left data to read, so the
// descriptor, which would be reported for ever, is put aside until Resume.
func (l *Loop) hungUpPaused(c *Conn, r readiness) {
	if r&failed != 0 {
		l.closeFailed(c)
		return
	}
	if r&hungUp == 0 || c.flags&fOff != 0 {
		return
	}
	if c.q != nil {
		l.mark(c) // the write tells what is left of it
	}
	if l.sel.del(int(c.fd), c.reg) == nil {
		c.flags |= fOff
		c.reg = 0
	}
}

// closeFailed closes c with the error of its socket.
func (l *Loop) closeFailed(c *Conn) {
	v, err := unix.GetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		c.Close(err)
	case v != 0:
		c.Close(unix.Errno(v))
	default:
		c.Close(io.EOF)
	}
}

// fireTimers calls what is due.
func (l *Loop) fireTimers() {
	if at, ok := l.wheel.next(); ok {
		l.lag.late(l.now - at*tick)
	}
	l.wheel.advance(l.now / tick)
	for t := l.wheel.due; t != nil; t = l.wheel.due {
		h := t.h
		l.wheel.disarm(t)
		h.OnTimer(t)
	}
}
