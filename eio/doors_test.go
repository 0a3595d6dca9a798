package eio

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"
)

// events is a Handler that sends messages back and tells what happened.
type events struct {
	opened   chan *Session
	upgraded chan *Session
	closed   chan ending
}

type ending struct {
	reason Reason
	err    error
}

func newEvents() *events {
	// More than any test opens: a loop must not wait for one.
	return &events{make(chan *Session, 4096), make(chan *Session, 4096), make(chan ending, 4096)}
}

func (e *events) OnOpen(s *Session)    { e.opened <- s }
func (e *events) OnUpgrade(s *Session) { e.upgraded <- s }
func (*events) OnDrain(*Session)       {}
func (*events) OnMessage(s *Session, b []byte, binary bool) {
	_ = s.Write(b, binary)
}
func (e *events) OnClose(_ *Session, reason Reason, err error) { e.closed <- ending{reason, err} }

// await returns what comes by ch.
func await[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// doorway is a way into a server.
type doorway struct {
	name   string
	base   string // http://host:port
	client *http.Client
	tls    *tls.Config
}

// house is a server with all its doors open.
type house struct {
	srv    *Server
	events *events
	doors  []*doorway // the reactor's, net/http's, net/http's with TLS

	mu      sync.Mutex
	errs    []error            // guarded by mu: what OnError was told
	refused []*ConnectionError // guarded by mu
}

// openHouse starts a server; use, if not nil, adds to it before.
func openHouse(t *testing.T, cfg Config, use func(*Server)) *house {
	t.Helper()
	h := &house{events: newEvents()}
	cfg.Poller.Loops = 2
	cfg.OnError = func(err error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.errs = append(h.errs, err)
	}
	cfg.OnConnectionError = func(err *ConnectionError) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.refused = append(h.refused, err)
	}
	srv, err := NewServer(cfg, h.events)
	require.NoError(t, err)
	h.srv = srv
	if use != nil {
		use(srv)
	}
	plain, secure := httptest.NewServer(srv), httptest.NewUnstartedServer(srv)
	secure.EnableHTTP2 = true
	secure.StartTLS()
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = srv.Close()
		plain.CloseClientConnections()
		plain.Close()
		secure.CloseClientConnections()
		secure.Close()
	})
	trust := secure.Client().Transport.(*http.Transport).TLSClientConfig
	add := func(name, base string, over *tls.Config) {
		tr := &http.Transport{DisableCompression: true, TLSClientConfig: over.Clone(), ForceAttemptHTTP2: true}
		t.Cleanup(tr.CloseIdleConnections)
		h.doors = append(h.doors, &doorway{name, base, &http.Client{Transport: tr, Timeout: patience}, over})
	}
	add("reactor", "http://"+addr.String(), nil)
	add("net/http", plain.URL, nil)
	add("net/http over TLS", secure.URL, &tls.Config{RootCAs: trust.RootCAs})
	return h
}

// each runs the test at every door.
func (h *house) each(t *testing.T, test func(t *testing.T, d *doorway)) {
	t.Helper()
	for _, d := range h.doors {
		t.Run(d.name, func(t *testing.T) { test(t, d) })
	}
}

// told returns and forgets what the hooks for errors were told.
func (h *house) told() (errs []error, refused []*ConnectionError) {
	h.mu.Lock()
	defer h.mu.Unlock()
	errs, refused = h.errs, h.refused
	h.errs, h.refused = nil, nil
	return errs, refused
}

// reply is an answer that was read.
type reply struct {
	status int
	body   string
	header http.Header
	proto  int
}

// try sends a request.
func (d *doorway) try(ctx context.Context, method, target, body string, header ...string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.base+target, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := d.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, string(b), res.Header, res.ProtoMajor}, err
}

func (d *doorway) do(t *testing.T, method, target, body string, header ...string) reply {
	t.Helper()
	r, err := d.try(t.Context(), method, target, body, header...)
	require.NoError(t, err)
	return r
}

const handshake = "/engine.io/?EIO=4&transport=polling"

// shake begins a session by polling and returns the target of its requests.
func (d *doorway) shake(t *testing.T) string {
	t.Helper()
	r := d.do(t, "GET", handshake, "")
	sid, ok := strings.CutPrefix(r.body, `0{"sid":"`)
	if r.status != 200 || !ok {
		t.Fatalf("handshake: %d %q", r.status, r.body)
	}
	sid, _, _ = strings.Cut(sid, `"`)
	return handshake + "&sid=" + sid
}

