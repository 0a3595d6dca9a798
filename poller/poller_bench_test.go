package poller

import (
	"io"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/sysio"
)

// nullIO takes everything that is sent and never has anything to receive: what
// is left is the poller's own time.
type nullIO struct{ sysio.Kernel }

func (nullIO) Send(_ int, p []byte) (int, sysio.Errno) { return len(p), 0 }

func (nullIO) Sendv(_ int, iov []sysio.Iovec) (n int, _ sysio.Errno) {
	for i := range iov {
		n += len(sysio.Bytes(&iov[i]))
	}
	return n, 0
}

func (nullIO) Recv(_ int, p []byte) (int, sysio.Errno) { return 64, 0 }

// BenchmarkFanout queues frames for each of 5,000 connections and flushes
// them, without the kernel: ns per frame and connection.
func BenchmarkFanout(b *testing.B) {
	for _, bm := range []struct {
		name   string
		frames int
	}{{"1frame", 1}, {"4frames", 4}, {"20frames", 20}} {
		b.Run(bm.name, func(b *testing.B) { benchFanout(b, bm.frames) })
	}
}

func benchFanout(b *testing.B, frames int) {
	const conns = 5000
	l := byHand(b, Config{IO: nullIO{}})
	all := make([]*Conn, conns)
	fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	for i := range all {
		c := l.slab.get(l)
		c.fd, c.h, c.limit = int32(fd), echo{}, 1<<20
		c.reg = c.wants()
		all[i] = c
	}
	defer func() {
		for _, c := range all {
			l.slab.put(c)
		}
		_ = unix.Close(fd)
	}()
	fs := make([]*frame.Frame, frames)
	for i := range fs {
		fs[i] = raw(make([]byte, 100))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, f := range fs {
			f.Retain(conns)
			for _, c := range all {
				c.Send(f)
			}
		}
		for l.turn(0); l.busy(); {
			l.turn(0)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*conns*frames), "ns/frame")
}

// BenchmarkTurn is an event that is read and answered, without the kernel's
// reading and writing.
func BenchmarkTurn(b *testing.B) {
	l := byHand(b, Config{IO: nullIO{}})
	f := raw(make([]byte, 64))
	_, peer := addPair(b, l, echoFrameBench{f})
	_, _ = unix.Write(peer, []byte("x"))
	b.ReportAllocs()
	for b.Loop() {
		l.turn(l.sel.poll())
	}
}

type echoFrameBench struct{ f *frame.Frame }

func (echoFrameBench) OnOpen(*Conn)               {}
func (h echoFrameBench) OnData(c *Conn, _ []byte) { c.Send(h.f.Retain(1)) }
func (echoFrameBench) OnDrain(*Conn)              {}
func (echoFrameBench) OnClose(*Conn, error)       {}

func BenchmarkPost(b *testing.B) {
	for _, backend := range backends {
		b.Run(string(backend), func(b *testing.B) {
			p := newPoller(b, Config{Backend: backend, Loops: 1})
			l := p.Loops()[0]
			b.ReportAllocs()
			for b.Loop() {
				l.Post(func(_, _ any) {}, nil, nil)
			}
		})
	}
}

func BenchmarkTimer(b *testing.B) {
	var w wheel
	timers := make([]Timer, 100_000)
	h := timerFunc(func() {})
	for i := range timers {
		w.arm(&timers[i], h, int64(i%2500+1))
	}
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		t := &timers[i%len(timers)]
		w.disarm(t)
		w.arm(t, h, int64(i%2500+1))
		i++
	}
}

// BenchmarkEcho is one client's ping-pong over the loopback interface.
func BenchmarkEcho(b *testing.B) {
	for _, backend := range backends {
		b.Run(string(backend), func(b *testing.B) {
			p := newPoller(b, Config{Backend: backend, Loops: 1})
			c := dial(b, listen(b, p, acceptEcho))
			_ = c.SetDeadline(time.Time{})
			benchPingPong(b, c)
		})
	}
}

func benchPingPong(b *testing.B, c net.Conn) {
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}
