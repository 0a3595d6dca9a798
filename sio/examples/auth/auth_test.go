package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/golang-jwt/jwt/v5"

	"github.com/sirocco-io/sirocco/sio"
)

// patience bounds everything that a test waits for: plenty, so that a slow machine fails none.
const patience = 20 * time.Second

// serve starts the example on a free port, until the test ends.
func serve(t *testing.T, grace time.Duration) (tokens *Tokens, addr string, server *sio.Server) {
	t.Helper()
	sessions := &Sessions{Check: func(_, p string) bool { return p == "secret" }}
	tokens = &Tokens{Secret: []byte("of the test"), Grace: grace}
	server, err := newServer(sessions, tokens, "http://page.example")
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return tokens, a.String(), server
}

// client is a WebSocket that speaks Socket.IO.
type client struct {
	t    *testing.T
	conn net.Conn
	r    io.Reader
}

// dial connects; header are names and values in turn.
func dial(t *testing.T, addr string, header ...string) *client {
	t.Helper()
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, br, _, err := ws.Dialer{Header: ws.HandshakeHeaderHTTP(h)}.Dial(ctx, "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	c := &client{t: t, conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	return c
}

func (c *client) send(packet string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte("4"+packet)); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the next Socket.IO packet, or "closed".
func (c *client) next() string {
	c.t.Helper()
	for {
		b, err := wsutil.ReadServerText(struct {
			io.Reader
			io.Writer
		}{c.r, c.conn})
		if err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				c.t.Fatal("nothing came")
			}
			return "closed"
		}
		if packet, ok := strings.CutPrefix(string(b), "4"); ok {
			return packet
		}
	}
}

// expect compares the next packets with the beginnings of those that are wanted.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.next(); !strings.HasPrefix(got, w) {
			c.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func mustIssue(t *testing.T, tokens *Tokens, user string, valid time.Duration) string {
	t.Helper()
	token, err := tokens.Issue(user, valid)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenFromAuthOrHeader(t *testing.T) {
	tokens, addr, _ := serve(t, time.Second)
	token := mustIssue(t, tokens, "ada", time.Hour)
	c := dial(t, addr)
	c.send(`0/api,{"token":"` + token + `"}`)
	c.expect(`0/api,{"sid"`)
	c.send(`2/api,1["whoami"]`)
	c.expect(`3/api,1["ada"]`)
	c = dial(t, addr, "Authorization", "Bearer "+token)
	c.send(`0/api,`)
	c.expect(`0/api,{"sid"`)
}

func TestBadTokensAreRefused(t *testing.T) {
	tokens, addr, _ := serve(t, time.Second)
	other := &Tokens{Secret: []byte("another")}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.RegisteredClaims{Subject: "ada", ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}).
		SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	endless, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: "ada"}).SignedString(tokens.Secret)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, token, code string }{
		{"none", "", "invalid token"},
		{"junk", "a.b.c", "invalid token"},
		{"signed by somebody else", mustIssue(t, other, "ada", time.Hour), "invalid token"},
		{"not signed", none, "invalid token"},
		{"without an end", endless, "invalid token"},
		{"without a user", mustIssue(t, tokens, "", time.Hour), "invalid token"},
		{"expired", mustIssue(t, tokens, "ada", -time.Hour), "token expired"},
	} {
		c := dial(t, addr)
		c.send(`0/api,{"token":"` + tt.token + `"}`)
		if got, want := c.next(), fmt.Sprintf(`4/api,{"message":"not authorized","data":{"code":%q,"status":401}}`, tt.code); got != want {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}
}

// post posts a form and returns the status, the body and the session's cookie.
func post(t *testing.T, addr, path, cookie string, form url.Values) (status int, body, set string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+addr+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Cookies() {
		set = c.Name + "=" + c.Value
	}
	return res.StatusCode, string(b), set
}

