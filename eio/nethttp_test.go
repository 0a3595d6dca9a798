package eio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"
)

// mounted is a server without Listen behind a server of net/http that handler
// may put something in front of, and change may set up.
func mounted(t *testing.T, cfg Config, handler func(*Server) http.Handler, change func(*httptest.Server)) (*house, *doorway, *httptest.Server) {
	t.Helper()
	h := &house{events: newEvents()}
	cfg.OnError = func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.errs = append(h.errs, err)
	}
	srv, err := NewServer(cfg, h.events)
	require.NoError(t, err)
	h.srv = srv
	var inner http.Handler = srv
	if handler != nil {
		inner = handler(srv)
	}
	front := httptest.NewUnstartedServer(inner)
	if change != nil {
		change(front)
	}
	front.Start()
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(func() {
		_ = srv.Close()
		tr.CloseIdleConnections()
		front.CloseClientConnections()
		front.Close()
	})
	return h, &doorway{"net/http", front.URL, &http.Client{Transport: tr, Timeout: patience}, nil}, front
}

func TestReactorStartsWithTheFirstRequest(t *testing.T) {
	h, d, _ := mounted(t, Config{}, nil, nil)
	if h.srv.Poller() != nil {
		t.Error("there is a reactor before there was a request")
	}
	d.shake(t)
	if h.srv.Poller() == nil {
		t.Error("there is no reactor")
	}
}

func TestMountPaths(t *testing.T) {
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "elsewhere") })
	for _, tt := range []struct {
		name   string
		cfg    Config
		mount  func(*Server) http.Handler
		target string // in front of the query
		want   string // the beginning of the body; "" for a 404
	}{
		{"as it is", Config{}, nil, "/engine.io/", `0{"sid"`},
		{"as it is, another path", Config{}, nil, "/other/", ""},
		{"as it is, another path with a handler", Config{HTTPHandler: elsewhere}, nil, "/other/", "elsewhere"},
		{"without the slash", Config{}, nil, "/engine.io", ""},
		{"without the slash, as configured", Config{AddTrailingSlash: Off}, nil, "/engine.io", `0{"sid"`},
		{"a pattern", Config{}, func(s *Server) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("/engine.io/", s)
			return mux
		}, "/engine.io/", `0{"sid"`},
		{"a prefix that is stripped", Config{}, func(s *Server) http.Handler { return http.StripPrefix("/api", s) }, "/api/engine.io/", `0{"sid"`},
		{"its own path is stripped", Config{}, func(s *Server) http.Handler { return http.StripPrefix("/engine.io", s) }, "/engine.io/", `0{"sid"`},
		{"all is stripped, the path says where", Config{Path: "/api/v1/live"}, func(s *Server) http.Handler {
			return http.StripPrefix("/api/v1", s)
		}, "/api/v1/live/", `0{"sid"`},
	} {
		_, d, _ := mounted(t, tt.cfg, tt.mount, nil)
		target := tt.target + "?EIO=4&transport=polling"
		r := d.do(t, "GET", target, "")
		if tt.want == "" {
			if r.status != 404 || r.body != "" {
				t.Errorf("%s: %d %q, want a 404", tt.name, r.status, r.body)
			}
			continue
		}
		if r.status != 200 || !strings.HasPrefix(r.body, tt.want) {
			t.Errorf("%s: %d %q", tt.name, r.status, r.body)
		}
		if tt.want != "elsewhere" {
			d.socket(t, target).wantOpen(t)
		}
	}
}

// TestHandshakeURLIsWhatWasServed: behind StripPrefix the rest, else all.
func TestHandshakeURLIsWhatWasServed(t *testing.T) {
	h, d, _ := mounted(t, Config{}, func(s *Server) http.Handler { return http.StripPrefix("/api", s) }, nil)
	d.do(t, "GET", "/api"+handshake+"&a=%20b", "")
	if url := await(t, h.events.opened, "the session").Handshake().URL(); url != handshake+"&a=%20b" {
		t.Errorf("URL %q", url)
	}
}

