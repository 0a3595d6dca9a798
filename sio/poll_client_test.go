package sio

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// pollClient speaks Engine.IO 4 over long-polling, one request at a time.
type pollClient struct {
	t      testing.TB
	http   http.Client
	addr   string
	target string // with the session's id
	sid    string
	got    []string // Engine.IO packets that were received and not looked at
}

// dialPoll makes a handshake; header are lines "Name: value".
func dialPoll(t testing.TB, addr, query string, header ...string) *pollClient {
	t.Helper()
	c := &pollClient{t: t, addr: addr, target: "http://" + addr + "/socket.io/?EIO=4&transport=polling" + query}
	c.http.Transport = &http.Transport{}
	t.Cleanup(c.http.CloseIdleConnections)
	status, body := c.do(t.Context(), "GET", "", header...)
	_, rest, ok := strings.Cut(body, `{"sid":"`)
	if !ok {
		t.Fatalf("handshake: %d %q", status, body)
	}
	c.sid, _, _ = strings.Cut(rest, `"`)
	c.target += "&sid=" + url.QueryEscape(c.sid)
	return c
}

// joinPoll makes a handshake and connects to "/".
func joinPoll(t testing.TB, addr string) *pollClient {
	t.Helper()
	c := dialPoll(t, addr, "")
	c.post("40")
	if got := c.next(); !strings.HasPrefix(got, `40{"sid":"`) {
		t.Fatalf("answer to CONNECT: %q", got)
	}
	return c
}

// do makes one request.
func (c *pollClient) do(ctx context.Context, method, body string, header ...string) (status int, answer string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, c.target, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := c.http.Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(b)
}

// post sends Engine.IO packets.
func (c *pollClient) post(packets ...string) {
	c.t.Helper()
	if status, body := c.do(context.Background(), "POST", strings.Join(packets, "\x1e")); status != 200 || body != "ok" {
		c.t.Fatalf("POST %q: %d %q", packets, status, body)
	}
}

// next returns the next Engine.IO packet; pings are answered.
func (c *pollClient) next() string {
	c.t.Helper()
	for {
		for len(c.got) > 0 {
			p := c.got[0]
			c.got = c.got[1:]
			if p != "2" {
				return p
			}
			c.post("3")
		}
		status, body := c.do(context.Background(), "GET", "")
		if status != 200 {
			c.t.Fatalf("GET: %d %q", status, body)
		}
		c.got = strings.Split(body, "\x1e")
	}
}

// upgrade goes over to a WebSocket and returns it.
func (c *pollClient) upgrade() *testClient {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, br, _, err := ws.Dial(ctx, "ws://"+c.addr+"/socket.io/?EIO=4&transport=websocket&sid="+url.QueryEscape(c.sid))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = conn.Close() })
	w := &testClient{t: c.t, conn: conn, in: make(chan string, 1<<10)}
	w.write("2probe", false)
	var r io.Reader = conn
	if br != nil {
		r = br
	}
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	b, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{r, conn})
	if err != nil || string(b) != "3probe" {
		c.t.Fatalf("answer to the probe: %q, %v", b, err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	w.write("5", false)
	go w.read(r, make(chan struct{})) // ends when the connection is closed, by the cleanup at the latest
	return w
}
