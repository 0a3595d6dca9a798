package poller

import (
	"fmt"
	"io"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// script is a ring that answers as it was told: takes holds how many bytes of
// each call are taken; negative is an error.
type script struct {
	takes []int
	calls int // of Do
	wire  []string
	bufs  []*byte
}

func (s *script) Close() {}

func (s *script) Do(calls []sysio.Call) {
	s.calls++
	for i := range calls {
		c := &calls[i]
		s.wire = append(s.wire, string(c.Buf))
		s.bufs = append(s.bufs, &c.Buf[0])
		n := len(c.Buf)
		if len(s.takes) > 0 {
			n, s.takes = min(n, s.takes[0]), s.takes[1:]
		}
		c.N, c.Errno = int32(max(n, 0)), sysio.Errno(max(-n, 0))
	}
}

// scripted returns a loop by hand whose sends go to s, and n connections.
func scripted(t *testing.T, s *script, n int, h Handler) (*Loop, []*Conn) {
	t.Helper()
	l := byHand(t, Config{MaxConns: 1000})
	l.batch = newBatch(l, s)
	var conns []*Conn
	for range n {
		c, _ := addPair(t, l, h)
		conns = append(conns, c)
	}
	l.turn(0)
	return l, conns
}

func TestABroadcastIsOneBatchOfOneBuffer(t *testing.T) {
	s := &script{}
	l, conns := scripted(t, s, batchCalls+10, &hooks{})
	one, two := raw([]byte("one")), raw([]byte("two"))
	for _, c := range conns {
		c.Send(one.Retain(1))
		c.Send(two.Retain(1))
	}
	conns[5].Send(two.Retain(1))
	l.turn(0)
	if s.calls != 2 || len(s.wire) != len(conns) || l.count.writes != 2 || l.count.frames != uint64(2*len(conns)+1) {
		t.Errorf("%d sends in %d batches, %d frames counted", len(s.wire), s.calls, l.count.frames)
	}
	for i, w := range s.wire {
		want := "onetwo"
		if i == 5 {
			want = "onetwotwo"
		}
		if w != want {
			t.Errorf("send %d is %q, want %q", i, w, want)
		}
	}
	if s.bufs[1] != s.bufs[4] || s.bufs[4] == s.bufs[5] {
		t.Error("connections with the same frames queued do not share one buffer")
	}
	one.Release()
	two.Release() // the last ones: a surplus panics
}

func TestABatchTakesEveryAnswerOfTheKernel(t *testing.T) {
	for _, c := range []struct {
		name   string
		takes  []int
		queued int  // after the turn
		again  bool // whether the next turn sends the rest by itself
		err    error
	}{
		{"whole", []int{100}, 0, false, nil},
		{"a part", []int{7}, 3, false, nil},
		{"nothing", []int{-int(unix.EAGAIN)}, 10, false, nil},
		{"no memory", []int{-int(unix.ENOBUFS)}, 10, false, nil},
		{"interrupted", []int{-int(unix.EINTR), 100}, 0, true, nil},
		{"reset", []int{-int(unix.ECONNRESET)}, 0, false, unix.ECONNRESET},
	} {
		t.Run(c.name, func(t *testing.T) {
			var closed error
			s := &script{}
			l, conns := scripted(t, s, 1, &hooks{close: func(_ *Conn, err error) { closed = err }})
			s.takes = c.takes
			f := raw([]byte("0123456789"))
			conns[0].Send(f.Retain(1))
			l.turn(0)
			if closed != c.err {
				t.Fatalf("closed with %v, want %v", closed, c.err)
			}
			if closed == nil {
				if q := conns[0].Queued(); q != c.queued {
					t.Errorf("%d bytes are queued, want %d", q, c.queued)
				}
				if blocked := conns[0].reg&wantWrite != 0; blocked != (c.queued > 0) {
					t.Errorf("waits for room: %v", blocked)
				}
			}
			if c.again != (s.calls == 2) {
				t.Errorf("%d batches", s.calls)
			}
			f.Release() // panics if one was given back too often
		})
	}
}

// TestRestsLeaveInOrder sends to connections whose kernel buffers take a few
// bytes at a time, broadcasts and answers alike.
func TestRestsLeaveInOrder(t *testing.T) {
	if !slices.Contains(backends, BackendURing) {
		t.Skip("no io_uring here")
	}
	const conns, rounds = 30, 200
	p := newPoller(t, Config{Backend: BackendURing, Loops: 1, MaxQueueBytes: -1})
	opened := make(chan *Conn, conns)
	a := listen(t, p, func(c *Conn) Handler {
		_ = unix.SetsockoptInt(int(c.fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 1)
		return &hooks{open: func(c *Conn) { opened <- c }}
	})
	var all []*Conn
	var clients []io.Reader
	for range conns {
		clients = append(clients, dial(t, a))
		all = append(all, within(t, opened, "open"))
	}
	var want string
	pad := make([]byte, 3000)
	for r := range rounds {
		text := fmt.Sprintf("%d;%s", r, pad)
		want += text
		f := raw([]byte(text))
		on(t, p.Loops()[0], func() {
			for _, c := range all {
				c.Send(f.Retain(1))
			}
		})
		f.Release()
	}
	for i, c := range clients {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
			t.Errorf("client %d: not what was sent, %v", i, err)
		}
	}
}