// TestServerTimeoutsDoNotEndALongPoll: the server's are for ordinary requests.
func TestServerTimeoutsDoNotEndALongPoll(t *testing.T) {
	_, d, _ := mounted(t, Config{PingInterval: 400 * time.Millisecond}, nil, func(s *httptest.Server) {
		s.Config.ReadTimeout, s.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	})
	target := d.shake(t)
	for range 2 {
		if r := d.do(t, "GET", target, ""); r.status != 200 || r.body != "2" {
			t.Errorf("GET: %d %q, want a ping", r.status, r.body)
		}
		if r := d.do(t, "POST", target, "3"); r.status != 200 {
			t.Errorf("POST: %d", r.status)
		}
	}
}

// TestSlowBodyGets408: a client that does not send the body it has announced.
func TestSlowBodyGets408(t *testing.T) {
	h, d, _ := mounted(t, Config{}, nil, func(s *httptest.Server) { s.Config.ReadTimeout = 200 * time.Millisecond })
	target := d.shake(t)
	nc := d.dial(t)
	_, err := io.WriteString(nc, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n4beginning")
	require.NoError(t, err)
	if b, _ := io.ReadAll(nc); !strings.HasPrefix(string(b), "HTTP/1.1 408 ") {
		t.Errorf("got %q", b)
	}
	if e := await(t, h.events.closed, "the end"); !errors.Is(e.err, ErrDataAborted) {
		t.Errorf("closed by %v (%v)", e.reason, e.err)
	}
}

// TestHeadsAreBoundedAsAtTheReactor: what a session keeps of them is.
func TestHeadsAreBoundedAsAtTheReactor(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		for _, tt := range []struct{ n, status int }{{12 << 10, 200}, {17 << 10, 431}} {
			if r := d.do(t, "GET", handshake, "", "X-Long", strings.Repeat("x", tt.n)); r.status != tt.status {
				t.Errorf("%d bytes: %d, want %d", tt.n, r.status, tt.status)
			}
		}
		long := http.Header{"X-Long": {strings.Repeat("x", 17<<10)}}
		if _, status, err := d.open(handshake, long); err == nil || status != 431 {
			t.Errorf("WebSocket: %d, %v", status, err)
		}
	})
}

func TestHTTP2DoesNotUpgrade(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	d := h.doors[2]
	target := d.shake(t)
	for _, tt := range []struct{ name, target string }{
		{"handshake", strings.Replace(handshake, "polling", "websocket", 1)},
		{"upgrade", strings.Replace(target, "polling", "websocket", 1)},
	} {
		r := d.do(t, "GET", tt.target, "")
		if r.proto != 2 || r.status != 400 || r.body != `{"code":3,"message":"Bad request"}` {
			t.Errorf("%s: HTTP/%d, %d %q", tt.name, r.proto, r.status, r.body)
		}
	}
	post := d.do(t, "POST", target, "4still here")
	if get := d.do(t, "GET", target, ""); post.proto != 2 || get.proto != 2 || get.body != "4still here" {
		t.Errorf("polling over HTTP/%d: %q", get.proto, get.body)
	}
}

// jailed is a ResponseWriter that keeps its connection.
type jailed struct{ http.ResponseWriter }

func TestWriterThatKeepsItsConnectionRefusesWebSockets(t *testing.T) {
	h, d, _ := mounted(t, Config{}, func(s *Server) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.ServeHTTP(jailed{w}, r) })
	}, nil)
	target := d.shake(t)
	if _, status, err := d.open(target, nil); err == nil || status != 400 {
		t.Errorf("WebSocket: %d, %v", status, err)
	}
	if errs, _ := h.told(); len(errs) != 1 || !errors.Is(errs[0], http.ErrNotSupported) {
		t.Errorf("OnError was told %v", errs)
	}
	get := d.later(t, t.Context(), "GET", target, "")
	d.do(t, "POST", target, "4still here")
	if r := await(t, get, "the GET"); r.body != "4still here" {
		t.Errorf("polling: %q", r.body)
	}
}

