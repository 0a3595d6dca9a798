package poller

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOverflowDisconnect(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		closed := make(chan error, 1)
		p := newPoller(t, Config{Backend: b})
		c, _ := stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
		on(t, c.Loop(), func() {
			c.SetLimit(c.Queued()+10, OverflowDisconnect)
			if !c.Send(raw(make([]byte, 10))) {
				t.Error("Send failed up to the limit")
			}
			if c.Send(raw(make([]byte, 1))) {
				t.Error("Send succeeded above the limit")
			}
			if c.Queued() != 0 || c.Send(raw([]byte("x"))) || c.SendControl(raw([]byte("x"))) {
				t.Error("a closed connection takes frames")
			}
		})
		if err := within(t, closed, "OnClose"); err != ErrOverflow {
			t.Errorf("OnClose got %v", err)
		}
		eventually(t, "Overflows is 1", func() bool { return p.Stats().Overflows == 1 })
	})
}

func TestOverflowDrop(t *testing.T) {
	for _, tc := range []struct {
		policy Overflow
		want   string
	}{
		{OverflowDropNewest, "c0 a b c1 "},
		{OverflowDropOldest, "c0 c1 d e "},
	} {
		t.Run(fmt.Sprint(tc.policy), func(t *testing.T) {
			p := newPoller(t, Config{})
			c, client := stalled(t, p, &hooks{})
			queued := 0
			on(t, c.Loop(), func() {
				queued = c.Queued()
				// The large frames that fill the buffer are protected here
				// like control frames.
				for i := range c.q.live() {
					c.q.live()[i].Control = true
				}
				c.SetLimit(queued+10, tc.policy)
				c.SendControl(raw([]byte("c0 ")))
				for _, s := range []string{"a ", "b "} {
					c.Send(raw([]byte(s)))
				}
				c.SendControl(raw([]byte("c1 ")))
				for _, s := range []string{"d ", "e "} {
					c.Send(raw([]byte(s)))
				}
				if c.Queued() > queued+10 {
					t.Errorf("Queued is %d above the limit", c.Queued()-queued-10)
				}
				c.CloseAfterFlush(nil, soon)
			})
			all, err := io.ReadAll(client)
			require.NoError(t, err)
			if got := string(bytes.TrimLeft(all, "\x00")); got != tc.want {
				t.Errorf("arrived %q, want %q", got, tc.want)
			}
			eventually(t, "Dropped is 2", func() bool { return p.Stats().Dropped == 2 })
		})
	}
}

func TestSendControlLimit(t *testing.T) {
	closed := make(chan error, 1)
	p := newPoller(t, Config{})
	c, _ := stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
	on(t, c.Loop(), func() {
		c.SetLimit(c.Queued(), OverflowDropNewest)
		if !c.SendControl(raw(make([]byte, c.Queued()))) || c.SendControl(raw([]byte("x"))) {
			t.Error("SendControl must succeed up to twice the limit and fail above")
		}
	})
	if err := within(t, closed, "OnClose"); err != ErrOverflow {
		t.Errorf("OnClose got %v", err)
	}
}
