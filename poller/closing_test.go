package poller

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/stretchr/testify/require"
)

func TestResets(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		var opened, closed atomic.Int32
		p := newPoller(t, Config{Backend: b, IO: faultfd.New(5, faultfd.Faults{Reset: 0.2})})
		a := listen(t, p, func(*Conn) Handler {
			return &hooks{
				open:  func(*Conn) { opened.Add(1) },
				data:  func(c *Conn, b []byte) { c.Send(raw(b)) },
				close: func(*Conn, error) { closed.Add(1) },
			}
		})
		for range 100 {
			c, err := net.Dial("tcp", a.String())
			require.NoError(t, err)
			buf := make([]byte, 1)
			for range 10 {
				if _, err = c.Write([]byte("x")); err == nil {
					_, err = c.Read(buf)
				}
				if err != nil {
					break
				}
			}
			_ = c.Close()
		}
		eventually(t, "as many closed as opened", func() bool { return closed.Load() == 100 })
		if opened.Load() != 100 || p.Stats().Conns != 0 {
			t.Errorf("opened %d, open now %d, want 100 and 0", opened.Load(), p.Stats().Conns)
		}
	})
}

func TestCloseAfterFlush(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		const size = 4 << 20
		reason := errors.New("done with it")
		closed := make(chan error, 1)
		p := newPoller(t, Config{Backend: b, MaxQueueBytes: -1})
		a := listen(t, p, func(*Conn) Handler {
			calls := 0
			return &hooks{
				data: func(c *Conn, _ []byte) {
					if calls++; calls > 1 {
						t.Error("OnData after CloseAfterFlush")
					}
					c.Send(raw(make([]byte, size)))
					c.CloseAfterFlush(reason, soon)
					if c.Send(raw([]byte("x"))) {
						t.Error("Send succeeded after CloseAfterFlush")
					}
				},
				close: func(_ *Conn, err error) { closed <- err },
			}
		})
		c := dial(t, a)
		// The client goes on sending: a plain close would reset it.
		for range 20 {
			_, err := c.Write(make([]byte, 1000))
			require.NoError(t, err)
		}
		n, err := io.Copy(io.Discard, c)
		if n != size || err != nil {
			t.Errorf("read %d bytes, %v, want %d", n, err, size)
		}
		_ = c.Close()
		if err := within(t, closed, "OnClose"); err != reason {
			t.Errorf("OnClose got %v", err)
		}
	})
}

func TestCloseAfterFlushDeadline(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		closed := make(chan error, 1)
		p := newPoller(t, Config{Backend: b})
		c, _ := stalled(t, p, &hooks{close: func(_ *Conn, err error) { closed <- err }})
		start := time.Now()
		on(t, c.Loop(), func() { c.CloseAfterFlush(io.ErrUnexpectedEOF, 50*time.Millisecond) })
		if err := within(t, closed, "OnClose"); err != io.ErrUnexpectedEOF {
			t.Errorf("OnClose got %v", err)
		}
		if d := time.Since(start); d < 40*time.Millisecond {
			t.Errorf("closed after %v", d)
		}
	})
}

// TestCloseInCallbacks closes in every callback; OnClose must follow once,
// not from inside.
func TestCloseInCallbacks(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for _, where := range []string{"accept", "open", "data", "timer", "post"} {
			t.Run(where, func(t *testing.T) {
				closes := make(chan error, 10)
				inside := false
				end := func(c *Conn, here string) {
					if here != where {
						return
					}
					inside = true
					c.Close(io.ErrNoProgress)
					c.Close(io.EOF)
					c.CloseAfterFlush(io.EOF, 0)
					inside = false
				}
				h := &hooks{
					open: func(c *Conn) {
						end(c, "open")
						if where == "timer" {
							c.Loop().Arm(new(Timer), timerFunc(func() { end(c, "timer") }), 0)
						}
						if where == "post" {
							c.Loop().Post(func(a, _ any) { end(a.(*Conn), "post") }, c, nil)
						}
					},
					data: func(c *Conn, _ []byte) { end(c, "data") },
					close: func(_ *Conn, err error) {
						if inside {
							t.Error("OnClose was called from inside Close")
						}
						closes <- err
					},
				}
				p := newPoller(t, Config{Backend: b})
				a := listen(t, p, func(c *Conn) Handler { end(c, "accept"); return h })
				c := dial(t, a)
				_, _ = c.Write([]byte("x"))
				if _, err := io.ReadAll(c); err != nil && !strings.Contains(err.Error(), "reset") {
					t.Errorf("client: %v", err)
				}
				if err := within(t, closes, "OnClose"); err != io.ErrNoProgress {
					t.Errorf("OnClose got %v", err)
				}
				time.Sleep(5 * time.Millisecond)
				if len(closes) != 0 {
					t.Error("OnClose was called twice")
				}
			})
		}
	})
}

// timerFunc makes a TimerHandler of a function.
type timerFunc func()

func (f timerFunc) OnTimer(*Timer) { f() }

func TestPanics(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for _, where := range []string{"accept", "open", "data", "close", "timer", "post"} {
			t.Run(where, func(t *testing.T) {
				errs, closed := make(chan error, 10), make(chan error, 10)
				p := newPoller(t, Config{Backend: b, Loops: 1, OnError: func(err error) { errs <- err }})
				boom := func(here string) {
					if here == where {
						panic(io.ErrShortBuffer)
					}
				}
				h := &hooks{
					open: func(c *Conn) {
						c.Loop().Arm(new(Timer), timerFunc(func() { boom("timer") }), 0)
						c.Loop().Post(func(_, _ any) { boom("post") }, nil, nil)
						boom("open")
					},
					data:  func(*Conn, []byte) { boom("data") },
					close: func(_ *Conn, err error) { closed <- err; boom("close") },
				}
				a := listen(t, p, func(*Conn) Handler { boom("accept"); return h })
				c := dial(t, a)
				_, _ = c.Write([]byte("x"))
				if where == "close" {
					_ = c.Close()
				}
				err := within(t, errs, "OnError")
				var pe *PanicError
				if !errors.As(err, &pe) || !errors.Is(err, io.ErrShortBuffer) || !strings.Contains(string(pe.Stack), "closing_test") {
					t.Errorf("OnError got %v", err)
				}
				if where == "open" || where == "data" {
					if got := within(t, closed, "OnClose"); got != err {
						t.Errorf("OnClose got %v", got)
					}
				}
				_ = c.Close()
				eventually(t, "no connection is left", func() bool { return p.Stats().Conns == 0 })
				// The loop lives.
				on(t, p.Loops()[0], func() {})
			})
		}
	})
}
