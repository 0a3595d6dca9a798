package poller

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/stretchr/testify/require"
)

// TestOrder has several frames and chains queued in one turn and across turns.
func TestOrder(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for name, f := range faultfd.Profiles() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				units := 5000 // more than one gather-send can take
				if f.WriteBytes > 0 {
					units = 300
				}
				p := newPoller(t, Config{Backend: b, MaxQueueBytes: -1, IO: faultfd.New(3, f)})
				a := listen(t, p, func(*Conn) Handler {
					return &hooks{data: func(c *Conn, _ []byte) { sendNumbers(c, units) }}
				})
				c := dial(t, a)
				for range 2 {
					_, err := c.Write([]byte("x"))
					require.NoError(t, err)
					want := numbers(units)
					got := make([]byte, len(want))
					_, err = io.ReadFull(c, got)
					require.NoError(t, err)
					if !bytes.Equal(got, want) {
						t.Fatal("what arrived is not what was sent")
					}
				}
			})
		}
	})
}

// sendNumbers queues the numbers as frames, every third as a chain.
func sendNumbers(c *Conn, units int) {
	for i := range units {
		f := raw(fmt.Appendf(nil, "%d ", i))
		if i%3 == 0 {
			head := raw([]byte("["))
			head.Chain(f)
			f = head
		}
		c.Send(f)
	}
}

// numbers is what sendNumbers looks like.
func numbers(units int) (b []byte) {
	for i := range units {
		if i%3 == 0 {
			b = append(b, '[')
		}
		b = fmt.Appendf(b, "%d ", i)
	}
	return b
}

func TestOneSendPerTurn(t *testing.T) {
	p := newPoller(t, Config{Loops: 1})
	a := listen(t, p, func(*Conn) Handler {
		return &hooks{data: func(c *Conn, _ []byte) {
			for range 50 {
				c.Send(raw([]byte("0123456789")))
			}
		}}
	})
	c := dial(t, a)
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 500))
	require.NoError(t, err)
	eventually(t, "the counters are published", func() bool { return p.Stats().Frames == 50 })
	if s := p.Stats(); s.Writes != 1 || s.BytesOut != 500 {
		t.Errorf("Writes = %d, BytesOut = %d, want 1 and 500", s.Writes, s.BytesOut)
	}
}

// TestSharedFrames sends the same frames to many, with some that have more
// queued than others, and looks for lost or extra references.
func TestSharedFrames(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		const conns, rounds = 20, 40
		opened := make(chan *Conn, conns)
		p := newPoller(t, Config{Backend: b, Loops: 1})
		a := listen(t, p, func(*Conn) Handler {
			return &hooks{open: func(c *Conn) { opened <- c }}
		})
		var clients []net.Conn
		var all []*Conn
		for range conns {
			clients = append(clients, dial(t, a))
			all = append(all, within(t, opened, "open"))
		}
		sendShared(t, p.Loops()[0], all, clients, rounds)
	})
}

// sendShared sends two frames a round to all, the second not to everybody, and
// has the clients at their other ends read what they must get.
func sendShared(t *testing.T, l *Loop, all []*Conn, clients []net.Conn, rounds int) {
	t.Helper()
	want := make([][]byte, len(all))
	for r := range rounds {
		one := raw(fmt.Appendf(nil, "one %d;", r))
		two := raw(bytes.Repeat([]byte("two"), 1+r*300)) // beyond a record of TLS in the end
		on(t, l, func() {
			for i, c := range all {
				c.Send(one.Retain(1))
				want[i] = append(want[i], one.Wire()...)
				if (i+r)%3 != 0 {
					c.Send(two.Retain(1))
					want[i] = append(want[i], two.Wire()...)
				}
			}
		})
		one.Release()
		two.Release()
	}
	for i, c := range clients {
		got := make([]byte, len(want[i]))
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		if !bytes.Equal(got, want[i]) {
			t.Errorf("client %d got %.60q..., want %.60q...", i, got, want[i])
		}
	}
}

// TestDrain fills the kernel's buffer and waits for OnDrain.
func TestDrain(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		drained := make(chan int, 10)
		p := newPoller(t, Config{Backend: b})
		c, client := stalled(t, p, &hooks{drain: func(c *Conn) { drained <- c.Queued() }})
		on(t, c.Loop(), func() {
			for range 100 { // does not count as drained before all of it is gone
				c.Send(raw(make([]byte, 65536)))
			}
		})
		if len(drained) != 0 {
			t.Error("OnDrain was called while the buffer was full")
		}
		go func() { _, _ = io.Copy(io.Discard, client) }() // ends with the connection
		if q := within(t, drained, "OnDrain"); q != 0 {
			t.Errorf("Queued in OnDrain = %d", q)
		}
	})
}

// TestFrameReferences counts that every path gives its reference back.
func TestFrameReferences(t *testing.T) {
	p := newPoller(t, Config{Loops: 1})
	c, client := stalled(t, p, &hooks{})
	f := raw([]byte("counted"))
	sent := 0
	on(t, p.Loops()[0], func() {
		for range 100 {
			c.Send(f.Retain(1))
			sent++
		}
		c.SetLimit(1, OverflowDropNewest)
		c.Send(f.Retain(1))
		c.Close(nil)
		c.Send(f.Retain(1))
		c.SendControl(f.Retain(1))
	})
	_ = client
	f.Release() // the last one; a surplus panics, here or in the loop
	if n := frame.New(); n == nil {
		t.Error("no frame")
	}
	_ = sent
}
