package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

// hooks is a Handler made of functions. Without them, the answer is a 200 that
// repeats method, target and body. All calls are counted.
type hooks struct {
	request  func(x *Exchange)
	body     func(x *Exchange, b []byte)
	abort    func(x *Exchange)
	tooLarge func(x *Exchange)

	mu       sync.Mutex
	requests int
	bodies   int
	aborts   int
	targets  []string
	changed  chan struct{}
}

func (h *hooks) note(n *int, target string) {
	h.mu.Lock()
	*n++
	if target != "" {
		h.targets = append(h.targets, target)
	}
	h.mu.Unlock()
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

func (h *hooks) OnRequest(x *Exchange) {
	h.note(&h.requests, string(x.Request().Target))
	if h.request != nil {
		h.request(x)
	}
}

func (h *hooks) OnBody(x *Exchange, b []byte) {
	h.note(&h.bodies, "")
	if h.body != nil {
		h.body(x, b)
		return
	}
	repeatRequest(x, b)
}

func repeatRequest(x *Exchange, b []byte) {
	r := x.Request()
	x.Respond(200, "text/plain", nil, fmt.Appendf(nil, "%s %s %q", r.Method, r.Target, b))
}

func (h *hooks) OnAbort(x *Exchange) {
	h.note(&h.aborts, "")
	if h.abort != nil {
		h.abort(x)
	}
}

// OnTooLarge leaves the answer to the package unless there is a function.
func (h *hooks) OnTooLarge(x *Exchange) {
	if h.tooLarge != nil {
		h.tooLarge(x)
	}
}

// counts returns how often OnRequest, OnBody and OnAbort were called.
func (h *hooks) counts() (requests, bodies, aborts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.requests, h.bodies, h.aborts
}

func (h *hooks) seen() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.targets...)
}

// until waits for cond, which is asked again after each call of the handler.
func (h *hooks) until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.After(testWait)
	for !cond() {
		select {
		case <-h.changed:
		case <-time.After(2 * time.Millisecond):
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// httpServer is a server on a poller of its own.
type httpServer struct {
	*hooks
	poller *poller.Poller
	addr   string
}

func startHTTP(t testing.TB, pcfg poller.Config, cfg Config, h *hooks) *httpServer {
	t.Helper()
	if pcfg.Loops == 0 {
		pcfg.Loops = 1
	}
	h.changed = make(chan struct{}, 1)
	if cfg.Handler == nil {
		cfg.Handler = h
	}
	p, err := poller.New(pcfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	l, err := p.Listen("tcp", "127.0.0.1:0", NewServer(cfg).Accept)
	require.NoError(t, err)
	return &httpServer{h, p, l.Addr().String()}
}

// client is one connection to the server.
type client struct {
	*net.TCPConn
	r *bufio.Reader
}

func (s *httpServer) dial(t testing.TB) *client {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(testWait)))
	return &client{nc.(*net.TCPConn), bufio.NewReader(nc)}
}

func (c *client) send(t testing.TB, pieces ...string) {
	t.Helper()
	for i, p := range pieces {
		if i > 0 {
			time.Sleep(time.Millisecond)
		}
		if _, err := io.WriteString(c, p); err != nil {
			t.Fatalf("write: %v", err)
		}
	}
}

// answer is what became of a response.
type answer struct {
	status int
	body   string
	header http.Header
	close  bool
}

// next reads a response to a request of the method.
func (c *client) next(t testing.TB, method string) answer {
	t.Helper()
	res, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read response: %v", err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return answer{res.StatusCode, string(b), res.Header, res.Close}
}

// want reads a response and compares it.
func (c *client) want(t testing.TB, status int, body string) answer {
	t.Helper()
	a := c.next(t, "GET")
	if a.status != status || a.body != body {
		t.Errorf("got %d %q, want %d %q", a.status, a.body, status, body)
	}
	return a
}

// wantEOF wants the server to have closed in good order.
func (c *client) wantEOF(t testing.TB) {
	t.Helper()
	b, err := io.ReadAll(c.r)
	if len(b) > 0 || err != nil {
		t.Errorf("got %q, %v; want the end of the connection", b, err)
	}
}

// reset ends the connection by RST.
func (c *client) reset(t testing.TB) {
	t.Helper()
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
}

func get(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a\r\n" + strings.Join(lines, "") + "\r\n"
}

func post(target, body string, lines ...string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%s\r\n%s",
		target, len(body), strings.Join(lines, ""), body)
}

func chunked(target string, chunks ...string) string {
	var b strings.Builder
	b.WriteString("POST " + target + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	for _, c := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
	}
	b.WriteString("0\r\n\r\n")
	return b.String()
}

// isGone reports whether err is what writing to a closed connection gives.
func isGone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded)
}

func listenLocal(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return ln
}
