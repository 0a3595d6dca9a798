package poller

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// latest returns a frame "key:n " with that key; without one it is "n ".
func latest(key string, n int) *Frame {
	if key == "" {
		return raw(fmt.Appendf(nil, "%d ", n))
	}
	f := raw(fmt.Appendf(nil, "%s:%d ", key, n))
	f.SetKey(key)
	return f
}

func TestLatestReplacesWhatDidNotLeave(t *testing.T) {
	for _, tc := range []struct {
		name, keys, want string // keys of the frames 0, 1, ...; "-" for none
		replaced         uint64
	}{
		{"one key", "a a a", "a:2 ", 2},
		{"keys keep their places", "a b a b c a", "a:5 b:3 c:4 ", 3},
		{"one without a key is not overtaken", "a - a", "1 a:2 ", 1},
		{"nor by what stood in front of it", "a b - a b -", "2 a:3 b:4 5 ", 2},
		{"no keys", "- - -", "0 1 2 ", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPoller(t, Config{})
			c, client := stalled(t, p, &hooks{})
			on(t, c.Loop(), func() {
				for i, key := range strings.Fields(tc.keys) {
					before := p.loops[c.Loop().Index()].count.replaced
					o := c.Offer(latest(strings.Trim(key, "-"), i))
					if now := p.loops[c.Loop().Index()].count.replaced; (o == Replaced) != (now == before+1) || o < Queued {
						t.Errorf("frame %d: outcome %d, %d replaced", i, o, now-before)
					}
				}
				c.CloseAfterFlush(nil, soon)
			})
			all, err := io.ReadAll(client)
			require.NoError(t, err)
			if got := string(bytes.TrimLeft(all, "\x00")); got != tc.want {
				t.Errorf("arrived %q, want %q", got, tc.want)
			}
			eventually(t, "replaced frames are counted", func() bool { return p.Stats().Replaced == tc.replaced })
		})
	}
}

// TestLatestLeavesWhatIsOnItsWay: a frame that the kernel took a part of is
// sent whole.
func TestLatestLeavesWhatIsOnItsWay(t *testing.T) {
	p := newPoller(t, Config{})
	c, client := stalled(t, p, &hooks{})
	on(t, c.Loop(), func() {
		// All that fills the buffers has the key now; a part of the first is gone.
		for i, u := range c.q.live() {
			u.F.SetKey("a")
			c.q.live()[i] = frame.NewUnit(u.F, false)
		}
		if c.q.off == 0 || len(c.q.live()) != 1 {
			t.Fatalf("%d frames, %d bytes of the first are gone", len(c.q.live()), c.q.off)
		}
		if o := c.Offer(latest("a", 1)); o != Queued {
			t.Errorf("outcome %d", o)
		}
		if o := c.Offer(latest("a", 2)); o != Replaced {
			t.Errorf("outcome %d", o)
		}
		c.CloseAfterFlush(nil, soon)
	})
	all, err := io.ReadAll(client)
	require.NoError(t, err)
	if got := string(bytes.TrimLeft(all, "\x00")); got != "a:2 " || (len(all)-4)%(1<<20) != 0 {
		t.Errorf("%d bytes arrived, at their end %q", len(all), got)
	}
}

func TestPolicyOfAFrame(t *testing.T) {
	p := newPoller(t, Config{})
	closed := make(chan error, 1)
	c, _ := stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
	with := func(n int, o Overflow) *Frame {
		f := raw(make([]byte, n))
		f.SetPolicy(o.Term())
		return f
	}
	on(t, c.Loop(), func() {
		c.SetLimit(c.Queued()+10, OverflowDisconnect)
		for i, tt := range []struct {
			f    *Frame
			want Outcome
		}{
			{with(6, OverflowDropNewest), Queued},
			{with(6, OverflowDropNewest), Dropped},
			{with(5, OverflowDropOldest), MadeRoom},
			{with(1000, OverflowDropNewest), Dropped},
			{raw(make([]byte, 1000)), Closed},
			{raw(nil), Closed},
		} {
			if o := c.Offer(tt.f); o != tt.want {
				t.Errorf("frame %d: outcome %d, want %d", i, o, tt.want)
			}
		}
	})
	if err := within(t, closed, "OnClose"); err != ErrOverflow {
		t.Errorf("OnClose got %v", err)
	}
}

// TestQueueDoesNotGrowByDrops: a connection that never reads costs what its
// limit says, however often frames are dropped for it.
func TestQueueDoesNotGrowByDrops(t *testing.T) {
	p := newPoller(t, Config{})
	c, _ := stalled(t, p, &hooks{})
	on(t, c.Loop(), func() {
		c.SetLimit(c.Queued()+100, OverflowDropOldest)
		for i := range 100_000 {
			c.Offer(latest("", i))
			c.Offer(latest("a", i))
		}
		if n := cap(c.q.entries); n > 1024 {
			t.Errorf("the queue has %d places", n)
		}
		if c.Queued() > int(c.limit) {
			t.Errorf("%d bytes queued, the limit is %d", c.Queued(), c.limit)
		}
	})
}
