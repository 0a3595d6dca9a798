package poller

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// recordHeader is the length of a TLS record's header (RFC 8446
	// section 5.1).
	recordHeader = 5
	// maxRecord is the longest record, of TLS 1.2 (RFC 5246 section 6.2.3).
	maxRecord = recordHeader + 16<<10 + 2048
	// sealBytes is the most that is encrypted ahead of the kernel: four
	// records. The rest stays in the queue, shared and droppable.
	sealBytes = 64 << 10
	// maxSealedBytes bounds what is encrypted and not written, with the
	// answers to key updates of a peer that does not read.
	maxSealedBytes = 2 * sealBytes
	// keptHalfBytes is the largest buffer that returns to halfPool.
	keptHalfBytes = 2 * maxRecord
)

// extra is what few connections have.
type extra struct {
	ending *closing  // while closing
	tls    *tlsLayer // of an encrypted connection, which has fTLS
}

// tlsLayer is the encryption of one connection: crypto/tls, and the net.Conn
// that this reads records from and writes them to. The handshake waits, on a
// goroutine; from then on the layer belongs to the loop, and nothing waits.
type tlsLayer struct {
	conn  *tls.Conn
	shake *handshake // until it is done

	// immutable
	local, remote connAddr
	network       string

	// loop only
	c        *Conn
	in       []byte               // the record that conn is being given
	half     *half                // a record whose end has not arrived, or nil
	state    *tls.ConnectionState // once it was asked for
	notified bool                 // close_notify is queued or sent
	cut      bool                 // closed with something queued
}

var _ net.Conn = (*tlsLayer)(nil)

// half is the beginning of a record.
type half struct{ b []byte }

var halfPool = sync.Pool{New: func() any { return new(half) }}

// putHalf gives h back.
func putHalf(h *half) {
	if h == nil || cap(h.b) > keptHalfBytes {
		return
	}
	h.b = h.b[:0]
	halfPool.Put(h)
}

// sealed is what was encrypted and the kernel did not take at once.
type sealed struct {
	b   []byte
	off int // of b that is written
}

// errWouldBlock makes crypto/tls stop reading and go on with the next call.
var errWouldBlock net.Error = wouldBlock{}

// wouldBlock is a temporary error: others would stick.
type wouldBlock struct{}

func (wouldBlock) Error() string   { return "poller: no record" }
func (wouldBlock) Timeout() bool   { return false }
func (wouldBlock) Temporary() bool { return true }

// TLS returns what was agreed on with the peer of an encrypted connection, nil
// for any other. The result must not be modified; it stays valid after OnClose.
func (c *Conn) TLS() *tls.ConnectionState {
	if c.flags&fTLS == 0 {
		return nil
	}
	t := c.x.tls
	if t.state == nil && t.shake == nil {
		s := t.conn.ConnectionState()
		t.state = &s
	}
	return t.state
}

// recordSize returns the length of the record that b begins with, and whether
// b holds all of it. One that is too long counts as whole: crypto/tls has the
// right answer.
func recordSize(b []byte) (n int, whole bool) {
	if len(b) < recordHeader {
		return 0, false
	}
	n = recordHeader + int(binary.BigEndian.Uint16(b[3:]))
	if n > maxRecord {
		return len(b), true
	}
	return n, len(b) >= n
}

// decrypt delivers what was received. Records reach crypto/tls only when they
// are whole; all that one receive brought is delivered by one call.
func (l *Loop) decrypt(c *Conn, b []byte) {
	t := c.x.tls
	if t.shake != nil {
		t.shake.OnData(c, b)
		return
	}
	held := t.half
	if held != nil {
		held.b = append(held.b, b...)
		b, t.half = held.b, nil
	}
	out := l.plaintext(len(b))
	n, rest, err := t.open(out, b)
	t.keep(rest, held)
	if n > 0 {
		l.cur = c
		c.h.OnData(c, out[:n])
		l.cur = nil
	}
	switch {
	case err == nil || c.flags&fDead != 0:
	case errors.Is(err, io.EOF):
		l.endOfStream(c)
	default:
		c.CloseAfterFlush(err, 0) // the alert that says why is queued
	}
}

// open decrypts the whole records in b into out, which is as long as b, and
// returns what is left of b.
func (t *tlsLayer) open(out, b []byte) (n int, rest []byte, err error) {
	for err == nil {
		size, whole := recordSize(b)
		if !whole {
			break
		}
		var m int
		t.in, b = b[:size], b[size:]
		m, err = t.conn.Read(out[n:])
		n += m
		if err == errWouldBlock {
			err = nil
		}
	}
	t.in = nil
	return n, b, err
}

// keep stores the beginning of a record. It may lie in held, which is given
// back when it is not needed.
func (t *tlsLayer) keep(b []byte, held *half) {
	if len(b) == 0 {
		putHalf(held)
		return
	}
	if held == nil {
		held = halfPool.Get().(*half)
	}
	held.b = append(held.b[:0], b...)
	t.half = held
}

// plaintext returns the loop's buffer for at least n bytes. There is none
// until the loop has an encrypted connection.
func (l *Loop) plaintext(n int) []byte {
	if len(l.plain) < n {
		l.plain = make([]byte, max(n, len(l.buf)+maxRecord, sealBytes))
	}
	return l.plain
}

