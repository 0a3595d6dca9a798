package poller

// Hot path: no allocation, no lock, no interface call without Config.IO, no
// time.Now.

import (
	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// maxIovecs is the kernel's limit for one gather-send (UIO_MAXIOV).
	maxIovecs = 1024
	// gatherBytes is up to where frames are copied together rather than
	// gathered by the kernel: contiguous sends measured 3 to 9 % cheaper, and
	// the copy serves all connections with the same frames queued.
	gatherBytes = 16 << 10
	// maxSends is the most sends to one connection in one turn.
	maxSends = 8
	// maxFlushes is the most connections written in one turn, some 10 ms:
	// reading must not wait for a large room. The others follow in the next.
	maxFlushes = 2048
	// maxRetries is how often an interrupted call is made again at once.
	maxRetries = 16
)

// run is a sequence of units that successive connections have queued alike,
// as a broadcast leaves it behind: built once, and the references are given
// back in one go.
type run struct {
	units []*frame.Frame
	wire  []byte // what the units are on the wire
	done  int    // connections that were sent all of it; their references are owed
	buf   []byte // backs wire when there are several frames
}

// matches reports whether live is the same sequence.
func (r *run) matches(live []entry) bool {
	if len(live) != len(r.units) {
		return false
	}
	for i, f := range r.units {
		if live[i].F != f {
			return false
		}
	}
	return true
}

// start begins a new run with live.
func (r *run) start(live []entry) {
	r.renew(live)
	r.wire, r.buf = contiguous(live, r.buf[:0])
}

// renew begins a new run with live, without its bytes.
func (r *run) renew(live []entry) {
	r.end()
	for _, e := range live {
		r.units = append(r.units, e.F)
	}
}

// contiguous returns the bytes of live in one piece, which is at the end of
// buf unless there is only one frame, and buf.
func contiguous(live []entry, buf []byte) (wire, grown []byte) {
	if len(live) == 1 && live[0].F.Next() == nil {
		return live[0].F.Wire(), buf
	}
	start := len(buf)
	for _, e := range live {
		for f := e.F; f != nil; f = f.Next() {
			buf = append(buf, f.Wire()...)
		}
	}
	return buf[start:], buf
}

// end gives back the references that are owed and forgets the run. No frame
// can be reused while it is part of a run: nothing is built between the sends
// of one flush.
func (r *run) end() {
	for i, f := range r.units {
		if r.done > 0 {
			f.Retain(1 - r.done)
			f.Release()
		}
		r.units[i] = nil
	}
	r.units, r.wire, r.done = r.units[:0], nil, 0
}

// mark puts c on the list of connections to flush at the end of the turn.
func (l *Loop) mark(c *Conn) {
	if c.flags&(fMarked|fDead) == 0 {
		c.flags |= fMarked
		l.dirty = append(l.dirty, c)
	}
}

// flushMarked writes to the connections that were marked in this turn.
func (l *Loop) flushMarked() {
	n := min(len(l.dirty)-l.dirtyPos, l.flushes)
	l.flushes -= n
	for _, c := range l.dirty[l.dirtyPos : l.dirtyPos+n] {
		l.dirtyPos++ // first: after a panic it goes on behind c
		if c.flags&fMarked == 0 {
			continue // closed, and perhaps used again
		}
		c.flags &^= fMarked
		if c.flags&fDead != 0 || l.batch != nil && l.batch.take(c) {
			continue
		}
		l.flush(c)
	}
	if l.batch != nil {
		l.batch.flush()
	}
	l.run.end()
	// What waits for the next turn moves down only when it is the smaller part:
	// a broadcast to a million must not move a million in every turn.
	if 2*l.dirtyPos >= len(l.dirty) {
		rest := copy(l.dirty, l.dirty[l.dirtyPos:])
		clear(l.dirty[rest:])
		l.dirty, l.dirtyPos = l.dirty[:rest], 0
	}
}

// flush writes what c has queued, as far as the kernel takes it, and adapts
// what its descriptor waits for.
func (l *Loop) flush(c *Conn) {
	if c.q != nil && c.flags&fConnecting == 0 {
		if errno := l.write(c); errno != 0 {
			c.Close(errno)
			return
		}
	}
	if c.flags&fClosing != 0 {
		l.progress(c)
	}
	if w := c.wants(); w != c.reg {
		l.register(c, w)
	}
}

// wants returns what c should wait for.
func (c *Conn) wants() (i interest) {
	if c.flags&(fPaused|fEOF|fConnecting) == 0 {
		i = wantRead
	}
	if c.flags&(fBlocked|fConnecting) != 0 {
		i |= wantWrite
	}
	return i
}

// register changes what c waits for.
func (l *Loop) register(c *Conn, want interest) {
	if c.flags&fDead != 0 {
		return
	}
	var err error
	switch {
	case c.flags&fOff == 0:
		err = l.sel.mod(int(c.fd), c.key(), c.reg, want)
	case want != 0:
		c.flags &^= fOff
		err = l.sel.add(int(c.fd), c.key(), want)
	}
	c.reg = want
	if err != nil {
		c.Close(err)
	}
}

// write sends until c's queue is empty, the kernel's buffer is full, or c had
// its share of the turn.
func (l *Loop) write(c *Conn) sysio.Errno {
	for range maxSends {
		n, want, errno := l.send(c, c.q)
		if errno == unix.EAGAIN || errno == unix.ENOBUFS {
			c.flags |= fBlocked
			return 0
		}
		if errno != 0 {
			return errno
		}
		if c.q == nil {
			return 0
		}
		if n < want {
			c.flags |= fBlocked
			return 0
		}
	}
	l.mark(c)
	return 0
}

