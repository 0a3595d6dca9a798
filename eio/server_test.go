package eio

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"
)

// patience bounds everything that a test waits for: plenty, so that a slow machine fails none.
const patience = 20 * time.Second

// echo sends messages back, and tells what else happens.
type echo struct {
	open    func(*Session)
	message func(s *Session, b []byte, binary bool)
	ends    chan string
}

func newEcho() *echo { return &echo{ends: make(chan string, 1000)} }

func (h *echo) OnOpen(s *Session) {
	if h.open != nil {
		h.open(s)
	}
}
func (h *echo) OnUpgrade(*Session) {}
func (h *echo) OnDrain(*Session)   {}

func (h *echo) OnMessage(s *Session, b []byte, binary bool) {
	if h.message != nil {
		h.message(s, b, binary)
		return
	}
	s.Send(messageFrame(b, binary))
}

func (h *echo) OnClose(_ *Session, r Reason, err error) { h.ends <- fmt.Sprintf("%v: %v", r, err) }

// wantEnd waits for the end of a session.
func (h *echo) wantEnd(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h.ends:
		if got != want {
			t.Errorf("the session ended with %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Errorf("the session did not end, want %q", want)
	}
}

// start serves cfg on a free port, until the test ends.
func start(t testing.TB, cfg Config, h Handler) (*Server, string) {
	t.Helper()
	if cfg.Poller.Loops == 0 {
		cfg.Poller.Loops = 2
	}
	srv, err := NewServer(cfg, h)
	require.NoError(t, err)
	addr, err := srv.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, srv.Close()) })
	return srv, addr.String()
}

// answer is an HTTP answer with its body read.
type answer struct {
	status int
	header http.Header
	body   string
}

// request makes one HTTP request; lines of header are "Name: value".
func request(t testing.TB, method, addr, target, body string, header ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+addr+target, strings.NewReader(body))
	require.NoError(t, err)
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(b)}
}

const polls = "/engine.io/?EIO=4&transport=polling"

// shake makes a handshake by polling, and returns the target of the session.
func shake(t testing.TB, addr string, query ...string) (target, sid string) {
	t.Helper()
	a := request(t, "GET", addr, polls+strings.Join(query, ""), "")
	require.Equal(t, 200, a.status, a.body)
	_, rest, ok := strings.Cut(a.body, `0{"sid":"`)
	require.True(t, ok, a.body)
	sid, _, _ = strings.Cut(rest, `"`)
	return polls + "&sid=" + url.QueryEscape(sid), sid
}

// wsClient is a WebSocket of gobwas: an implementation that is not ours.
type wsClient struct {
	t    testing.TB
	conn net.Conn
	r    io.Reader
	mu   sync.Mutex // writes
}

func dialWS(t testing.TB, addr, target string, header ...string) (*wsClient, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h := http.Header{}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	conn, br, _, err := ws.Dialer{Header: ws.HandshakeHeaderHTTP(h)}.Dial(ctx, "ws://"+addr+target)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := &wsClient{t: t, conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	return c, nil
}

// openWS connects by WebSocket and takes the open packet.
func openWS(t testing.TB, addr string) *wsClient {
	t.Helper()
	c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(c.next(), "0{"))
	return c
}

// next returns the next message, "closed" and the code at the end. Binary ones are shown in hex.
func (c *wsClient) next() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	b, op, err := wsutil.ReadServerData(struct {
		io.Reader
		io.Writer
	}{c.r, c.conn})
	var closed wsutil.ClosedError
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("closed %d", closed.Code)
	case err != nil:
		return err.Error()
	case op == ws.OpBinary:
		return fmt.Sprintf("binary %x", b)
	}
	return string(b)
}

func (c *wsClient) send(packets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range packets {
		_ = wsutil.WriteClientText(c.conn, []byte(p)) // a closed connection shows when reading
	}
}

