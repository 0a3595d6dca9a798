package poller

import (
	"bytes"
	"context"
	"io"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestShutdownDrains has a client that reads slowly: it gets everything.
func TestShutdownDrains(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		closed := make(chan error, 2)
		p := newPoller(t, Config{Backend: b})
		c, client := stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
		on(t, c.Loop(), func() { c.Send(raw([]byte("end"))) })
		idle := dial(t, listen(t, p, acceptEcho))
		done := make(chan error, 1)
		go func() { // ends with Shutdown
			ctx, cancel := context.WithTimeout(context.Background(), soon)
			defer cancel()
			done <- p.Shutdown(ctx)
		}()
		if _, err := idle.Read(make([]byte, 1)); err == nil {
			t.Error("the idle connection was not closed")
		}
		time.Sleep(20 * time.Millisecond)
		if len(done) != 0 {
			t.Error("Shutdown did not wait for the slow reader")
		}
		all, err := io.ReadAll(client)
		if err != nil || !bytes.HasSuffix(all, []byte("end")) {
			t.Errorf("read %d bytes, %v", len(all), err)
		}
		if err := within(t, done, "Shutdown"); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := within(t, closed, "OnClose"); err != ErrClosed {
			t.Errorf("OnClose got %v", err)
		}
		afterTheEnd(t, p)
	})
}

// TestShutdownCuts has a client that never reads.
func TestShutdownCuts(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		closed := make(chan error, 1)
		p := newPoller(t, Config{Backend: b})
		stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := p.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown: %v", err)
		}
		if len(closed) != 1 {
			t.Error("OnClose was not called before Shutdown returned")
		}
		afterTheEnd(t, p)
	})
}

// afterTheEnd checks what a closed poller answers.
func afterTheEnd(t *testing.T, p *Poller) {
	t.Helper()
	if p.Loops()[0].Post(func(_, _ any) {}, nil, nil) {
		t.Error("Post to a closed loop succeeded")
	}
	if _, err := p.Listen("tcp", "127.0.0.1:0", acceptEcho); err != ErrClosed {
		t.Errorf("Listen: %v", err)
	}
	if err := p.Dial(nil, netip.AddrPort{}, netip.MustParseAddrPort("127.0.0.1:9"), echo{}); err != ErrClosed {
		t.Errorf("Dial: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n := p.Stats().Conns; n != 0 {
		t.Errorf("%d connections after the end", n)
	}
}

// TestCloseOnLoop closes the poller from a handler.
func TestCloseOnLoop(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for _, f := range []func(p *Poller){
			func(p *Poller) { _ = p.Close() },
			func(p *Poller) { _ = p.Shutdown(context.Background()) },
		} {
			p := newPoller(t, Config{Backend: b})
			a := listen(t, p, func(*Conn) Handler {
				return &hooks{data: func(*Conn, []byte) { f(p) }}
			})
			c := dial(t, a)
			_, _ = c.Write([]byte("x"))
			_, _ = io.ReadAll(c)
			require.NoError(t, p.Close())
			afterTheEnd(t, p)
		}
	})
}