// later sends a request and delivers its answer.
func (d *doorway) later(t *testing.T, ctx context.Context, method, target, body string) <-chan reply {
	done := make(chan reply, 1)
	go func() { // ends with the request
		r, err := d.try(ctx, method, target, body)
		if err != nil {
			r.body = err.Error()
		}
		done <- r
	}()
	return done
}

// socket is a WebSocket client.
type socket struct {
	net.Conn
	r io.Reader
	h http.Header // of the 101
}

// open asks for a WebSocket. status is that of a refusal.
func (d *doorway) open(target string, header http.Header) (s *socket, status int, err error) {
	s = &socket{h: http.Header{}}
	dialer := ws.Dialer{
		TLSConfig: d.tls,
		Header:    ws.HandshakeHeaderHTTP(header),
		OnHeader: func(key, value []byte) error {
			s.h.Add(string(key), string(value))
			return nil
		},
		OnStatusError: func(code int, _ []byte, _ io.Reader) { status = code },
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	target = strings.Replace(target, "transport=polling", "transport=websocket", 1)
	conn, br, _, err := dialer.Dial(ctx, "ws"+strings.TrimPrefix(d.base, "http")+target)
	if err != nil {
		return nil, status, err
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	s.Conn, s.r = conn, conn
	if br != nil {
		s.r = br
	}
	return s, 101, nil
}

func (d *doorway) socket(t *testing.T, target string) *socket {
	t.Helper()
	s, status, err := d.open(target, nil)
	if err != nil {
		t.Fatalf("no WebSocket: %d, %v", status, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func (s *socket) send(t *testing.T, packet string) {
	t.Helper()
	require.NoError(t, wsutil.WriteClientText(s.Conn, []byte(packet)))
}

func (s *socket) want(t *testing.T, packet string) {
	t.Helper()
	b, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{s.r, s.Conn})
	if err != nil || string(b) != packet {
		t.Fatalf("received %q, %v; want %q", b, err, packet)
	}
}

func (s *socket) wantOpen(t *testing.T) {
	t.Helper()
	b, err := wsutil.ReadServerText(struct {
		io.Reader
		io.Writer
	}{s.r, s.Conn})
	if err != nil || !strings.HasPrefix(string(b), `0{"sid":"`) {
		t.Fatalf("received %q, %v; want an open packet", b, err)
	}
}

func TestEveryDoorServesPolling(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		get := d.later(t, t.Context(), "GET", target, "")
		r := d.do(t, "POST", target, "4hello\x1ebAQID", "Content-Type", "text/plain;charset=UTF-8")
		if r.status != 200 || r.body != "ok" || r.header.Get("Content-Type") != "text/html" {
			t.Errorf("POST: %+v", r)
		}
		got := await(t, get, "the GET").body
		for len(got) < len("4hello\x1ebAQID") { // the two may have come apart
			got += "\x1e" + await(t, d.later(t, t.Context(), "GET", target, ""), "the rest").body
		}
		if got != "4hello\x1ebAQID" {
			t.Errorf("GET: %q", got)
		}
		s := await(t, h.events.opened, "the session")
		if a := s.Handshake().Address(); a != "127.0.0.1" {
			t.Errorf("address %q", a)
		}
		if got, want := s.Handshake().Secure(), d.tls != nil; got != want {
			t.Errorf("Secure() = %v", got)
		}
		if d.tls != nil && d.do(t, "GET", handshake, "").proto != 2 {
			t.Error("HTTP/2 was not spoken: the test is about nothing")
		}
	})
}

func TestEveryDoorServesWebSockets(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		c := d.socket(t, handshake)
		c.wantOpen(t)
		s := await(t, h.events.opened, "the session")
		if s.Handshake().Address() != "127.0.0.1" || s.Handshake().Secure() != (d.tls != nil) {
			t.Errorf("address %q, secure %v", s.Handshake().Address(), s.Handshake().Secure())
		}
		long := strings.Repeat("x", 200_000)
		for _, m := range []string{"4hello", "4" + long, "4"} {
			c.send(t, m)
			c.want(t, m)
		}
		_ = c.Close()
		if e := await(t, h.events.closed, "the end"); e.reason != TransportClose {
			t.Errorf("closed by %v (%v)", e.reason, e.err)
		}
	})
}

