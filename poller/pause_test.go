package poller

import (
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPauseResume(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network, func(t *testing.T) {
				var got atomic.Int32
				opened := make(chan *Conn, 1)
				closed := make(chan error, 1)
				p := newPoller(t, Config{Backend: b})
				addr := "127.0.0.1:0"
				if network == "unix" {
					addr = filepath.Join(t.TempDir(), "s")
				}
				ln, err := p.Listen(network, addr, func(*Conn) Handler {
					return &hooks{
						open: func(c *Conn) { c.Pause(); opened <- c },
						data: func(_ *Conn, b []byte) { got.Add(int32(len(b))) },
						close: func(_ *Conn, err error) {
							closed <- err
						},
					}
				})
				require.NoError(t, err)
				client := dial(t, ln.Addr())
				c := within(t, opened, "open")
				_, err = client.Write([]byte("hello"))
				require.NoError(t, err)
				require.NoError(t, client.Close())
				time.Sleep(30 * time.Millisecond)
				if got.Load() != 0 || len(closed) != 0 {
					t.Fatal("data or a close was delivered while paused")
				}
				on(t, c.Loop(), func() { c.Resume() })
				if err := within(t, closed, "OnClose"); err != io.EOF {
					t.Errorf("OnClose got %v", err)
				}
				if got.Load() != 5 {
					t.Errorf("got %d bytes, want 5", got.Load())
				}
			})
		}
	})
}

// TestPausedHangUpIsQuiet has a paused connection whose peer is gone: the
// loop must sleep.
func TestPausedHangUpIsQuiet(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		opened := make(chan *Conn, 1)
		p := newPoller(t, Config{Backend: b, Loops: 1})
		ln, err := p.Listen("unix", filepath.Join(t.TempDir(), "s"), func(*Conn) Handler {
			return &hooks{open: func(c *Conn) { c.Pause(); opened <- c }}
		})
		require.NoError(t, err)
		client := dial(t, ln.Addr())
		c := within(t, opened, "open")
		require.NoError(t, client.Close())
		eventually(t, "the descriptor is put aside", func() (off bool) {
			on(t, c.Loop(), func() { off = c.flags&fOff != 0 })
			return off
		})
	})
}