// wrapping hands out connections that only look like net's: embedding one gives
// them its SyscallConn, which must not be taken for theirs.
type wrapping struct{ net.Listener }

type wrapped struct{ *net.TCPConn }

func (l wrapping) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return wrapped{nc.(*net.TCPConn)}, nil
}

// Read stands for what such a connection may do to the bytes.
func (c wrapped) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	for i := range b[:n] {
		b[i] ^= 0x80
	}
	return n, err
}

func (c wrapped) Write(b []byte) (int, error) {
	masked := make([]byte, len(b))
	for i := range b {
		masked[i] = b[i] ^ 0x80
	}
	return c.TCPConn.Write(masked)
}

// TestConnectionsThatAreNotTheirDescriptor: their bytes go through them, and what
// that takes ends with the session.
func TestConnectionsThatAreNotTheirDescriptor(t *testing.T) {
	h, d, _ := mounted(t, Config{}, nil, func(s *httptest.Server) { s.Listener = wrapping{s.Listener} })
	nc, err := net.Dial("tcp", strings.TrimPrefix(d.base, "http://"))
	require.NoError(t, err)
	client := wrapped{nc.(*net.TCPConn)}
	defer func() { _ = client.Close() }()
	_ = client.SetDeadline(time.Now().Add(patience))
	dialer := ws.Dialer{NetDial: func(context.Context, string, string) (net.Conn, error) { return client, nil }}
	conn, br, _, err := dialer.Dial(t.Context(), "ws://a"+strings.Replace(handshake, "polling", "websocket", 1))
	require.NoError(t, err)
	c := &socket{Conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	c.wantOpen(t)
	s := await(t, h.events.opened, "the session")
	if s.Handshake().Address() != "127.0.0.1" {
		t.Errorf("address %q", s.Handshake().Address())
	}
	long := "4" + strings.Repeat("x", 300_000)
	c.send(t, long)
	c.want(t, long)
	s.Close()
	if _, err := ws.ReadHeader(c.r); err != nil {
		t.Errorf("no close frame: %v", err)
	}
	_ = conn.Close()
	await(t, h.events.closed, "the end")
}

// TestAddressIsWhatTheHandlersInFrontSay: they may know the proxies.
func TestAddressIsWhatTheHandlersInFrontSay(t *testing.T) {
	for remote, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "203.0.113.9:80": "203.0.113.9", "[2001:db8::1]:80": "2001:db8::1",
		"::ffff:203.0.113.9": "203.0.113.9", "@": "", "": "",
	} {
		h, d, _ := mounted(t, Config{}, func(s *Server) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.RemoteAddr = remote
				s.ServeHTTP(w, r)
			})
		}, nil)
		d.shake(t)
		d.socket(t, handshake).wantOpen(t)
		for range 2 {
			if got := await(t, h.events.opened, "the session").Handshake().Address(); got != want {
				t.Errorf("%q: address %q, want %q", remote, got, want)
			}
		}
	}
}

// TestShutdownCoversBothDoors also shows the order that the documentation names.
func TestShutdownCoversBothDoors(t *testing.T) {
	h, d, front := mounted(t, Config{}, nil, nil)
	target := d.shake(t)
	s := await(t, h.events.opened, "the session")
	get := d.later(t, t.Context(), "GET", target, "")
	pending(t, s)
	c := d.socket(t, handshake)
	c.wantOpen(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error, 1)
	front.Config.RegisterOnShutdown(func() { ended <- h.srv.Shutdown(ctx) })
	if err := front.Config.Shutdown(ctx); err != nil {
		t.Errorf("http.Server.Shutdown: %v", err)
	}
	if err := await(t, ended, "Shutdown"); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if r := await(t, get, "the GET"); r.status != 200 || r.body != "1" {
		t.Errorf("the pending GET got %d %q", r.status, r.body)
	}
	if f, err := ws.ReadHeader(c.r); err != nil || f.OpCode != ws.OpClose {
		t.Errorf("the WebSocket got %v, %v", f.OpCode, err)
	}
	for range 2 {
		if e := await(t, h.events.closed, "the end"); e.reason != ForcedClose {
			t.Errorf("closed by %v", e.reason)
		}
	}
}