// send makes one system call for the front of c's queue. It returns the bytes
// that the kernel took, and how many it was offered.
func (l *Loop) send(c *Conn, q *queue) (n, want int, errno sysio.Errno) {
	if c.flags&fTLS != 0 {
		return l.sendSealed(c, q)
	}
	live := q.live()
	if q.off > 0 || q.bytes > gatherBytes && (len(live) > 1 || live[0].F.Next() != nil) {
		n, want, errno = l.gather(int(c.fd), q)
		if errno == 0 {
			l.took(c, n)
		}
		return n, want, errno
	}
	if !l.run.matches(live) {
		l.run.start(live)
	}
	want = len(l.run.wire)
	n, errno = l.sendOnce(int(c.fd), l.run.wire)
	if errno != 0 {
		return 0, want, errno
	}
	if n < want {
		l.took(c, n)
		return n, want, 0
	}
	l.run.done++
	l.whole(c, q)
	return n, want, 0
}

// whole notes that the kernel took all that c had queued. The references are
// owed to the run.
func (l *Loop) whole(c *Conn, q *queue) {
	l.count.frames += uint64(len(q.live()))
	l.count.bytesOut += uint64(q.bytes)
	q.clear()
	l.unqueue(c, q)
}

// gather sends the front of q by one call with an array of parts.
func (l *Loop) gather(fd int, q *queue) (n, want int, errno sysio.Errno) {
	parts, skip := 0, q.off
fill:
	for _, e := range q.live() {
		for f := e.F; f != nil; f = f.Next() {
			b := f.Wire()
			if skip >= len(b) {
				skip -= len(b)
				continue
			}
			if parts == maxIovecs {
				break fill
			}
			sysio.Vec(&l.iovecs[parts], b[skip:])
			want += len(b) - skip
			parts, skip = parts+1, 0
		}
	}
	iov := l.iovecs[:parts]
	if parts == 1 {
		n, errno = l.sendOnce(fd, sysio.Bytes(&iov[0]))
	} else {
		n, errno = l.sendvOnce(fd, iov)
	}
	clear(iov) // the array must not keep frames alive
	return n, want, errno
}

// took removes n bytes from the front of c's queue.
func (l *Loop) took(c *Conn, n int) {
	l.count.bytesOut += uint64(n)
	if q := c.q; l.advance(q, n) {
		l.unqueue(c, q)
	}
}

// advance removes n bytes from the front of q. It reports whether q is empty.
func (l *Loop) advance(q *queue, n int) bool {
	q.bytes -= n
	q.off += n
	for q.head < len(q.entries) {
		f := q.entries[q.head].F
		size := f.Size()
		if q.off < size {
			q.compact()
			return false
		}
		q.off -= size
		q.entries[q.head] = entry{}
		q.head++
		l.count.frames++
		f.Release()
	}
	q.clear()
	return true
}

// unqueue takes the empty queue away from c.
func (l *Loop) unqueue(c *Conn, q *queue) {
	c.q = nil
	l.queues.put(q)
	if l.queues.count > keptForever && !l.tidy.Armed() {
		l.Arm(&l.tidy, (*tidier)(l), tidyEvery)
	}
	if c.flags&fBlocked == 0 {
		return
	}
	c.flags &^= fBlocked
	if c.flags&(fDrained|fClosing) == 0 {
		c.flags |= fDrained
		l.drained = append(l.drained, c)
	}
}

// tellDrained calls OnDrain for the connections that were blocked and have
// nothing queued now.
func (l *Loop) tellDrained() {
	for l.drainedPos < len(l.drained) {
		c := l.drained[l.drainedPos]
		l.drainedPos++
		if c.flags&fDrained == 0 {
			continue
		}
		c.flags &^= fDrained
		if c.flags&(fDead|fClosing) == 0 {
			l.cur = c
			c.h.OnDrain(c)
			l.cur = nil
		}
	}
	clear(l.drained)
	l.drained, l.drainedPos = l.drained[:0], 0
}

// sendOnce is one send, repeated when a signal interrupts it.
func (l *Loop) sendOnce(fd int, b []byte) (n int, errno sysio.Errno) {
	for range maxRetries {
		if l.io == nil {
			n, errno = sysio.Send(fd, b)
		} else {
			n, errno = l.io.Send(fd, b)
		}
		l.count.writes++
		if errno != unix.EINTR {
			return n, errno
		}
	}
	return 0, unix.EAGAIN
}

// sendvOnce is one gather-send, repeated when a signal interrupts it.
func (l *Loop) sendvOnce(fd int, iov []sysio.Iovec) (n int, errno sysio.Errno) {
	for range maxRetries {
		if l.io == nil {
			n, errno = sysio.Sendv(fd, iov)
		} else {
			n, errno = l.io.Sendv(fd, iov)
		}
		l.count.writes++
		if errno != unix.EINTR {
			return n, errno
		}
	}
	return 0, unix.EAGAIN
}

// recvOnce is one receive, repeated when a signal interrupts it.
func (l *Loop) recvOnce(fd int, b []byte) (n int, errno sysio.Errno) {
	for range maxRetries {
		if l.io == nil {
			n, errno = sysio.Recv(fd, b)
		} else {
			n, errno = l.io.Recv(fd, b)
		}
		if errno != unix.EINTR {
			return n, errno
		}
	}
	return 0, unix.EAGAIN
}