// want reads one message and compares it.
func (c *wsClient) want(want string) {
	c.t.Helper()
	if got := c.next(); got != want {
		c.t.Errorf("got %q, want %q", got, want)
	}
}

func refusal(code int) string { return string(refusalBody(code, codeText[code])) }

// TestHandshakeByPolling: the open packet with the reference's keys in the reference's order.
func TestHandshakeByPolling(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	a := request(t, "GET", addr, polls, "")
	_, rest, _ := strings.Cut(a.body, `0{"sid":"`)
	sid, rest, _ := strings.Cut(rest, `"`)
	if len(sid) != 20 || rest != `,"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}` {
		t.Errorf("body %q", a.body)
	}
	for name, want := range map[string]string{"Content-Type": "text/plain; charset=UTF-8", "Cache-Control": "no-store", "Set-Cookie": "", "Access-Control-Allow-Origin": "", "X-Xss-Protection": ""} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, agent := range []string{"Mozilla/4.0 (compatible;MSIE 8.0; Windows NT 6.0)", "Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0)"} {
		if got := request(t, "GET", addr, polls, "", "User-Agent: "+agent).header.Get("X-Xss-Protection"); got != "0" {
			t.Errorf("X-XSS-Protection %q for %s", got, agent)
		}
	}
}

// TestRefusedRequests: status, code and message of each (reference: Server.verify).
func TestRefusedRequests(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	target, _ := shake(t, addr)
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name, method, target string
		status               int
		body                 string
	}{
		{"no transport", "GET", "/engine.io/?EIO=4", 400, refusal(0)},
		{"an unknown transport", "GET", "/engine.io/?EIO=4&transport=tobi", 400, refusal(0)},
		{"an empty transport", "GET", "/engine.io/?EIO=4&transport=", 400, refusal(0)},
		{"transport constructor", "GET", "/engine.io/?EIO=4&transport=constructor", 400, refusal(0)},
		{"transport __proto__", "GET", "/engine.io/?EIO=4&transport=__proto__", 400, refusal(0)},
		{"a long transport", "GET", "/engine.io/?EIO=4&transport=" + long, 400, refusal(0)},
		{"webtransport over HTTP", "GET", "/engine.io/?EIO=4&transport=webtransport", 400, refusal(0)},
		{"an unknown sid", "GET", polls + "&sid=tobi", 400, refusal(1)},
		{"sid __proto__", "GET", polls + "&sid=__proto__", 400, refusal(1)},
		{"sid constructor", "GET", polls + "&sid=constructor", 400, refusal(1)},
		{"a sid of the right form", "GET", polls + "&sid=AAAAAAAAAAAAAAAAAAAA", 400, refusal(1)},
		{"a long sid", "GET", polls + "&sid=" + long, 400, refusal(1)},
		{"handshake by POST", "POST", polls, 400, refusal(2)},
		{"handshake by PUT", "PUT", polls, 400, refusal(2)},
		{"handshake by OPTIONS without CORS", "OPTIONS", polls, 400, refusal(2)},
		{"websocket without an upgrade", "GET", "/engine.io/?EIO=4&transport=websocket", 400, refusal(3)},
		{"EIO 3", "GET", "/engine.io/?EIO=3&transport=polling", 400, refusal(5)},
		{"no EIO", "GET", "/engine.io/?transport=polling", 400, refusal(5)},
		{"EIO 5", "GET", "/engine.io/?EIO=5&transport=polling", 400, refusal(5)},
		{"a session of another revision", "GET", strings.Replace(target, "EIO=4", "EIO=3", 1), 400, refusal(3)},
		{"a session on another transport", "GET", strings.Replace(target, "polling", "websocket", 1), 400, refusal(3)},
		{"PUT to a session", "PUT", target, 500, ""},
		{"another path", "GET", "/other", 404, ""},
		{"the path without its slash", "GET", "/engine.io?EIO=4&transport=polling", 404, ""},
	}
	for _, tt := range tests {
		a := request(t, tt.method, addr, tt.target, "")
		if a.status != tt.status || a.body != tt.body {
			t.Errorf("%s: %d %q, want %d %q", tt.name, a.status, a.body, tt.status, tt.body)
		}
		if strings.HasPrefix(tt.body, "{") && a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: Content-Type %q", tt.name, a.header.Get("Content-Type"))
		}
	}
	if a := request(t, "POST", addr, target, "4still"); a.body != "ok" {
		t.Errorf("the session did not survive: %d %q", a.status, a.body)
	}
}