// TestUpgradeThroughAnyDoor: the polling of a session comes by one door, its
// WebSocket by another.
func TestUpgradeThroughAnyDoor(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	for _, in := range h.doors {
		for _, up := range h.doors {
			t.Run(in.name+", then "+up.name, func(t *testing.T) {
				target := in.shake(t)
				c := up.socket(t, target)
				get := in.later(t, t.Context(), "GET", target, "")
				c.send(t, "2probe")
				c.want(t, "3probe")
				if r := await(t, get, "the noop"); r.body != "6" {
					t.Errorf("the pending GET got %q", r.body)
				}
				c.send(t, "5")
				await(t, h.events.upgraded, "the upgrade")
				c.send(t, "4hi")
				c.want(t, "4hi")
				if r := in.do(t, "GET", target, ""); r.status != 400 || r.body != `{"code":3,"message":"Bad request"}` {
					t.Errorf("polling after the upgrade: %d %q", r.status, r.body)
				}
			})
		}
	}
}

// TestPollingMayChangeDoors: the requests of one session come by several.
func TestPollingMayChangeDoors(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	target := h.doors[0].shake(t)
	for i, d := range h.doors {
		get := h.doors[(i+1)%len(h.doors)].later(t, t.Context(), "GET", target, "")
		if r := d.do(t, "POST", target, "4"+d.name); r.status != 200 {
			t.Errorf("POST at %s: %d", d.name, r.status)
		}
		if r := await(t, get, "the GET"); r.body != "4"+d.name {
			t.Errorf("GET: %q, want what came by %s", r.body, d.name)
		}
	}
}

// TestEveryDoorRefusesAlike sends what is refused, and compares with the
// reactor's own door.
func TestEveryDoorRefusesAlike(t *testing.T) {
	h := openHouse(t, Config{MaxHTTPBufferSize: 1000, CORS: &CORS{Origin: "https://app.example"}}, nil)
	for _, tt := range []struct {
		method, target, body string
		status               int
	}{
		{"GET", "/engine.io/", "", 400},
		{"GET", "/engine.io/?EIO=4&transport=constructor", "", 400},
		{"GET", "/engine.io/?EIO=4&transport=websocket", "", 400}, // no upgrade is asked for
		{"GET", "/engine.io/?EIO=3&transport=polling", "", 400},
		{"POST", handshake, "x", 400},
		{"GET", handshake + "&sid=unknown", "", 400},
		{"PUT", handshake, "", 400},
		{"OPTIONS", handshake, "", 204},
		{"GET", "/other", "", 404},
		{"GET", "/engine.io", "", 404},
		{"POST", "%s", strings.Repeat("4", 1001), 413},
		{"POST", "%s", strings.Repeat("4", 1000), 200},
		{"DELETE", "%s", "", 500},
	} {
		var first reply
		for i, d := range h.doors {
			target := tt.target
			if target == "%s" {
				target = d.shake(t)
			}
			r := d.do(t, tt.method, target, tt.body)
			if r.status != tt.status {
				t.Errorf("%s %s at %s: %d %q, want %d", tt.method, tt.target, d.name, r.status, r.body, tt.status)
			}
			// Of a 204 net/http leaves the Content-Length out.
			for _, name := range []string{"Date", "Connection", "Keep-Alive", "Content-Length"} {
				r.header.Del(name)
			}
			if i == 0 {
				first = r
				continue
			}
			if r.body != first.body || fmt.Sprint(r.header) != fmt.Sprint(first.header) {
				t.Errorf("%s %s at %s:\n got %q %v\nwant %q %v", tt.method, tt.target, d.name, r.body, r.header, first.body, first.header)
			}
		}
	}
}

// TestEveryDoorRefusesWebSocketsAlike does so for what asks for an upgrade.
func TestEveryDoorRefusesWebSocketsAlike(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	for _, lines := range []string{
		"GET /engine.io/?EIO=4&transport=websocket&sid=unknown HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n",
		"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n",
		"GET /engine.io/?EIO=4&transport=none HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
		"POST /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n",
	} {
		first := ""
		for i, d := range h.doors {
			got := d.raw(t, lines+"Host: a\r\n\r\nhello")
			if i == 0 {
				first = got
			}
			if got != first || !strings.HasPrefix(got, "HTTP/1.1 400 ") {
				t.Errorf("%s at %s:\n got %q\nwant %q", lines, d.name, got, first)
			}
		}
	}
}