func TestSessionCookieAndLogout(t *testing.T) {
	_, addr, _ := serve(t, time.Second)
	if status, _, _ := post(t, addr, "/login", "", url.Values{"name": {"ada"}, "password": {"wrong"}}); status != 401 {
		t.Errorf("login with a wrong password: %d", status)
	}
	_, _, ada := post(t, addr, "/login", "", url.Values{"name": {"ada"}, "password": {"secret"}})
	_, _, bob := post(t, addr, "/login", "", url.Values{"name": {"bob"}, "password": {"secret"}})
	_, token, _ := post(t, addr, "/token", ada, nil)

	refused := dial(t, addr)
	refused.send("0")
	refused.expect(`4{"message":"not logged in","data":{"status":401}}`)
	forged := dial(t, addr, "Cookie", "session=guess")
	forged.send("0")
	forged.expect(`4{"message":"not logged in"`)

	first, second, api, other := dial(t, addr, "Cookie", ada), dial(t, addr, "Cookie", ada), dial(t, addr), dial(t, addr, "Cookie", bob)
	for c, name := range map[*client]string{first: "ada", second: "ada", other: "bob"} {
		c.send("0")
		c.expect(`0{"sid"`)
		c.send(`21["whoami"]`)
		c.expect(`31["` + name + `"]`)
	}
	api.send(`0/api,{"token":"` + token + `"}`)
	api.expect(`0/api,{"sid"`)

	if status, _, _ := post(t, addr, "/logout", ada, nil); status != 204 {
		t.Errorf("logout: %d", status)
	}
	first.expect("1", "closed")
	second.expect("1", "closed")
	api.expect("1/api,", "closed")
	other.send(`22["whoami"]`)
	other.expect(`32["bob"]`)
	again := dial(t, addr, "Cookie", ada)
	again.send("0")
	again.expect(`4{"message":"not logged in"`)
	if status, _, _ := post(t, addr, "/token", ada, nil); status != 401 {
		t.Errorf("token after the logout: %d", status)
	}
}

func TestOtherPagesMayNotUseTheCookie(t *testing.T) {
	_, addr, _ := serve(t, time.Second)
	h := http.Header{"Origin": {"http://evil.example"}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, _, _, err := (ws.Dialer{Header: ws.HandshakeHeaderHTTP(h)}).Dial(ctx, "ws://"+addr+"/socket.io/?EIO=4&transport=websocket"); err == nil {
		t.Error("a page of another origin connected")
	}
	dial(t, addr, "Origin", "http://page.example")
}

// TestReauthentication lets tokens expire on live sockets.
func TestReauthentication(t *testing.T) {
	for _, tt := range []struct {
		name   string
		grace  time.Duration
		answer func(tokens *Tokens) string // the client's acknowledgement, "" for none
		stays  bool
	}{
		{"a new token", patience, func(x *Tokens) string { return `["` + mustIssue(t, x, "ada", time.Hour) + `"]` }, true},
		{"a token of somebody else", patience, func(x *Tokens) string { return `["` + mustIssue(t, x, "bob", time.Hour) + `"]` }, false},
		{"an expired token", patience, func(x *Tokens) string { return `["` + mustIssue(t, x, "ada", -time.Hour) + `"]` }, false},
		{"no token", patience, func(*Tokens) string { return `[]` }, false},
		{"no answer", 50 * time.Millisecond, func(*Tokens) string { return "" }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // each waits for its token to expire
			tokens, addr, server := serve(t, tt.grace)
			c := dial(t, addr)
			for accepted := false; !accepted; { // a slow machine may need a token more
				c.send(`0/api,{"token":"` + mustIssue(t, tokens, "ada", 2*time.Second) + `"}`)
				accepted = strings.HasPrefix(c.next(), "0")
			}
			c.expect(`2/api,0["token expired"]`)
			if a := tt.answer(tokens); a != "" {
				c.send("3/api,0" + a)
			}
			if !tt.stays {
				c.expect("1/api,", "closed")
				return
			}
			c.send(`2/api,7["whoami"]`)
			c.expect(`3/api,7["ada"]`)
			if n := len(server.Of("/api").Sockets()); n != 1 {
				t.Errorf("%d sockets", n)
			}
		})
	}
}