// TestRefusedUpgrades: as text behind a 400 that closes, or as a WebSocket that closes at once.
func TestRefusedUpgrades(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	for target, want := range map[string]string{
		"/engine.io/?EIO=4&transport=tobi":              "Transport unknown",
		"/engine.io/?EIO=4&transport=websocket&sid=no":  "Session ID unknown",
		"/engine.io/?EIO=3&transport=websocket":         "Unsupported protocol version",
		"/engine.io/?EIO=4&transport=__proto__":         "Transport unknown",
		"/engine.io/?EIO=4&transport=websocket&sid=%00": "Session ID unknown",
	} {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", target)
		require.NoError(t, err)
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err, target)
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err, target)
		if res.StatusCode != 400 || string(b) != want || !res.Close || res.Header.Get("Content-Type") != "text/html" {
			t.Errorf("%s: %d %q, close %v, %v", target, res.StatusCode, b, res.Close, res.Header)
		}
		_ = conn.Close()
	}
	for _, target := range []string{polls} {
		c, err := dialWS(t, addr, target)
		require.NoError(t, err)
		c.want("closed 1005")
	}
}

func TestMessagesByPolling(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{}, h)
	target, _ := shake(t, addr)
	for _, tt := range [][2]string{
		{"4hello", "4hello"},
		{"4a\x1e4b\x1ebAQI=", "4a\x1e4b\x1ebAQI="},
		{"4中文 é 😀", "4中文 é 😀"},
	} {
		if a := request(t, "POST", addr, target, tt[0]); a.status != 200 || a.body != "ok" || a.header.Get("Content-Type") != "text/html" {
			t.Errorf("POST: %d %q %v", a.status, a.body, a.header)
		}
		if a := request(t, "GET", addr, target, ""); a.body != tt[1] {
			t.Errorf("GET: %q, want %q", a.body, tt[1])
		}
	}
	if a := request(t, "POST", addr, target, "1"); a.body != "ok" {
		t.Errorf("close: %q", a.body)
	}
	h.wantEnd(t, "transport close: <nil>")
	if a := request(t, "GET", addr, target, ""); a.body != refusal(1) {
		t.Errorf("after the close: %q", a.body)
	}
}

