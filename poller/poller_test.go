package poller

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/stretchr/testify/require"
)

// backends are what every behaviour is tested on: those that this system has.
var backends = func() (all []Backend) {
	for _, b := range []Backend{BackendEpoll, BackendNetpoll, BackendURing} {
		if _, err := newBackend(Config{Backend: b, Loops: 2}); err == nil {
			all = append(all, b)
		}
	}
	return all
}()

// onBackends runs f as a subtest for each backend.
func onBackends(t *testing.T, f func(t *testing.T, b Backend)) {
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) { f(t, b) })
	}
}

// newPoller makes a poller that is closed at the end of the test.
func newPoller(t testing.TB, cfg Config) *Poller {
	t.Helper()
	if cfg.Loops == 0 {
		cfg.Loops = 2
	}
	if cfg.OnError == nil {
		cfg.OnError = func(err error) { t.Errorf("OnError: %v", err) }
	}
	p, err := New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// listen listens on a free port of the loopback address.
func listen(t testing.TB, p *Poller, accept func(c *Conn) Handler) net.Addr {
	t.Helper()
	ln, err := p.Listen("tcp", "127.0.0.1:0", accept)
	require.NoError(t, err)
	return ln.Addr()
}

// dial connects, and closes at the end of the test.
func dial(t testing.TB, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.DialTimeout(a.Network(), a.String(), 10*time.Second)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	return c
}

// raw returns a frame of b.
func raw(b []byte) *frame.Frame {
	f := frame.New()
	f.B = append(f.B, b...)
	return f.SealRaw()
}

// hooks is a handler made of functions; nil ones do nothing.
type hooks struct {
	open  func(c *Conn)
	data  func(c *Conn, b []byte)
	drain func(c *Conn)
	close func(c *Conn, err error)
}

func (h *hooks) OnOpen(c *Conn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *hooks) OnData(c *Conn, b []byte) {
	if h.data != nil {
		h.data(c, b)
	}
}

func (h *hooks) OnDrain(c *Conn) {
	if h.drain != nil {
		h.drain(c)
	}
}

func (h *hooks) OnClose(c *Conn, err error) {
	if h.close != nil {
		h.close(c, err)
	}
}

// echo sends back what it gets.
type echo struct{}

func (echo) OnOpen(*Conn)             {}
func (echo) OnData(c *Conn, b []byte) { c.Send(raw(b)) }
func (echo) OnDrain(*Conn)            {}
func (echo) OnClose(*Conn, error)     {}

// acceptEcho accepts with echo.
func acceptEcho(*Conn) Handler { return echo{} }

func TestEcho(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, MaxQueueBytes: -1})
		checkEcho(t, dial(t, listen(t, p, acceptEcho)), 2<<20)
	})
}

// checkEcho sends n random bytes in random pieces and expects them back.
func checkEcho(t *testing.T, c net.Conn, n int) {
	t.Helper()
	r := rand.New(rand.NewPCG(1, uint64(n)))
	sent := make([]byte, n)
	for i := range sent {
		sent[i] = byte(r.Uint32())
	}
	go func() { // ends when all is written or the connection closed
		for rest := sent; len(rest) > 0; {
			k := min(len(rest), 1+r.IntN(100_000))
			if _, err := c.Write(rest[:k]); err != nil {
				return
			}
			rest = rest[k:]
		}
	}()
	got := make([]byte, n)
	if _, err := io.ReadFull(c, got); err != nil {
		t.Fatalf("reading the echo: %v", err)
	}
	if !bytes.Equal(got, sent) {
		t.Error("the echo differs from what was sent")
	}
}
