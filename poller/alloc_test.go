//go:build !race

package poller

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/sysio"
)

// echoFrame sends every message as the same frame: what it allocates is not
// the poller's.
type echoFrame struct{ f *frame.Frame }

func (echoFrame) OnOpen(*Conn)               {}
func (h echoFrame) OnData(c *Conn, _ []byte) { c.Send(h.f.Retain(1)) }
func (echoFrame) OnDrain(*Conn)              {}
func (echoFrame) OnClose(*Conn, error)       {}

func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	for range 10 {
		f() // what is pooled is there afterwards
	}
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations, want 0", what, n)
	}
}

// wantNoAllocsInEcho has the client at peer say 10 bytes, which come back in the
// same turn.
func wantNoAllocsInEcho(t *testing.T, l *Loop, peer int, buf []byte) {
	t.Helper()
	wantNoAllocs(t, "echo", func() {
		_, _ = unix.Write(peer, buf[:10])
		l.turn(l.sel.poll())
		if n, err := unix.Read(peer, buf); n != 10 || err != nil {
			t.Fatalf("echo: %d bytes, %v", n, err)
		}
	})
}

func TestAllocs(t *testing.T) {
	l := byHand(t, Config{})
	f := raw([]byte("0123456789"))
	c, peer := addPair(t, l, echoFrame{f})
	l.turn(0)
	buf := make([]byte, 64<<10)
	wantNoAllocsInEcho(t, l, peer, buf)
	wantNoAllocs(t, "a queued frame", func() {
		c.Send(f.Retain(1))
		l.turn(0)
		_, _ = unix.Read(peer, buf)
	})
	wantNoAllocs(t, "several queued frames", func() {
		for range 20 {
			c.Send(f.Retain(1))
		}
		l.turn(0)
		_, _ = unix.Read(peer, buf)
	})
	large := raw(make([]byte, gatherBytes))
	wantNoAllocs(t, "frames gathered by the kernel", func() {
		c.Send(f.Retain(1))
		c.Send(large.Retain(1))
		l.turn(0)
		for n := 1; n > 0; {
			n, _ = unix.Read(peer, buf)
		}
	})
	task := func(a, b any) { a.(*Conn).Send(b.(*frame.Frame)) }
	wantNoAllocs(t, "a post", func() {
		l.Post(task, c, f.Retain(1))
		l.turn(0)
		_, _ = unix.Read(peer, buf)
	})
	var timer Timer
	fired := 0
	h := &countTimer{&fired}
	wantNoAllocs(t, "a timer", func() {
		l.Arm(&timer, h, 0)
		time.Sleep(11 * time.Millisecond)
		l.turn(0)
	})
	if fired == 0 {
		t.Error("the timer did not fire")
	}
	wantNoAllocs(t, "pause and resume", func() {
		c.Pause()
		l.turn(0)
		c.Resume()
		l.turn(0)
	})
	keyed, other := raw([]byte("0123456789")), raw([]byte("9876543210"))
	keyed.SetKey("a")
	other.SetKey("a")
	wantNoAllocs(t, "a frame that replaces another", func() {
		c.Send(keyed.Retain(1))
		if c.Offer(other.Retain(1)) != Replaced {
			t.Fatal("nothing was replaced")
		}
		l.turn(0)
		_, _ = unix.Read(peer, buf)
	})
	f.Release()
	large.Release()
	keyed.Release()
	other.Release()
}

type countTimer struct{ n *int }

func (h *countTimer) OnTimer(*Timer) { *h.n++ }

// TestAllocsTLS has records made without an allocation. For one that is read
// crypto/tls makes a reader on the heap; we add nothing.
func TestAllocsTLS(t *testing.T) {
	l := byHand(t, Config{})
	f := raw([]byte("0123456789"))
	client, c, peer := addTLSPair(t, l, echoFrame{f})
	buf := make([]byte, 64<<10)
	drain := func() {
		for n := 1; n > 0; {
			n, _ = unix.Read(peer, buf)
		}
	}
	drain()
	wantNoAllocs(t, "a queued frame", func() {
		c.Send(f.Retain(1))
		l.turn(0)
		drain()
	})
	wantNoAllocs(t, "several queued frames", func() {
		for range 20 {
			c.Send(f.Retain(1))
		}
		l.turn(0)
		drain()
	})
	large := raw(make([]byte, gatherBytes))
	wantNoAllocs(t, "frames of several records", func() {
		c.Send(f.Retain(1))
		c.Send(large.Retain(1))
		l.turn(0)
		drain()
	})
	message := make([]byte, 10)
	echo := func() {
		if _, err := client.Write(message); err != nil {
			t.Fatal(err)
		}
		l.turn(l.sel.poll())
		drain()
	}
	for range 10 {
		echo()
	}
	if n := testing.AllocsPerRun(200, echo); n > 1 {
		t.Errorf("echo: %v allocations, want 1", n)
	}
	f.Release()
	large.Release()
}

// TestAllocsBatch has sends collected and made by a ring without an
// allocation.
func TestAllocsBatch(t *testing.T) {
	ring, err := sysio.OpenRing(batchCalls)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(ring.Close)
	l := byHand(t, Config{})
	l.batch = newBatch(l, ring)
	f := raw([]byte("0123456789"))
	c, peer := addPair(t, l, echoFrame{f})
	other, otherPeer := addPair(t, l, echoFrame{f})
	l.turn(0)
	buf := make([]byte, 64<<10)
	wantNoAllocsInEcho(t, l, peer, buf)
	wantNoAllocs(t, "several frames for two", func() {
		for range 20 {
			c.Send(f.Retain(1))
			other.Send(f.Retain(1))
		}
		l.turn(0)
		for _, p := range []int{peer, otherPeer} {
			if n, err := unix.Read(p, buf); n != 200 || err != nil {
				t.Fatalf("%d bytes, %v", n, err)
			}
		}
	})
	f.Release()
}
