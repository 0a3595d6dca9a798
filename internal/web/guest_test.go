package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

// startGuests serves h by net/http, each request beginning on the first of two
// loops. ended stands for the end of the loops.
func startGuests(t *testing.T, cfg Config, h *hooks, ended chan struct{}) (base string, p *poller.Poller) {
	t.Helper()
	h.changed = make(chan struct{}, 1)
	cfg.Handler = h
	p, err := poller.New(poller.Config{Loops: 2})
	require.NoError(t, err)
	s := NewServer(cfg)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.ServeGuest(p.Loops()[0], w, r, r.RequestURI, ended)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
		_ = p.Close()
	})
	return front.URL, p
}

func send(t *testing.T, method, url string, body io.Reader) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, body)
	require.NoError(t, err)
	res, err := plainClient(t).Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func TestGuestBodies(t *testing.T) {
	base, _ := startGuests(t, Config{MaxBodyBytes: 10}, &hooks{}, nil)
	chunks := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) } // of unknown length
	for _, tt := range []struct {
		method string
		body   io.Reader
		status int
		want   string
	}{
		{"GET", nil, 200, `GET /a?b=c ""`},
		{"POST", strings.NewReader("hello"), 200, `POST /a?b=c "hello"`},
		{"POST", strings.NewReader("0123456789"), 200, `POST /a?b=c "0123456789"`},
		{"POST", strings.NewReader("0123456789a"), 413, ""},
		{"POST", chunks("0123456789"), 200, `POST /a?b=c "0123456789"`},
		{"POST", chunks("0123456789a"), 413, ""},
		{"POST", chunks(""), 200, `POST /a?b=c ""`},
	} {
		status, body := send(t, tt.method, base+"/a?b=c", tt.body)
		if status != tt.status || body != tt.want {
			t.Errorf("%s: %d %q, want %d %q", tt.method, status, body, tt.status, tt.want)
		}
	}
}

// TestGuestMoves to another loop, where it begins anew, with its body.
func TestGuestMoves(t *testing.T) {
	var p *poller.Poller
	h := &hooks{}
	ready := make(chan struct{})
	h.request = func(x *Exchange) {
		<-ready
		x.Move(p.Loops()[1])
	}
	h.body = func(x *Exchange, b []byte) {
		x.Respond(200, "", nil, fmt.Appendf(nil, "loop %d: %s", x.Loop().Index(), b))
	}
	base, pp := startGuests(t, Config{}, h, nil)
	p = pp
	close(ready)
	if status, body := send(t, "POST", base, strings.NewReader("hi")); status != 200 || body != "loop 1: hi" {
		t.Errorf("got %d %q", status, body)
	}
	if requests, bodies, aborts := h.counts(); requests != 2 || bodies != 1 || aborts != 0 {
		t.Errorf("%d requests, %d bodies, %d aborts", requests, bodies, aborts)
	}
}

// TestGuestIsCut without an answer.
func TestGuestIsCut(t *testing.T) {
	h := &hooks{body: func(x *Exchange, _ []byte) { x.Cut(nil) }}
	base, _ := startGuests(t, Config{}, h, nil)
	if res, err := plainClient(t).Get(base); err == nil {
		_ = res.Body.Close()
		t.Errorf("got %d, want no answer", res.StatusCode)
	}
}

// TestGuestOutlivesItsLoop: one that is parked when the loops end gets a 503.
func TestGuestOutlivesItsLoop(t *testing.T) {
	parked := make(chan struct{})
	ended := make(chan struct{})
	h := &hooks{body: func(*Exchange, []byte) { close(parked) }}
	base, p := startGuests(t, Config{}, h, ended)
	go func() { // ends when the request is parked
		<-parked
		_ = p.Close()
		close(ended)
	}()
	if status, _ := send(t, "GET", base, nil); status != 503 {
		t.Errorf("parked: %d", status)
	}
	if status, _ := send(t, "GET", base, nil); status != 503 {
		t.Errorf("afterwards: %d", status)
	}
}

// TestHeadIsWrittenAgain: in one form whatever the order, and nothing that could
// break it.
func TestHeadIsWrittenAgain(t *testing.T) {
	r := httptest.NewRequest("GET", "http://host/x", nil)
	r.Header = http.Header{"B": {"2", "3"}, "A": {"1"}, "Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Content-Length": {"0"}}
	for _, tt := range []struct {
		upgrade bool
		want    string
	}{
		{false, "GET /x HTTP/1.1\r\nHost: host\r\nA: 1\r\nB: 2\r\nB: 3\r\n\r\n"},
		{true, "GET /x HTTP/1.1\r\nHost: host\r\nA: 1\r\nB: 2\r\nB: 3\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"},
	} {
		if b, err := appendHead(nil, r, "/x", tt.upgrade); err != nil || string(b) != tt.want {
			t.Errorf("upgrade %v: %q, %v", tt.upgrade, b, err)
		}
	}
	r.Header["A"] = []string{"1\r\nEvil: yes"}
	if b, err := appendHead(nil, r, "/x", true); err == nil || bytes.Contains(b, []byte("Evil")) {
		t.Errorf("a header that ends its line: %q, %v", b, err)
	}
}

// TestAnswerSaysAHeaderOnce: what handlers in front set gives way, but for what
// adds up.
func TestAnswerSaysAHeaderOnce(t *testing.T) {
	f := &front{header: headerLines(http.Header{
		"Vary": {"Origin", "Cookie"}, "Set-Cookie": {"a=1"}, "X-A": {"theirs"}, "X-B": {"theirs"},
		"Content-Type": {"theirs"}, "Connection": {"close"}, "Content-Length": {"5"}, "X-C": {"bad\r\nvalue"},
	})}
	got := string(f.merge([]byte("Vary: Origin\r\nSet-Cookie: b=2\r\nX-A: ours\r\n"), "text/html"))
	want := "Vary: Origin\r\nSet-Cookie: b=2\r\nX-A: ours\r\nSet-Cookie: a=1\r\nVary: Cookie\r\nX-B: theirs\r\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