// sendSealed is send for an encrypted connection: what is queued is encrypted
// when it can leave, so that the frames of a turn share a record.
func (l *Loop) sendSealed(c *Conn, q *queue) (n, want int, errno sysio.Errno) {
	if q.sealed != nil {
		return l.sendRest(c, q)
	}
	live, cipher := q.live(), []byte(nil)
	var err error
	if q.off == 0 && q.bytes <= gatherBytes {
		if !l.run.matches(live) {
			l.run.start(live)
		}
		cipher, err = l.seal(c, l.run.wire)
		if err == nil {
			l.run.done++
			l.count.frames += uint64(len(live))
			q.clear()
		}
	} else {
		plain := l.gatherPlain(q)
		cipher, err = l.seal(c, plain)
		if err == nil {
			l.advance(q, len(plain))
		}
	}
	if err != nil {
		c.Close(err)
		return 0, 0, 0
	}
	want = len(cipher)
	n, errno = l.sendOnce(int(c.fd), cipher)
	if errno == unix.EAGAIN || errno == unix.ENOBUFS {
		n, errno = 0, 0
	}
	l.count.bytesOut += uint64(n)
	switch {
	case errno != 0:
	case n < want:
		q.sealed = &sealed{b: append([]byte(nil), cipher[n:]...)}
		q.bytes += want - n
	case q.bytes == 0:
		l.unqueue(c, q)
	}
	return n, want, errno
}

// sendRest sends what is encrypted already.
func (l *Loop) sendRest(c *Conn, q *queue) (n, want int, errno sysio.Errno) {
	s := q.sealed
	want = len(s.b) - s.off
	n, errno = l.sendOnce(int(c.fd), s.b[s.off:])
	if errno != 0 {
		return 0, want, errno
	}
	l.count.bytesOut += uint64(n)
	s.off += n
	q.bytes -= n
	if n == want {
		q.sealed = nil
		if q.bytes == 0 {
			q.clear()
			l.unqueue(c, q)
		}
	}
	return n, want, 0
}

// gatherPlain returns the front of q, at most sealBytes.
func (l *Loop) gatherPlain(q *queue) []byte {
	buf, n, skip := l.plaintext(sealBytes)[:sealBytes], 0, q.off
	for _, e := range q.live() {
		for f := e.F; f != nil && n < sealBytes; f = f.Next() {
			b := f.Wire()
			if skip >= len(b) {
				skip -= len(b)
				continue
			}
			if b = b[skip:]; n == 0 && len(b) >= sealBytes {
				return b[:sealBytes]
			}
			n += copy(buf[n:], b)
			skip = 0
		}
	}
	return buf[:n]
}

// seal encrypts. The result is valid until the next call.
func (l *Loop) seal(c *Conn, plain []byte) ([]byte, error) {
	l.cipher, l.sealing = l.cipher[:0], true
	_, err := c.x.tls.conn.Write(plain)
	l.sealing = false
	return l.cipher, err
}

// queueSealed queues a record that crypto/tls made of itself, such as an
// alert, in front of all that is not encrypted yet.
func (c *Conn) queueSealed(b []byte) error {
	if c.flags&fDead != 0 {
		return ErrClosed
	}
	if c.q == nil {
		c.q = c.loop.queues.get()
	}
	q := c.q
	if q.sealed == nil {
		q.sealed = new(sealed)
	}
	s := q.sealed
	if len(s.b)-s.off+len(b) > maxSealedBytes {
		c.overflow()
		return ErrOverflow
	}
	s.b = append(s.b, b...)
	q.bytes += len(b)
	if c.flags&fBlocked == 0 {
		c.loop.mark(c)
	}
	return nil
}

// notify queues close_notify, if c is encrypted and that was not done, and
// reports whether it did.
func (c *Conn) notify() bool {
	if c.flags&fTLS == 0 || c.x.tls.shake != nil || c.x.tls.notified {
		return false
	}
	c.x.tls.notified = true
	return c.x.tls.conn.CloseWrite() == nil
}

// farewell ends the encryption of a connection that is being released. The
// peer is told that it has everything, if it has.
func (l *Loop) farewell(c *Conn) {
	t := c.x.tls
	if t.shake == nil && !t.cut && !t.notified {
		l.cipher, l.sealing = l.cipher[:0], true
		err := t.conn.CloseWrite()
		l.sealing = false
		if err == nil {
			_, _ = l.sendOnce(int(c.fd), l.cipher) // fails when the peer is gone, too
		}
	}
	putHalf(t.half)
	t.half, t.c = nil, nil
}

// Read gives crypto/tls the record of the moment.
// Ownership: p is only used until Read returns.
func (t *tlsLayer) Read(p []byte) (int, error) {
	if t.shake != nil {
		return t.shake.read(p)
	}
	if len(t.in) == 0 {
		return 0, errWouldBlock
	}
	n := copy(p, t.in)
	t.in = t.in[n:]
	return n, nil
}

// Write takes a record from crypto/tls.
// Ownership: p is copied.
func (t *tlsLayer) Write(p []byte) (int, error) {
	switch {
	case t.shake != nil:
		return t.shake.write(p)
	case t.c == nil:
		return 0, ErrClosed
	case t.c.loop.sealing:
		t.c.loop.cipher = append(t.c.loop.cipher, p...)
	default:
		if err := t.c.queueSealed(p); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// Close does nothing: the connection is closed by its loop.
func (t *tlsLayer) Close() error { return nil }

// LocalAddr returns the address of this end.
func (t *tlsLayer) LocalAddr() net.Addr { return t.netAddr(t.local) }

// RemoteAddr returns the peer's address.
func (t *tlsLayer) RemoteAddr() net.Addr { return t.netAddr(t.remote) }

// netAddr returns a as net has it.
func (t *tlsLayer) netAddr(a connAddr) net.Addr {
	if t.network == "unix" {
		return &net.UnixAddr{Net: "unix"}
	}
	return net.TCPAddrFromAddrPort(a.AddrPort())
}

// SetDeadline does nothing: the loop has timers of its own.
func (t *tlsLayer) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing, as SetDeadline.
func (t *tlsLayer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing, as SetDeadline.
func (t *tlsLayer) SetWriteDeadline(time.Time) error { return nil }
