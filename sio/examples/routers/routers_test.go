package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/sio"
)

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// TestEveryRouterServesEveryTransport talks to a server on each router: its other
// route, long-polling, a WebSocket, and the upgrade from one to the other.
func TestEveryRouterServesEveryTransport(t *testing.T) {
	for name, mount := range routers {
		t.Run(name, func(t *testing.T) {
			server, err := newServer()
			if err != nil {
				t.Fatal(err)
			}
			sockets := make(chan *sio.Socket, 8)
			server.OnConnection(func(s *sio.Socket) { sockets <- s })
			front := httptest.NewServer(mount(server))
			defer front.Close()
			defer func() { _ = server.Close() }()

			if got := do(t, "GET", front.URL+"/hello", ""); got != greeting {
				t.Errorf("the other route: %q", got)
			}
			session := poll(t, front.URL)
			upgrade(t, session)
			websocket(t, front.URL)
			for range 2 {
				select {
				case s := <-sockets:
					if a := s.Handshake().Address; a != "127.0.0.1" {
						t.Errorf("address %q", a)
					}
				case <-time.After(patience):
					t.Fatal("no socket")
				}
			}
		})
	}
}

const query = "/socket.io/?EIO=4&transport="

// poll begins a session by long-polling and says something. It returns the URL of
// the session's requests.
func poll(t *testing.T, base string) string {
	t.Helper()
	open := do(t, "GET", base+query+"polling", "")
	sid, ok := strings.CutPrefix(open, `0{"sid":"`)
	if !ok {
		t.Fatalf("handshake: %q", open)
	}
	sid, _, _ = strings.Cut(sid, `"`)
	session := base + query + "polling&sid=" + sid
	do(t, "POST", session, "40")
	if got := do(t, "GET", session, ""); !strings.HasPrefix(got, `40{"sid":"`) {
		t.Fatalf("CONNECT: %q", got)
	}
	do(t, "POST", session, `42["say","by polling"]`)
	if got := do(t, "GET", session, ""); got != `42["said","by polling"]` {
		t.Errorf("polling: %q", got)
	}
	return session
}

// upgrade takes the session over to a WebSocket and says something.
func upgrade(t *testing.T, session string) {
	t.Helper()
	c := dial(t, strings.Replace(session, "transport=polling", "transport=websocket", 1))
	c.send(t, "2probe")
	c.want(t, "3probe")
	c.send(t, "5")
	c.send(t, `42["say","upgraded"]`)
	c.want(t, `42["said","upgraded"]`)
}

// websocket begins a session by WebSocket and says something.
func websocket(t *testing.T, base string) {
	t.Helper()
	c := dial(t, base+query+"websocket")
	c.want(t, `0{"sid":"`)
	c.send(t, "40")
	c.want(t, `40{"sid":"`)
	c.send(t, `42["say","by WebSocket"]`)
	c.want(t, `42["said","by WebSocket"]`)
}

func do(t *testing.T, method, url, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Timeout: patience}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %q, %v", method, url, res.StatusCode, b, err)
	}
	return string(b)
}

// conn is a WebSocket client.
type conn struct {
	io.Reader
	io.Writer
}

func dial(t *testing.T, url string) *conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	nc, br, _, err := ws.Dial(ctx, "ws"+strings.TrimPrefix(url, "http"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	if br != nil {
		return &conn{br, nc}
	}
	return &conn{nc, nc}
}

func (c *conn) send(t *testing.T, packet string) {
	t.Helper()
	if err := wsutil.WriteClientText(c, []byte(packet)); err != nil {
		t.Fatal(err)
	}
}

func (c *conn) want(t *testing.T, begin string) {
	t.Helper()
	b, err := wsutil.ReadServerText(c)
	if err != nil || !strings.HasPrefix(string(b), begin) {
		t.Fatalf("received %q, %v; want %q", b, err, begin)
	}
}

// TestRunEndsInOrder: a poll that is pending is answered, not waited for.
func TestRunEndsInOrder(t *testing.T) {
	server, err := newServer()
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- run(ctx, &http.Server{Addr: addr, Handler: onNetHTTP(server)}, server) }()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if nc, err := net.Dial("tcp", addr); err == nil {
			_ = nc.Close()
			break
		}
	}
	session := poll(t, "http://"+addr)
	answered := make(chan string, 1)
	go func() { // ends with the request
		res, err := http.Get(session)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		answered <- string(b)
	}()
	stop()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("run: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the servers did not end")
	}
	select {
	case <-answered: // by whichever server had it when it ended
	case <-time.After(patience):
		t.Fatal("the poll was not answered")
	}
}
