package poller

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMove(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, Loops: 3})
		var hops atomic.Int32
		var second Handler
		first := &hooks{
			data: func(c *Conn, b []byte) {
				c.Send(raw([]byte("from the first;")))
				to := p.Loops()[(c.Loop().Index()+1)%3]
				c.Move(to, second, b)
				if c.Send(raw([]byte("x"))) || c.Queued() != 0 {
					t.Error("a moved Conn takes frames")
				}
			},
			close: func(*Conn, error) { t.Error("OnClose of the moved Conn") },
		}
		closed := make(chan error, 1)
		second = &hooks{
			open: func(c *Conn) {
				hops.Add(1)
				if c.RemoteAddr().Port() == 0 {
					t.Error("the moved connection has no address")
				}
			},
			data:  func(c *Conn, b []byte) { c.Send(raw(b)) },
			close: func(_ *Conn, err error) { closed <- err },
		}
		client := dial(t, listen(t, p, func(*Conn) Handler { return first }))
		_, err := client.Write([]byte("rest"))
		require.NoError(t, err)
		want := "from the first;rest"
		got := make([]byte, len(want))
		_, err = io.ReadFull(client, got)
		require.NoError(t, err)
		if string(got) != want || hops.Load() != 1 {
			t.Errorf("got %q after %d opens, want %q after 1", got, hops.Load(), want)
		}
		_ = client.Close()
		within(t, closed, "OnClose on the new loop")
		eventually(t, "all loops are empty", func() bool {
			n := int32(0)
			for _, l := range p.Loops() {
				n += l.load.Load()
			}
			return n == 0 && p.Stats().Conns == 0
		})
	})
}

// TestMoveBlocked moves a connection with a full queue there and back.
func TestMoveBlocked(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, Loops: 2})
		moved := make(chan *Conn, 1)
		h := &hooks{open: func(c *Conn) {
			select {
			case moved <- c:
			default:
			}
		}}
		c, client := stalled(t, p, h)
		<-moved // OnOpen of the first
		for range 5 {
			on(t, c.Loop(), func() { c.Move(p.Loops()[1-c.Loop().Index()], h, nil) })
			c = within(t, moved, "OnOpen after Move")
		}
		queued := 0
		on(t, c.Loop(), func() { queued = c.Queued(); c.CloseAfterFlush(nil, soon) })
		n, err := io.Copy(io.Discard, client)
		require.NoError(t, err)
		if n < int64(queued) || n%(1<<20) != 0 {
			t.Errorf("%d bytes arrived with %d queued, want a multiple of 1 MiB", n, queued)
		}
	})
}

func TestSetHandler(t *testing.T) {
	p := newPoller(t, Config{})
	a := listen(t, p, func(*Conn) Handler {
		return &hooks{data: func(c *Conn, b []byte) {
			c.SetHandler(echo{})
			c.Send(raw([]byte("switched;")))
		}}
	})
	c := dial(t, a)
	for _, want := range []string{"switched;", "b"} {
		_, err := c.Write(bytes.TrimLeft([]byte(want), "switched;"))
		require.NoError(t, err)
		if want == "switched;" {
			_, err = c.Write([]byte("a"))
			require.NoError(t, err)
		}
		got := make([]byte, len(want))
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAdopt(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer ln.Close()
		client := dial(t, ln.Addr())
		server, err := ln.Accept()
		require.NoError(t, err)
		closed := make(chan error, 1)
		h := &hooks{
			data:  func(c *Conn, b []byte) { c.Send(raw(b)) },
			close: func(_ *Conn, err error) { closed <- err },
		}
		require.NoError(t, p.Adopt(nil, server, h, []byte("rest;")))
		_, err = client.Write([]byte("more"))
		require.NoError(t, err)
		got := make([]byte, len("rest;more"))
		_, err = io.ReadFull(client, got)
		require.NoError(t, err)
		if string(got) != "rest;more" {
			t.Errorf("got %q", got)
		}
		_ = client.Close()
		if err := within(t, closed, "OnClose"); err != io.EOF {
			t.Errorf("OnClose got %v", err)
		}
		pipe, _ := net.Pipe()
		if err := p.Adopt(nil, pipe, h, nil); err != ErrNotSocket {
			t.Errorf("Adopt of a pipe: %v", err)
		}
	})
}

func TestDial(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		a := listen(t, p, acceptEcho).(*net.TCPAddr).AddrPort()
		got, from := make(chan string, 1), make(chan netip.AddrPort, 1)
		h := &hooks{
			open: func(c *Conn) { from <- c.LocalAddr(); c.Send(raw([]byte("hi"))) },
			data: func(c *Conn, b []byte) { got <- string(b); c.Close(nil) },
		}
		require.NoError(t, p.Dial(p.Loops()[1], netip.MustParseAddrPort("127.0.0.7:0"), a, h))
		if s := within(t, got, "echo"); s != "hi" {
			t.Errorf("got %q", s)
		}
		if ip := (<-from).Addr().String(); ip != "127.0.0.7" {
			t.Errorf("local address %s, want 127.0.0.7", ip)
		}

		// Nobody listens there any more.
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		gone := ln.Addr().(*net.TCPAddr).AddrPort()
		_ = ln.Close()
		failed := make(chan error, 1)
		h = &hooks{
			open:  func(*Conn) { t.Error("OnOpen of a failed connect") },
			close: func(_ *Conn, err error) { failed <- err },
		}
		if err := p.Dial(nil, netip.AddrPort{}, gone, h); err == nil {
			if err := within(t, failed, "OnClose"); err == nil || err == io.EOF {
				t.Errorf("OnClose got %v", err)
			}
		}
	})
}