func TestMessagesByWebSocket(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{}, h)
	c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	if open := c.next(); !strings.HasSuffix(open, `,"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
		t.Errorf("open packet %q", open)
	}
	c.send("4hello", "bAQI=")
	require.NoError(t, wsutil.WriteClientBinary(c.conn, []byte{1, 2, 3}))
	c.want("4hello")
	c.want("binary 0102")
	c.want("binary 010203")
	c.send("1")
	c.want("closed 1005")
	h.wantEnd(t, "transport close: <nil>")
}

func TestUpgrade(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{}, h)
	target, sid := shake(t, addr)
	for _, text := range []string{"one", "two"} {
		require.Equal(t, "ok", request(t, "POST", addr, target, "4"+text).body)
	}
	c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&sid="+sid)
	require.NoError(t, err)
	c.send("2probe")
	c.want("3probe")
	c.send("5", "4three")
	c.want("4one") // what was buffered goes first
	c.want("4two")
	c.want("4three")
	if a := request(t, "GET", addr, target, ""); a.status != 400 || a.body != refusal(3) {
		t.Errorf("a poll after the upgrade: %d %q", a.status, a.body)
	}
	again, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&sid="+sid)
	require.NoError(t, err)
	again.want("closed 1005")
	c.send("4alive")
	c.want("4alive")
}

// TestSizeLimits: at the limit a message passes; one byte more is a 413 and the session goes on, or 1009.
func TestSizeLimits(t *testing.T) {
	const limit = 2000
	h := newEcho()
	_, addr := start(t, Config{MaxHTTPBufferSize: limit}, h)
	target, _ := shake(t, addr)
	full := "4" + strings.Repeat("x", limit-1)
	if a := request(t, "POST", addr, target, full); a.body != "ok" {
		t.Errorf("at the limit: %d %q", a.status, a.body)
	}
	if a := request(t, "GET", addr, target, ""); a.body != full {
		t.Errorf("%d bytes came back", len(a.body))
	}
	if a := request(t, "POST", addr, target, full+"x"); a.status != 413 || a.body != "" {
		t.Errorf("above the limit: %d %q", a.status, a.body)
	}
	if a := request(t, "POST", addr, target, "4on"); a.body != "ok" {
		t.Errorf("after it: %d %q", a.status, a.body)
	}
	c := openWS(t, addr)
	c.send(full)
	c.want(full)
	c.send(full + "x")
	c.want("closed 1009")
	select {
	case got := <-h.ends:
		if !strings.HasPrefix(got, "transport error: ") {
			t.Errorf("ended with %q", got)
		}
	case <-time.After(patience):
		t.Error("the session did not end")
	}
}

// TestAllowRequest: who is refused is told why, on both transports, and OnConnectionError hears of it.
func TestAllowRequest(t *testing.T) {
	var mu sync.Mutex
	var told []string
	_, addr := start(t, Config{
		AllowRequest: func(r *http.Request) error {
			switch r.URL.Query().Get("who") {
			case "panic":
				panic("hook")
			case "stranger":
				return errors.New("go away")
			case "plain":
				return ErrForbidden
			}
			return nil
		},
		OnConnectionError: func(e *ConnectionError) {
			mu.Lock()
			defer mu.Unlock()
			told = append(told, fmt.Sprintf("%d %s %s", e.Code, e.Message, e.Address))
		},
	}, newEcho())
	for who, want := range map[string]string{
		"friend": "", "stranger": string(refusalBody(4, "go away")), "plain": refusal(4), "panic": refusal(4),
	} {
		a := request(t, "GET", addr, polls+"&who="+who, "")
		if want == "" && a.status != 200 || want != "" && (a.status != 403 || a.body != want) {
			t.Errorf("%s: %d %q, want %q", who, a.status, a.body, want)
		}
	}
	_, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&who=stranger")
	var status ws.StatusError
	if !errors.As(err, &status) || int(status) != 400 {
		t.Errorf("WebSocket of a stranger: %v", err)
	}
	if _, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&who=friend"); err != nil {
		t.Errorf("WebSocket of a friend: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(told) != 4 || !strings.Contains(strings.Join(told, "|"), "4 go away 127.0.0.1") {
		t.Errorf("OnConnectionError: %q", told)
	}
}

func TestGenerateID(t *testing.T) {
	_, addr := start(t, Config{GenerateID: func(r *http.Request) (string, error) {
		if id := r.URL.Query().Get("id"); id != "" {
			return id, nil
		}
		return "", errors.New("no id")
	}}, newEcho())
	_, sid := shake(t, addr, "&id=cust%22om")
	if sid != `cust\` { // the JSON of the id is escaped
		t.Errorf("sid %q", sid)
	}
	target := polls + "&sid=cust%22om"
	if a := request(t, "POST", addr, target, "4x"); a.body != "ok" {
		t.Errorf("a request for the id: %d %q", a.status, a.body)
	}
	if a := request(t, "GET", addr, polls+"&id=cust%22om", ""); a.body != refusal(3) {
		t.Errorf("the id a second time: %d %q", a.status, a.body)
	}
	if a := request(t, "GET", addr, polls, ""); a.body != refusal(3) {
		t.Errorf("an error of the hook: %d %q", a.status, a.body)
	}
}

func TestHeadersHooks(t *testing.T) {
	_, addr := start(t, Config{
		InitialHeaders: func(h http.Header, r *http.Request) { h.Set("X-First", r.URL.Query().Get("n")) },
		Headers:        func(h http.Header, _ *http.Request) { h.Set("X-Each", "e\r\nX-Evil: 1"); h.Add("X-Each", "fine") },
	}, newEcho())
	a := request(t, "GET", addr, polls+"&n=7", "")
	if a.header.Get("X-First") != "7" || a.header.Get("X-Each") != "fine" || a.header.Get("X-Evil") != "" {
		t.Errorf("first answer: %v", a.header)
	}
	target, _ := shake(t, addr)
	a = request(t, "POST", addr, target, "4x")
	if a.header.Get("X-First") != "" || a.header.Get("X-Each") != "fine" {
		t.Errorf("POST: %v", a.header)
	}
	a = request(t, "GET", addr, target, "")
	if a.header.Get("X-First") != "" || a.header.Get("X-Each") != "fine" {
		t.Errorf("GET: %v", a.header)
	}
	var got http.Header
	d := ws.Dialer{OnHeader: func(k, v []byte) error {
		got.Add(string(k), string(v))
		return nil
	}}
	got = http.Header{}
	conn, _, _, err := d.Dial(t.Context(), "ws://"+addr+"/engine.io/?EIO=4&transport=websocket&n=8")
	require.NoError(t, err)
	_ = conn.Close()
	if got.Get("X-First") != "8" || got.Get("X-Each") != "fine" {
		t.Errorf("101: %v", got)
	}
}

// TestCookie: in the reference's words, on the handshake by polling only.
func TestCookie(t *testing.T) {
	tests := []struct {
		cookie Cookie
		want   string
	}{
		{Cookie{}, "io=%s; Path=/; HttpOnly; SameSite=Lax"},
		{Cookie{Name: "woot"}, "woot=%s; Path=/; HttpOnly; SameSite=Lax"},
		{Cookie{Path: "/custom"}, "io=%s; Path=/custom; HttpOnly; SameSite=Lax"},
		{Cookie{NoPath: true}, "io=%s; HttpOnly; SameSite=Lax"},
		{Cookie{HTTPOnly: Off}, "io=%s; Path=/; SameSite=Lax"},
		{Cookie{SameSite: http.SameSiteStrictMode}, "io=%s; Path=/; HttpOnly; SameSite=Strict"},
		{Cookie{SameSite: http.SameSiteNoneMode, Secure: On, Partitioned: On, Domain: "a.example", MaxAge: time.Minute},
			"io=%s; Max-Age=60; Domain=a.example; Path=/; HttpOnly; Secure; Partitioned; SameSite=None"},
	}
	for _, tt := range tests {
		_, addr := start(t, Config{Cookie: &tt.cookie}, newEcho())
		a := request(t, "GET", addr, polls, "")
		_, rest, _ := strings.Cut(a.body, `"sid":"`)
		sid, _, _ := strings.Cut(rest, `"`)
		if got, want := a.header.Get("Set-Cookie"), fmt.Sprintf(tt.want, sid); got != want {
			t.Errorf("%+v: %q, want %q", tt.cookie, got, want)
		}
		if got := request(t, "POST", addr, polls+"&sid="+sid, "4x").header.Get("Set-Cookie"); got != "" {
			t.Errorf("a later answer sets %q", got)
		}
	}
}

