package poller

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// disguised is a connection whose descriptor nobody may take: a stand-in for
// those that do something to the bytes.
type disguised struct{ net.Conn }

// streamed returns a client whose connection was given to AdoptStream.
func streamed(t *testing.T, p *Poller, h Handler, rest string) *net.TCPConn {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	client := dial(t, ln.Addr())
	server, err := ln.Accept()
	require.NoError(t, err)
	require.NoError(t, p.AdoptStream(nil, disguised{server}, h, []byte(rest)))
	return client.(*net.TCPConn)
}

func TestAdoptStreamCarriesBothWays(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		from, closed := make(chan string, 1), make(chan error, 1)
		h := &hooks{
			open:  func(c *Conn) { from <- c.RemoteAddr().String() },
			data:  func(c *Conn, b []byte) { c.Send(raw(b)) },
			close: func(_ *Conn, err error) { closed <- err },
		}
		client := streamed(t, p, h, "rest;")
		if a := within(t, from, "OnOpen"); a != client.LocalAddr().String() {
			t.Errorf("RemoteAddr is %s, want the client's %s", a, client.LocalAddr())
		}
		sent := bytes.Repeat([]byte("0123456789"), 50_000)
		go func() { _, _ = client.Write(sent) }() // ends with the reading below
		got := make([]byte, len("rest;")+len(sent))
		_, err := io.ReadFull(client, got)
		require.NoError(t, err)
		if !bytes.Equal(got, append([]byte("rest;"), sent...)) {
			t.Error("what came back is not what was sent")
		}
		_ = client.Close()
		if err := within(t, closed, "OnClose"); err != io.EOF {
			t.Errorf("OnClose got %v", err)
		}
	})
}

// TestAdoptStreamDeliversTheLastBytes closes behind what was written.
func TestAdoptStreamDeliversTheLastBytes(t *testing.T) {
	p := newPoller(t, Config{})
	h := &hooks{open: func(c *Conn) {
		c.Send(raw([]byte("farewell")))
		c.CloseAfterFlush(nil, soon)
	}}
	client := streamed(t, p, h, "")
	got, err := io.ReadAll(client)
	if err != nil || string(got) != "farewell" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestAdoptStreamCutsAClientThatDoesNotRead: the goroutines must not outlive
// the loop's connection by more than its last bytes get. TestMain looks for
// them; here the end of the poller waits for them.
func TestAdoptStreamCutsAClientThatDoesNotRead(t *testing.T) {
	p := newPoller(t, Config{})
	closed := make(chan error, 1)
	h := &hooks{
		open: func(c *Conn) {
			for range 32 {
				c.Send(raw(make([]byte, 1<<20)))
			}
		},
		close: func(_ *Conn, err error) { closed <- err },
	}
	streamed(t, p, h, "")
	if err := within(t, closed, "OnClose"); err != ErrOverflow {
		t.Errorf("OnClose got %v, want the overflow", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Close() }()
	if err := within(t, ended, "Close"); err != nil {
		t.Error(err)
	}
}

// TestShutdownDeliversToStreams: what was written before reaches the client.
func TestShutdownDeliversToStreams(t *testing.T) {
	p := newPoller(t, Config{})
	opened := make(chan struct{})
	h := &hooks{open: func(c *Conn) {
		c.Send(raw([]byte("farewell")))
		close(opened)
	}}
	client := streamed(t, p, h, "")
	within(t, opened, "OnOpen")
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	_ = client.SetReadDeadline(time.Now().Add(soon))
	got, err := io.ReadAll(client)
	if err != nil || string(got) != "farewell" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAdoptStreamRefuses(t *testing.T) {
	p := newPoller(t, Config{MaxConns: 1})
	opened := make(chan struct{})
	streamed(t, p, &hooks{open: func(*Conn) { close(opened) }}, "")
	within(t, opened, "OnOpen")
	here, there := net.Pipe()
	if err := p.AdoptStream(nil, here, &hooks{}, nil); err != ErrTooManyConns {
		t.Errorf("above MaxConns: %v", err)
	}
	if _, err := there.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the refused connection was not closed: %v", err)
	}
	require.NoError(t, p.Close())
	here, there = net.Pipe()
	if err := p.AdoptStream(nil, here, &hooks{}, nil); err != ErrClosed {
		t.Errorf("after Close: %v", err)
	}
	if _, err := there.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the refused connection was not closed: %v", err)
	}
}