// TestClosedServerRefuses: before it ever ran, and after.
func TestClosedServerRefuses(t *testing.T) {
	for _, ran := range []bool{false, true} {
		h, d, _ := mounted(t, Config{}, nil, nil)
		if ran {
			d.shake(t)
		}
		require.NoError(t, h.srv.Close())
		if r := d.do(t, "GET", handshake, ""); r.status != 503 {
			t.Errorf("ran %v: polling: %d", ran, r.status)
		}
		if _, status, err := d.open(handshake, nil); err == nil || status == 101 {
			t.Errorf("ran %v: WebSocket: %d, %v", ran, status, err)
		}
	}
}

// TestCloseLetsGoOfHandshakesThatWait for a hook.
func TestCloseLetsGoOfHandshakesThatWait(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	h, d, _ := mounted(t, Config{AllowRequest: func(*http.Request) error {
		close(asked)
		<-answer
		return nil
	}}, nil, nil)
	defer close(answer)
	get := d.later(t, t.Context(), "GET", handshake, "")
	await(t, asked, "AllowRequest")
	require.NoError(t, h.srv.Close())
	if r := await(t, get, "the GET"); r.status != 503 {
		t.Errorf("got %d %q", r.status, r.body)
	}
}

// idleCost opens n WebSockets and returns the bytes of heap and stacks, and the
// goroutines, that each of them costs in this process, client included.
func idleCost(t *testing.T, d *doorway, n int) (bytes, goroutines float64) {
	t.Helper()
	measure := func() (uint64, int) {
		var m runtime.MemStats
		for range 3 {
			runtime.GC()
		}
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()
	}
	open := func(n int) {
		for range n {
			nc := d.dial(t)
			_, err := io.WriteString(nc, "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
			require.NoError(t, err)
			got := make([]byte, 64)
			_, err = io.ReadFull(nc, got)
			require.NoError(t, err)
			if !strings.HasPrefix(string(got), "HTTP/1.1 101 ") {
				t.Fatalf("got %q", got)
			}
		}
	}
	open(n / 4) // what there is once is there
	b0, g0 := measure()
	open(n)
	// What net/http needed for the last ones is still on its way out.
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		b1, g1 := measure()
		bytes, goroutines = float64(int64(b1)-int64(b0))/float64(n), float64(g1-g0)/float64(n)
		if goroutines < 0.1 || time.Now().After(end) {
			return bytes, goroutines
		}
	}
}

// TestIdleSocketOfNetHTTPCostsTheSame compares the two doors in one process, with
// clients that cost the same; the bounds are wide, a goroutine would be beyond.
func TestIdleSocketOfNetHTTPCostsTheSame(t *testing.T) {
	const n = 600
	h := openHouse(t, Config{}, nil)
	native, nativeGo := idleCost(t, h.doors[0], n)
	adopted, adoptedGo := idleCost(t, h.doors[1], n)
	t.Logf("bytes per idle socket, client included: %.0f by Listen, %.0f by net/http", native, adopted)
	if adopted > native+512 {
		t.Errorf("an idle socket of net/http costs %.0f bytes, one of the reactor %.0f", adopted, native)
	}
	if nativeGo > 0.1 || adoptedGo > 0.1 {
		t.Errorf("goroutines per socket: %.2f by Listen, %.2f by net/http", nativeGo, adoptedGo)
	}
}

// ExampleServer_ServeHTTP mounts a server on a router.
func ExampleServer_ServeHTTP() {
	server, err := NewServer(Config{}, newEvents())
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/engine.io/", server)
	front := httptest.NewServer(mux)
	defer front.Close()
	defer func() { _ = server.Close() }()

	res, err := http.Get(front.URL + "/engine.io/?EIO=4&transport=polling")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	open := make([]byte, 7)
	_, _ = io.ReadFull(res.Body, open)
	fmt.Println(res.Status, string(open))
	// Output: 200 OK 0{"sid"
}