func TestInitialPacket(t *testing.T) {
	_, addr := start(t, Config{InitialPacket: "faster!"}, newEcho())
	if a := request(t, "GET", addr, polls, ""); !strings.HasSuffix(a.body, "}\x1e4faster!") {
		t.Errorf("body %q", a.body)
	}
	openWS(t, addr).want("4faster!")
}

func TestCORS(t *testing.T) {
	const app, evil = "https://app.example", "https://evil.example"
	tests := []struct {
		name, origin string
		cors         CORS
		allow, vary  string
		credentials  string
	}{
		{"any", evil, CORS{}, "*", "", ""},
		{"one for all", evil, CORS{Origin: app, Credentials: true}, app, "Origin", "true"},
		{"of a list", app, CORS{Origins: []string{app}, Credentials: true}, app, "Origin", "true"},
		{"not of the list", evil, CORS{Origins: []string{app}, Credentials: true}, "", "Origin", "true"},
		{"by function", app, CORS{AllowOrigin: func(o string) bool { return o == app }}, app, "Origin", ""},
		{"not by function", evil, CORS{AllowOrigin: func(o string) bool { return o == app }}, "", "Origin", ""},
	}
	for _, tt := range tests {
		_, addr := start(t, Config{CORS: &tt.cors}, newEcho())
		for _, target := range []string{polls, "/engine.io/?EIO=4&transport=no"} {
			h := request(t, "GET", addr, target, "", "Origin: "+tt.origin).header
			if h.Get("Access-Control-Allow-Origin") != tt.allow || h.Get("Vary") != tt.vary || h.Get("Access-Control-Allow-Credentials") != tt.credentials {
				t.Errorf("%s: %v", tt.name, h)
			}
		}
		a := request(t, "OPTIONS", addr, polls, "", "Origin: "+tt.origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-token")
		if a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != tt.allow ||
			a.header.Get("Access-Control-Allow-Methods") != "GET,HEAD,PUT,PATCH,POST,DELETE" || a.header.Get("Access-Control-Allow-Headers") != "x-token" {
			t.Errorf("%s: preflight %d %v", tt.name, a.status, a.header)
		}
	}
}

// TestOriginsAreKeptOut: AllowedOrigins counts for every transport, where CORS keeps nobody out.
func TestOriginsAreKeptOut(t *testing.T) {
	_, addr := start(t, Config{AllowedOrigins: []string{"https://app.example"}}, newEcho())
	for origin, in := range map[string]bool{
		"https://app.example": true, "https://APP.example:443": true, "": true,
		"http://app.example": false, "https://app.example:444": false, "https://evil.example": false,
		"https://app.example.evil.example": false, "null": false, "app.example": false, "https://app.example/": false,
	} {
		var header []string
		if origin != "" {
			header = []string{"Origin: " + origin}
		}
		if a := request(t, "GET", addr, polls, "", header...); (a.status == 200) != in || !in && (a.status != 403 || a.body != refusal(4)) {
			t.Errorf("%q by polling: %d %q", origin, a.status, a.body)
		}
		if _, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket", header...); (err == nil) != in {
			t.Errorf("%q by WebSocket: %v", origin, err)
		}
		target, sid := shake(t, addr)
		if a := request(t, "POST", addr, target, "4x", header...); (a.status == 200) != in {
			t.Errorf("%q to a session: %d", origin, a.status)
		}
		if _, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&sid="+sid, header...); (err == nil) != in {
			t.Errorf("%q by upgrade: %v", origin, err)
		}
	}
}

