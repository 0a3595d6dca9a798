package main

import (
	"fmt"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// firstFD is the number of the first simulated descriptor, above all that a
// kernel hands out.
const firstFD = 1 << 30

// kernel is the kernel between the server and its simulated clients. What the
// server writes reaches a client at once; what the client answers is there to
// be read in a later turn. Buffers never fill up.
//
// There is no lock: a client belongs to the loop that watches it.
type kernel struct {
	sysio.Simulator // none: its methods are all here

	peers []peer // without pointers: the collector does not look at them
	sides []side // by loop
	ping  time.Duration
	base  time.Time
	want  atomic.Pointer[[]byte] // what the next event must be
	free  atomic.Uint32          // the next peer that was never accepted
}

// side is what one loop sees of the kernel. Everything but listening is for
// the loop's goroutine.
type side struct {
	listening atomic.Int32 // the real listening socket, 0: none
	key       uint64       // of it
	backlog   int          // clients that wait to be accepted

	ready []uint32 // a ring of peers with something to report
	head  int
	count int
	buf   []byte // for gathered writes

	tally
	late  *hdr.Histogram // of pings, in ms
	goal  int            // deliveries after which done is set
	done  time.Time
	fault error // the first thing that a client did not expect

	_ [64]byte // loops write side by side
}

// tally counts what happened to the clients of a loop.
type tally struct {
	joined, gone, cut       int // in the namespace; closed after they left; closed as they were silent
	pings, pongs, delivered int
}

func (t *tally) add(o tally) {
	t.joined, t.gone, t.cut = t.joined+o.joined, t.gone+o.gone, t.cut+o.cut
	t.pings, t.pongs, t.delivered = t.pings+o.pings, t.pongs+o.pongs, t.delivered+o.delivered
}

var _ sysio.Simulator = (*kernel)(nil)

// newKernel makes n clients for the loops of a poller.
func newKernel(n, loops int, ping time.Duration) *kernel {
	k := &kernel{peers: make([]peer, n), sides: make([]side, loops), ping: ping, base: time.Now()}
	for i := range k.peers {
		k.peers[i].loop = noLoop // and the memory is there before anything is measured
	}
	for i := range k.sides {
		k.sides[i].ready = make([]uint32, n)
		k.sides[i].late = hdr.New(1, int64(time.Hour/time.Millisecond), 3)
	}
	return k
}

// millis is the time that clients note.
func (k *kernel) millis() uint32 { return uint32(time.Since(k.base) / time.Millisecond) }

// peer returns the client of a descriptor and its number.
func (k *kernel) peer(fd int) (*peer, uint32) {
	i := uint32(fd - firstFD)
	return &k.peers[i], i
}

// dial makes n more clients connect through the listening socket of a loop.
func (k *kernel) dial(loop, n int) { k.sides[loop].backlog += n }

// Accept takes a client out of the backlog of the listening socket fd.
func (k *kernel) Accept(fd int) (int, sysio.Addr, sysio.Errno) {
	for i := range k.sides {
		s := &k.sides[i]
		if int(s.listening.Load()) != fd {
			continue
		}
		if s.backlog == 0 {
			break
		}
		s.backlog--
		n := k.free.Add(1) - 1
		k.peers[n].pending = sayRequest
		from := sysio.Addr{Kind: sysio.Kind4, Port: 40000, IP: [16]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}}
		return firstFD + int(n), from, 0
	}
	return -1, sysio.Addr{}, unix.EAGAIN
}

// Watch notes what a loop wants to know of fd.
func (k *kernel) Watch(loop, fd int, key uint64, read, write bool) sysio.Errno {
	s := &k.sides[loop]
	if fd < firstFD {
		s.key = key
		s.listening.Store(int32(fd))
		return 0
	}
	p, n := k.peer(fd)
	p.key, p.loop = key, uint16(loop)
	p.set(wantsRead, read)
	p.set(wantsWrite, write)
	s.report(p, n)
	return 0
}

// report puts p among what is ready, if it is.
func (s *side) report(p *peer, n uint32) {
	if p.flags&isQueued != 0 || !p.readable() && p.flags&wantsWrite == 0 {
		return
	}
	p.flags |= isQueued
	s.ready[(s.head+s.count)%len(s.ready)] = n
	s.count++
}

// Ready reports what is ready, the listening socket first. A client is
// reported again while it is.
func (k *kernel) Ready(loop int, events []sysio.Event) (n int) {
	s := &k.sides[loop]
	if s.backlog > 0 {
		events[0] = sysio.Event{Key: s.key, Readable: true}
		n++
	}
	for left := s.count; n < len(events) && left > 0; left-- {
		i := s.ready[s.head]
		s.head = (s.head + 1) % len(s.ready)
		s.count--
		p := &k.peers[i]
		p.flags &^= isQueued
		e := sysio.Event{Key: p.key, Readable: p.readable(), Writable: p.flags&wantsWrite != 0}
		if e.Readable || e.Writable {
			events[n] = e
			n++
			s.report(p, i)
		}
	}
	return n
}

// Recv is what the client has to say.
func (k *kernel) Recv(fd int, b []byte) (int, sysio.Errno) {
	p, n := k.peer(fd)
	if p.pending == 0 {
		return 0, unix.EAGAIN
	}
	if p.pending&sayRequest != 0 {
		p.beat = k.millis()
	}
	out := p.speak(b[:0:len(b)], n)
	if len(out) > len(b) {
		return 0, unix.ENOBUFS // of a server with a tiny buffer
	}
	return len(out), 0
}

// Send brings the client bytes of the server, whole frames as they are.
func (k *kernel) Send(fd int, b []byte) (int, sysio.Errno) {
	p, n := k.peer(fd)
	s := &k.sides[p.loop]
	if err := k.hear(s, p, b); err != nil && s.fault == nil {
		s.fault = fmt.Errorf("client %d: %w", n, err)
	}
	s.report(p, n)
	return len(b), 0
}

// Sendv is Send for parts.
func (k *kernel) Sendv(fd int, iov []sysio.Iovec) (int, sysio.Errno) {
	p, _ := k.peer(fd)
	s := &k.sides[p.loop]
	s.buf = s.buf[:0]
	for i := range iov {
		s.buf = append(s.buf, sysio.Bytes(&iov[i])...)
	}
	return k.Send(fd, s.buf)
}

// Shutdown tells the client's end that nothing more comes. It closes, also when
// the client itself is silent.
func (k *kernel) Shutdown(fd int) sysio.Errno {
	p, n := k.peer(fd)
	p.pending |= sayEnd
	k.sides[p.loop].report(p, n)
	return 0
}

// Closed takes note that the server has let go of the client.
func (k *kernel) Closed(fd int) {
	p, n := k.peer(fd)
	if p.loop == noLoop {
		return // refused: it never joins, which the run notices
	}
	s := &k.sides[p.loop]
	switch {
	case p.stage == leaving:
		s.gone++
	case p.flags&isSilent != 0:
		s.cut++
	case s.fault == nil:
		s.fault = fmt.Errorf("client %d: the server closed a connection that was in order, at stage %d", n, p.stage)
	}
	p.stage, p.pending, p.flags = closed, 0, p.flags&isQueued
}
