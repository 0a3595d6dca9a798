package poller

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListenNetworks(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for _, tc := range []struct{ network, addr, dial string }{
			{"tcp", "127.0.0.1:0", "tcp4"},
			{"tcp", ":0", "tcp4"},
			{"tcp", ":0", "tcp6"},
			{"tcp4", ":0", "tcp4"},
			{"tcp6", "[::1]:0", "tcp6"},
			{"unix", filepath.Join(t.TempDir(), "s"), "unix"},
		} {
			t.Run(tc.network+tc.addr+tc.dial, func(t *testing.T) {
				if tc.dial == "tcp6" && !hasIPv6() {
					t.Skip("no IPv6 on this machine")
				}
				remote := make(chan netip.AddrPort, 1)
				p := newPoller(t, Config{Backend: b})
				ln, err := p.Listen(tc.network, tc.addr, func(c *Conn) Handler {
					remote <- c.RemoteAddr()
					return echo{}
				})
				require.NoError(t, err)
				to := ln.Addr().String()
				if a, ok := ln.Addr().(*net.TCPAddr); ok && a.IP.IsUnspecified() {
					host := map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"}[tc.dial]
					to = net.JoinHostPort(host, fmt.Sprint(a.Port))
				}
				c, err := net.Dial(tc.dial, to)
				require.NoError(t, err)
				defer c.Close()
				_, err = c.Write([]byte("hi"))
				require.NoError(t, err)
				got := make([]byte, 2)
				_, err = io.ReadFull(c, got)
				require.NoError(t, err)
				want := netip.AddrPort{}
				if a, ok := c.LocalAddr().(*net.TCPAddr); ok {
					want = netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), a.AddrPort().Port())
				}
				if r := <-remote; r != want {
					t.Errorf("RemoteAddr = %v, want %v", r, want)
				}
				require.NoError(t, ln.Close())
				if c, err := net.Dial(tc.dial, to); err == nil {
					_ = c.Close()
					t.Error("connected after the listener's Close")
				}
			})
		}
	})
}

func hasIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err == nil {
		_ = ln.Close()
	}
	return err == nil
}

func TestListenErrors(t *testing.T) {
	p := newPoller(t, Config{})
	a := listen(t, p, acceptEcho)
	for _, tc := range [][2]string{{"udp", ":0"}, {"tcp", a.String()}, {"tcp", "nonsense"}, {"unix", "/nonexistent/s"}} {
		if ln, err := p.Listen(tc[0], tc[1], acceptEcho); err == nil {
			_ = ln.Close()
			t.Errorf("Listen(%q, %q) succeeded", tc[0], tc[1])
		}
	}
}

func TestReusePort(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, ReusePort: true})
		a := listen(t, p, acceptEcho)
		for range 20 {
			checkEcho(t, dial(t, a), 100)
		}
	})
}

func TestAcceptNil(t *testing.T) {
	p := newPoller(t, Config{})
	c := dial(t, listen(t, p, func(*Conn) Handler { return nil }))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection was not closed")
	}
	eventually(t, "no connection is left", func() bool { return p.Stats().Conns == 0 })
}

// TestShortConnections opens and closes thousands.
func TestShortConnections(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		const each, workers = 250, 8
		var opened, closed atomic.Int32
		p := newPoller(t, Config{Backend: b})
		a := listen(t, p, func(*Conn) Handler {
			return &hooks{
				open:  func(*Conn) { opened.Add(1) },
				data:  func(c *Conn, b []byte) { c.Send(raw(b)) },
				close: func(*Conn, error) { closed.Add(1) },
			}
		})
		var wg sync.WaitGroup
		for w := range workers {
			wg.Add(1)
			go func() { // ends after its connections
				defer wg.Done()
				for i := range each {
					c, err := net.Dial("tcp", a.String())
					if err != nil {
						t.Error(err)
						return
					}
					_ = c.(*net.TCPConn).SetLinger(0) // no TIME_WAIT
					if i%2 == 0 {
						msg := fmt.Appendf(nil, "%d %d", w, i)
						_, _ = c.Write(msg)
						got := make([]byte, len(msg))
						if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, msg) {
							t.Errorf("got %q, %v, want %q", got, err, msg)
						}
					}
					_ = c.Close()
				}
			}()
		}
		wg.Wait()
		eventually(t, "all are closed", func() bool { return p.Stats().Conns == 0 && opened.Load() == closed.Load() })
	})
}

func TestSpread(t *testing.T) {
	p := newPoller(t, Config{Loops: 4})
	var perLoop [4]atomic.Int32
	a := listen(t, p, func(c *Conn) Handler {
		perLoop[c.Loop().Index()].Add(1)
		return echo{}
	})
	for range 40 {
		dial(t, a)
	}
	eventually(t, "each loop has ten", func() bool {
		for i := range perLoop {
			if perLoop[i].Load() != 10 {
				return false
			}
		}
		return true
	})
}

func TestLimits(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  Config
		let  int
		why  func(Refused) uint64
	}{
		{"conns", Config{MaxConns: 3}, 3, func(r Refused) uint64 { return r.Conns }},
		{"address", Config{MaxConnsPerAddr: 2}, 2, func(r Refused) uint64 { return r.Addr }},
		{"rate", Config{AcceptRate: 1}, 1, func(r Refused) uint64 { return r.Rate }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPoller(t, tc.cfg)
			a := listen(t, p, acceptEcho)
			const n = 6
			served := 0
			var last net.Conn
			for range n {
				c := dial(t, a)
				_, _ = c.Write([]byte("x"))
				if _, err := c.Read(make([]byte, 1)); err == nil {
					served++
					last = c
				}
			}
			// A slow machine may earn the rate's next token.
			if served != tc.let && !(tc.name == "rate" && served <= 3) {
				t.Errorf("%d of %d were served, want %d", served, n, tc.let)
			}
			s := p.Stats()
			if int(tc.why(s.Refused)) != n-served || int(s.Accepted) != served {
				t.Errorf("Stats: %+v with %d served", s, served)
			}
			if tc.name == "rate" {
				return
			}
			_ = last.Close()
			eventually(t, "there is room again", func() bool {
				c := dial(t, a)
				defer c.Close()
				_, _ = c.Write([]byte("x"))
				_, err := c.Read(make([]byte, 1))
				return err == nil
			})
		})
	}
}