// TestHandshakeKeepsTheRequest: url, query, headers, address, time.
func TestHandshakeKeepsTheRequest(t *testing.T) {
	for _, drop := range []bool{false, true} {
		h := newEcho()
		got := make(chan Handshake, 2)
		h.open = func(s *Session) { got <- s.Handshake() }
		_, addr := start(t, Config{DropHandshakeHeaders: drop}, h)
		before := time.Now().Truncate(time.Millisecond)
		request(t, "GET", addr, polls+"&token=a%20b&token=c", "", "X-Token: secret", "Origin: https://app.example")
		hs := <-got
		if hs.URL() != polls+"&token=a%20b&token=c" || strings.Join(hs.Query()["token"], "|") != "a b|c" || hs.Query().Get("EIO") != "4" {
			t.Errorf("URL %q, query %v", hs.URL(), hs.Query())
		}
		if want := map[bool]string{false: "secret"}[drop]; hs.Header("x-token") != want || hs.Headers().Get("X-Token") != want {
			t.Errorf("drop %v: header %q, headers %v", drop, hs.Header("x-token"), hs.Headers())
		}
		if hs.Address() != "127.0.0.1" || !hs.XDomain() || hs.Secure() || hs.Issued().Before(before) {
			t.Errorf("%q %v %v %v", hs.Address(), hs.XDomain(), hs.Secure(), hs.Issued())
		}
		c := openWS(t, addr)
		hs = <-got
		if hs.XDomain() || hs.RemoteAddr().String() != c.conn.LocalAddr().String() {
			t.Errorf("WebSocket: %v, %v", hs.XDomain(), hs.RemoteAddr())
		}
	}
}

