package sio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// patience is how long a test waits for what must come; plenty, so that a slow
// machine does not fail it.
const patience = 20 * time.Second

// quiet is how long a test waits for what must not come.
const quiet = 80 * time.Millisecond

// serve starts a server on a free port and closes it with the test.
func serve(t testing.TB, cfg Config) (*Server, string) {
	t.Helper()
	if cfg.OnError == nil {
		cfg.OnError = func(err error) { t.Logf("OnError: %v", err) }
	}
	if cfg.Poller.Loops == 0 {
		cfg.Poller.Loops = 2
	}
	srv, err := NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return srv, addr.String()
}

// testClient speaks Engine.IO 4 over WebSocket.
type testClient struct {
	t     testing.TB
	conn  net.Conn
	typed bool        // binary messages begin with their type, which is left out here
	in    chan string // messages without the engine's digit; binary ones behind "b:"
	wmu   sync.Mutex
	err   error // why in was closed
}

// dial connects to the server, without joining a namespace.
func dial(t testing.TB, addr string) *testClient {
	t.Helper()
	return dialAs(t, addr, "/socket.io/?EIO=4&transport=websocket")
}

// dialAs connects with another revision of the protocol: one whose binary
// messages begin with their type when it is 3.
func dialAs(t testing.TB, addr, target string) *testClient {
	t.Helper()
	return dialBy(t, ws.Dialer{}, "ws://"+addr+target)
}

// dialBy is dial by a dialer of its own.
func dialBy(t testing.TB, d ws.Dialer, url string) *testClient {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, br, _, err := d.Dial(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = conn
	if br != nil {
		r = br
	}
	c := &testClient{t: t, conn: conn, typed: strings.Contains(url, "EIO=3"), in: make(chan string, 1<<14)}
	opened := make(chan struct{})
	go c.read(r, opened) // ends when the connection is closed, by the cleanup at the latest
	t.Cleanup(func() { _ = conn.Close() })
	select {
	case <-opened:
	case <-time.After(patience):
		t.Fatal("no open packet")
	}
	return c
}

// join dials and connects to a namespace.
func join(t testing.TB, addr, nsp string) *testClient {
	t.Helper()
	c := dial(t, addr)
	c.connect(nsp, "")
	return c
}

func (c *testClient) read(r io.Reader, opened chan struct{}) {
	defer close(c.in)
	control := wsutil.ControlFrameHandler(c.conn, ws.StateClientSide)
	rd := wsutil.Reader{Source: r, State: ws.StateClientSide, OnIntermediate: control}
	for {
		h, err := rd.NextFrame()
		if err != nil {
			c.err = err
			return
		}
		if h.OpCode.IsControl() {
			c.wmu.Lock()
			err = control(h, &rd)
			c.wmu.Unlock()
			if err != nil {
				c.err = err
				return
			}
			continue
		}
		b, err := io.ReadAll(&rd)
		if err != nil {
			c.err = err
			return
		}
		switch {
		case h.OpCode == ws.OpBinary && c.typed:
			c.in <- "b:" + strings.TrimPrefix(string(b), "\x04")
		case h.OpCode == ws.OpBinary:
			c.in <- "b:" + string(b)
		case len(b) > 0 && b[0] == '4':
			c.in <- string(b[1:])
		case string(b) == "2":
			c.write("3", false)
		case len(b) > 0 && b[0] == '0':
			close(opened)
		}
	}
}

// write sends a whole Engine.IO packet.
func (c *testClient) write(s string, binary bool) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	op := ws.OpText
	if binary {
		op = ws.OpBinary
	}
	_ = wsutil.WriteClientMessage(c.conn, op, []byte(s)) // a closed connection shows when reading
}

// send sends Socket.IO packets; binary ones begin with "b:".
func (c *testClient) send(packets ...string) {
	for _, p := range packets {
		if b, ok := strings.CutPrefix(p, "b:"); ok {
			if c.typed {
				b = "\x04" + b
			}
			c.write(b, true)
		} else {
			c.write("4"+p, false)
		}
	}
}

// connect joins a namespace, with auth if not "", and returns the socket's id.
func (c *testClient) connect(nsp, auth string) string {
	c.t.Helper()
	head := "0"
	if nsp != "/" {
		head = "0" + nsp + ","
	}
	c.send(head + auth)
	got := c.next()
	id, ok := strings.CutPrefix(got, head+`{"sid":"`)
	id, ok2 := strings.CutSuffix(id, `"}`)
	if !ok || !ok2 || len(id) != 20 {
		c.t.Fatalf("answer to CONNECT: %q", got)
	}
	return id
}

// next returns the next message.
func (c *testClient) next() string {
	c.t.Helper()
	select {
	case m, ok := <-c.in:
		if !ok {
			c.t.Fatalf("connection closed: %v", c.err)
		}
		return m
	case <-time.After(patience):
		c.t.Fatal("no message came")
	}
	return ""
}

// expect checks the next messages.
func (c *testClient) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.next(); got != w {
			c.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// expectNothing checks that no message comes.
func (c *testClient) expectNothing() {
	c.t.Helper()
	select {
	case m, ok := <-c.in:
		c.t.Fatalf("got %q, %v, want nothing", m, ok)
	case <-time.After(quiet):
	}
}

// expectClosed checks that the server closes the connection; messages before
// that are skipped.
func (c *testClient) expectClosed() {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case _, ok := <-c.in:
			if !ok {
				return
			}
		case <-deadline:
			c.t.Fatal("the connection was not closed")
		}
	}
}

// recv returns the next value of ch.
func recv[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	panic("unreachable")
}

// eventually waits until ok returns true.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// checkGoroutines fails the test if it leaves goroutines behind.
func checkGoroutines(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		end := time.Now().Add(patience)
		for runtime.NumGoroutine() > before {
			if time.Now().After(end) {
				buf := make([]byte, 1<<20)
				t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
			time.Sleep(5 * time.Millisecond)
		}
	})
}

// gone is what a disconnect handler was told.
type gone struct {
	reason Reason
	err    string
}

func goneOf(reason Reason, err error) gone {
	g := gone{reason: reason}
	var pe *ProtocolError
	if errors.As(err, &pe) {
		g.err = pe.Text
	} else if err != nil {
		g.err = fmt.Sprint(err)
	}
	return g
}

// journal collects lines from several goroutines.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// expect checks what was added so far.
func (j *journal) expect(t testing.TB, want ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.lines, want) {
		t.Errorf("got %q, want %q", j.lines, want)
	}
}