// dial opens a connection that speaks HTTP/1.
func (d *doorway) dial(t *testing.T) net.Conn {
	t.Helper()
	var nc net.Conn
	var err error
	if host := d.base[strings.LastIndex(d.base, "/")+1:]; d.tls == nil {
		nc, err = net.Dial("tcp", host)
	} else {
		nc, err = tls.Dial("tcp", host, d.tls)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	_ = nc.SetDeadline(time.Now().Add(patience))
	return nc
}

// raw sends bytes on a connection of their own and returns what comes back until
// the end, without the date.
func (d *doorway) raw(t *testing.T, request string) string {
	t.Helper()
	nc := d.dial(t)
	_, err := io.WriteString(nc, request)
	require.NoError(t, err)
	b, err := io.ReadAll(nc)
	require.NoError(t, err)
	if i := bytes.Index(b, []byte("Date: ")); i >= 0 {
		b = append(b[:i], b[i+len("Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n"):]...)
	}
	return string(b)
}

// TestWebSocketMayFollowItsRequestAtOnce sends frames in one piece with the
// request: net/http has read them then.
func TestWebSocketMayFollowItsRequestAtOnce(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	var frames bytes.Buffer
	for _, m := range []string{"4one", "4two"} {
		require.NoError(t, ws.WriteFrame(&frames, ws.MaskFrame(ws.NewTextFrame([]byte(m)))))
	}
	require.NoError(t, ws.WriteFrame(&frames, ws.MaskFrame(ws.NewCloseFrame(nil))))
	h.each(t, func(t *testing.T, d *doorway) {
		got := d.raw(t, "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"+frames.String())
		if !strings.HasPrefix(got, "HTTP/1.1 101 ") {
			t.Errorf("got %q", got)
		}
		s := await(t, h.events.opened, "the session")
		if e := await(t, h.events.closed, "the end"); e.reason != TransportClose {
			t.Errorf("closed by %v (%v)", e.reason, e.err)
		}
		if n := h.srv.Stats().MessagesIn % 2; n != 0 || s.State() != Closed {
			t.Error("not every message that followed was delivered")
		}
	})
}

func TestClientThatLeavesEndsItsPolling(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		s := await(t, h.events.opened, "the session")
		ctx, leave := context.WithCancel(t.Context())
		get := d.later(t, ctx, "GET", target, "")
		pending(t, s)
		leave()
		await(t, get, "the GET")
		if e := await(t, h.events.closed, "the end"); e.reason != TransportError || !errors.Is(e.err, ErrPollAborted) {
			t.Errorf("closed by %v (%v), want %v", e.reason, e.err, ErrPollAborted)
		}
	})
}

func TestClientThatLeavesInItsPostEndsItsPolling(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		nc := beginPost(t, d, target, await(t, h.events.opened, "the session"))
		_ = nc.Close()
		if e := await(t, h.events.closed, "the end"); e.reason != TransportError || !errors.Is(e.err, ErrDataAborted) {
			t.Errorf("closed by %v (%v), want %v", e.reason, e.err, ErrDataAborted)
		}
	})
}

// beginPost sends a part of a POST and waits until the session knows of it.
func beginPost(t *testing.T, d *doorway, target string, s *Session) net.Conn {
	t.Helper()
	nc := d.dial(t)
	_, err := io.WriteString(nc, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n4beginning")
	require.NoError(t, err)
	until(t, s, "the POST", func() bool {
		p, ok := s.tr.(*longPoll)
		return ok && p.post != nil
	})
	return nc
}

// until waits for a condition on the session's loop.
func until(t *testing.T, s *Session, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		is := make(chan bool, 1)
		s.Loop().Post(func(_, _ any) { is <- cond() }, nil, nil)
		if await(t, is, "the loop") {
			return
		}
	}
	t.Fatalf("waited in vain for %s", what)
}

// pending waits until the session has a GET to answer.
func pending(t *testing.T, s *Session) {
	t.Helper()
	until(t, s, "the GET", s.Writable)
}

// TestSessionThatEndsCutsItsPost: a second POST while the body of one is read
// ends the session, and cuts the first (reference: "aborting ongoing data
// request").
func TestSessionThatEndsCutsItsPost(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		nc := beginPost(t, d, target, await(t, h.events.opened, "the session"))
		if r := d.do(t, "POST", target, "4second"); r.status != 400 {
			t.Errorf("the second POST: %d", r.status)
		}
		if b, err := io.ReadAll(nc); len(b) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the first POST got %q, %v; want it cut", b, err)
		}
		if e := await(t, h.events.closed, "the end"); !errors.Is(e.err, ErrDataOverlap) {
			t.Errorf("closed by %v (%v)", e.reason, e.err)
		}
	})
}