func TestTransportsAndPaths(t *testing.T) {
	_, addr := start(t, Config{Path: "/live", Transports: []string{"websocket"}}, newEcho())
	if a := request(t, "GET", addr, "/live/?EIO=4&transport=polling", ""); a.body != refusal(0) {
		t.Errorf("polling where there is none: %q", a.body)
	}
	if _, err := dialWS(t, addr, "/live/?EIO=4&transport=websocket"); err != nil {
		t.Errorf("WebSocket: %v", err)
	}
	_, addr = start(t, Config{Transports: []string{"polling"}, AddTrailingSlash: Off}, newEcho())
	for _, path := range []string{"/engine.io?", "/engine.io/?", "/engine.io/more?"} {
		if a := request(t, "GET", addr, path+"EIO=4&transport=polling", ""); !strings.Contains(a.body, `"upgrades":[]`) {
			t.Errorf("%s: %d %q", path, a.status, a.body)
		}
	}
	_, addr = start(t, Config{AllowUpgrades: Off, HTTPHandler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "page "+r.URL.Path)
	})}, newEcho())
	if a := request(t, "GET", addr, polls, ""); !strings.Contains(a.body, `"upgrades":[]`) {
		t.Errorf("no upgrades: %q", a.body)
	}
	if a := request(t, "GET", addr, "/index.html", ""); a.body != "page /index.html" {
		t.Errorf("another path: %q", a.body)
	}
}

// waitForPoll waits until a GET of the session is pending.
func waitForPoll(t *testing.T, s *Session) {
	t.Helper()
	require.Eventually(t, func() bool {
		pending := make(chan bool)
		s.Loop().Post(func(_, _ any) { pending <- s.Writable() }, nil, nil)
		return <-pending
	}, patience, time.Millisecond)
}

// TestShutdown: pending GETs are answered, WebSockets closed, every OnClose told, nobody new let in.
func TestShutdown(t *testing.T) {
	h := newEcho()
	opened := make(chan *Session, 2)
	h.open = func(s *Session) { opened <- s }
	srv, addr := start(t, Config{}, h)
	target, _ := shake(t, addr)
	polled := make(chan string, 1)
	go func() { polled <- request(t, "GET", addr, target, "").body }()
	waitForPoll(t, <-opened)
	c := openWS(t, addr)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	c.want("closed 1005")
	h.wantEnd(t, "forced close: <nil>")
	h.wantEnd(t, "forced close: <nil>")
	if got := <-polled; got != "1" {
		t.Errorf("the pending GET got %q", got)
	}
	if srv.Sessions() != 0 {
		t.Errorf("%d sessions are left", srv.Sessions())
	}
	if _, err := srv.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Listen: %v", err)
	}
}
