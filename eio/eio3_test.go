package eio

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/poller"
)

// Sessions of Engine.IO 3, over sockets.

const (
	polls3 = "/engine.io/?EIO=3&transport=polling"
	ws3    = "/engine.io/?EIO=3&transport=websocket"
	octets = "Content-Type: application/octet-stream"
)

// shake3 makes a handshake by polling, and returns the target of the session.
func shake3(t testing.TB, addr string, query ...string) (target, sid string) {
	t.Helper()
	a := request(t, "GET", addr, polls3+strings.Join(query, ""), "")
	require.Equal(t, 200, a.status, a.body)
	_, rest, ok := strings.Cut(strings.ReplaceAll(a.body, `\"`, `"`), `0{"sid":"`)
	require.True(t, ok, a.body)
	sid, _, _ = strings.Cut(rest, `"`)
	return polls3 + "&sid=" + sid, sid
}

// open3 connects by WebSocket and takes the open packet.
func open3(t testing.TB, addr, query string) *wsClient {
	t.Helper()
	c, err := dialWS(t, addr, ws3+query)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(c.next(), "0{"))
	return c
}

// sendBinary sends one binary message.
func (c *wsClient) sendBinary(octets string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = wsutil.WriteClientMessage(c.conn, ws.OpBinary, []byte(octets))
}

// post sends a payload and wants it to be taken; poll fetches one.
func post(t testing.TB, addr, target, body string, header ...string) {
	t.Helper()
	if a := request(t, "POST", addr, target, body, header...); a.status != 200 || a.body != "ok" || a.header.Get("Content-Type") != "text/html" {
		t.Errorf("POST: %d %q", a.status, a.body)
	}
}

func poll(t testing.TB, addr, target, want string) {
	t.Helper()
	if a := request(t, "GET", addr, target, ""); a.body != want || a.status != 200 {
		t.Errorf("GET: %d %q, want %q", a.status, a.body, want)
	}
}

func TestHandshake3(t *testing.T) {
	_, addr := start(t, Config{AllowEIO3: true, InitialPacket: "é"}, newEcho())
	a := request(t, "GET", addr, polls3, "")
	digits, rest, _ := strings.Cut(a.body, ":")
	n, err := strconv.Atoi(digits)
	require.NoError(t, err)
	if !strings.HasPrefix(rest, `0{"sid":"`) || !strings.HasSuffix(rest[:n], `"upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) || rest[n:] != "2:4é" {
		t.Errorf("body %q", a.body)
	}
	if got := a.header.Get("Content-Type"); got != "text/plain; charset=UTF-8" {
		t.Errorf("Content-Type %q", got)
	}
	c := open3(t, addr, "")
	c.want("4é")
	// What names no revision, or an unknown one, speaks 3.
	for _, query := range []string{"transport=polling", "EIO=&transport=polling", "EIO=5&transport=polling"} {
		if a := request(t, "GET", addr, "/engine.io/?"+query, ""); a.status != 200 || !strings.Contains(a.body, `:0{"sid"`) {
			t.Errorf("%s: %d %q", query, a.status, a.body)
		}
	}
}

func TestRefused3(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	if a := request(t, "GET", addr, polls3, ""); a.status != 400 || a.body != refusal(codeUnsupportedProtocol) {
		t.Errorf("without AllowEIO3: %d %q", a.status, a.body)
	}
	_, err := dialWS(t, addr, ws3)
	var status ws.StatusError
	if !errors.As(err, &status) || status != 400 {
		t.Errorf("WebSocket without AllowEIO3: %v", err)
	}
}

// TestProtocolMismatch: a session keeps the revision that it began with.
func TestProtocolMismatch(t *testing.T) {
	_, addr := start(t, Config{AllowEIO3: true}, newEcho())
	old, oldSID := shake3(t, addr)
	current, sid := shake(t, addr)
	for _, target := range []string{strings.Replace(old, "EIO=3", "EIO=4", 1), strings.Replace(current, "EIO=4", "EIO=3", 1), strings.Replace(current, "EIO=4&", "", 1)} {
		for _, method := range []string{"GET", "POST"} {
			if a := request(t, method, addr, target, "1:2"); a.status != 400 || a.body != refusal(codeBadRequest) {
				t.Errorf("%s %s: %d %q", method, target, a.status, a.body)
			}
		}
	}
	for _, target := range []string{"/engine.io/?EIO=4&transport=websocket&sid=" + oldSID, ws3 + "&sid=" + sid} {
		if _, err := dialWS(t, addr, target); err == nil {
			t.Errorf("%s was let in", target)
		}
	}
	post(t, addr, old, "2:4a")
	poll(t, addr, old, "2:4a")
	post(t, addr, current, "4a")
	poll(t, addr, current, "4a")
}

func TestPolling3(t *testing.T) {
	_, addr := start(t, Config{AllowEIO3: true}, newEcho())
	target, _ := shake3(t, addr)
	post(t, addr, target, "3:4🌬2:4é1:2")
	poll(t, addr, target, "3:4🌬2:4é1:3")
	post(t, addr, target, "0:2:4x")
	poll(t, addr, target, "2:4x")
	// Binary in base64 comes back as octets, together with text.
	post(t, addr, target, "6:b4/wA=2:4é")
	a := request(t, "GET", addr, target, "")
	if a.body != "\x01\x03\xff\x04\xff\x00"+"\x00\x03\xff4é" || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%q %v", a.body, a.header)
	}
	post(t, addr, target, "\x01\x03\xff\x04\x01\x02"+"\x00\x03\xff4é", octets)
	poll(t, addr, target, "\x01\x03\xff\x04\x01\x02"+"\x00\x03\xff4é")
	post(t, addr, target, "", octets)
	// One that can't take octets.
	target, _ = shake3(t, addr, "&b64=1")
	post(t, addr, target, "\x01\x03\xff\x04\x01\x02", octets)
	poll(t, addr, target, "6:b4AQI=")
}

func TestWebSocket3(t *testing.T) {
	_, addr := start(t, Config{AllowEIO3: true}, newEcho())
	c := open3(t, addr, "")
	c.send("4hello", "2")
	c.want("4hello")
	c.want("3")
	c.sendBinary("\x04\x01\x02")
	c.want("binary 040102")
	c.sendBinary("\x02")
	c.want("3")
	c.sendBinary("\x09x") // unknown, ignored
	c.sendBinary("")
	c.send("b4AQI=", "b9AQI=", "0", "5", "6") // all but the first are ignored
	c.want("binary 040102")
	c = open3(t, addr, "&b64=1")
	c.sendBinary("\x04\x01\x02")
	c.want("b4AQI=")
	c.send("4text")
	c.want("4text")
}

// TestUpgrade3: what was buffered for polling is written as a WebSocket has it.
func TestUpgrade3(t *testing.T) {
	for _, tt := range []struct{ query, binary string }{{"", "binary 04ff"}, {"&b64=1", "b4/w=="}} {
		h := newEcho()
		_, addr := start(t, Config{AllowEIO3: true}, h)
		target, sid := shake3(t, addr)
		c, err := dialWS(t, addr, ws3+tt.query+"&sid="+sid)
		require.NoError(t, err)
		c.send("2probe")
		c.want("3probe")
		poll(t, addr, target, "1:6")
		post(t, addr, target, "2:4a6:b4/w==")
		c.send("5", "4b", "2")
		c.want("4a")
		c.want(tt.binary)
		c.want("4b")
		c.want("3")
		c.send("1")
		h.wantEnd(t, "transport close: <nil>")
	}
}

func TestJSONP(t *testing.T) {
	_, addr := start(t, Config{AllowEIO3: true}, newEcho())
	a := request(t, "GET", addr, polls3+"&j=0", "")
	if !strings.HasPrefix(a.body, `___eio[0]("`) || !strings.HasSuffix(a.body, `}");`) || a.header.Get("Content-Type") != "text/plain; charset=UTF-8" {
		t.Errorf("%q %v", a.body, a.header)
	}
	target, _ := shake3(t, addr, "&j=1x2")
	form := "Content-Type: application/x-www-form-urlencoded"
	post(t, addr, target+"&j=1x2", "d=4%3A4a%5Cnb", form)
	poll(t, addr, target+"&j=1x2", `___eio[12]("4:4a\nb");`)
	post(t, addr, target, "d=6%3Ab4%2FwA%3D&other=1", form)
	poll(t, addr, target, `___eio[12]("6:b4/wA=");`)
	// A form without the field, with it twice, and octets are taken and ignored.
	post(t, addr, target, "x=1", form)
	post(t, addr, target, "d=2:4x&d=2:4y", form)
	post(t, addr, target, "\x00\x02\xff4x", octets)
	post(t, addr, target, "d=2:4\u2028", form)
	poll(t, addr, target, `___eio[12]("2:4\u2028");`)
	// Revision 4 has it too, in the reference.
	target, _ = shakeScript(t, addr)
	post(t, addr, target, "d=4hello%1e4x", form)
	poll(t, addr, target, `___eio[3]("4hello\u001e4x");`)
}

// shakeScript makes a handshake of revision 4 by JSONP.
func shakeScript(t testing.TB, addr string) (target, sid string) {
	t.Helper()
	a := request(t, "GET", addr, polls+"&j=3", "")
	_, rest, ok := strings.Cut(a.body, `___eio[3]("0{\"sid\":\"`)
	require.True(t, ok, a.body)
	sid, _, _ = strings.Cut(rest, `\"`)
	return polls + "&sid=" + sid, sid
}

// TestHeartbeat3: the client pings; silence for both times together ends it,
// on each transport, also after an upgrade.
func TestHeartbeat3(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{AllowEIO3: true, PingInterval: 150 * time.Millisecond, PingTimeout: 150 * time.Millisecond}, h)
	began := time.Now()
	c := open3(t, addr, "")
	h.wantEnd(t, "ping timeout: <nil>")
	if d := time.Since(began); d < 250*time.Millisecond {
		t.Errorf("after %v", d)
	}
	if got := c.next(); !ended(got) {
		t.Errorf("got %q", got) // and no ping of the server
	}
	_, sid := shake3(t, addr)
	c, err := dialWS(t, addr, ws3+"&sid="+sid)
	require.NoError(t, err)
	c.send("2probe", "5", "2")
	c.want("3probe")
	c.want("3")
	h.wantEnd(t, "ping timeout: <nil>")
	shake3(t, addr)
	h.wantEnd(t, "ping timeout: <nil>")
}

func TestPongOfAClientThatPings(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{AllowEIO3: true}, h)
	open3(t, addr, "").send("3")
	h.wantEnd(t, "transport error: "+ErrHeartbeatDirection.Error())
	target, _ := shake3(t, addr)
	post(t, addr, target, "1:3")
	h.wantEnd(t, "transport error: "+ErrHeartbeatDirection.Error())
}

// TestClosing3: both sides, by polling.
func TestClosing3(t *testing.T) {
	h := newEcho()
	h.message = func(s *Session, b []byte, _ bool) { s.Close() }
	_, addr := start(t, Config{AllowEIO3: true}, h)
	target, _ := shake3(t, addr)
	post(t, addr, target, "2:4x")
	poll(t, addr, target, "1:61:1")
	h.wantEnd(t, "forced close: <nil>")
	target, _ = shake3(t, addr)
	post(t, addr, target, "1:12:4x")
	h.wantEnd(t, "transport close: <nil>")
	for _, garbage := range []string{"", "4hello", "9:4hello", "2:9x", "2:4\xff"} {
		target, _ = shake3(t, addr)
		post(t, addr, target, garbage)
		h.wantEnd(t, "parse error: "+ErrInvalidPacket.Error())
	}
}

func TestHooks3(t *testing.T) {
	n := 0
	srv, addr := start(t, Config{
		AllowEIO3:  true,
		GenerateID: func(*http.Request) (string, error) { n++; return fmt.Sprint("own", n), nil },
		AllowRequest: func(r *http.Request) error {
			if r.URL.Query().Get("no") != "" {
				return errors.New("go away")
			}
			return nil
		},
		Cookie: &Cookie{},
	}, newEcho())
	if _, sid := shake3(t, addr); sid != "own1" || srv.find([]byte(sid)).Protocol() != 3 {
		t.Errorf("sid %q", sid)
	}
	if a := request(t, "GET", addr, polls3, ""); !strings.HasPrefix(a.header.Get("Set-Cookie"), "io=own2") {
		t.Errorf("cookie %q", a.header.Get("Set-Cookie"))
	}
	if a := request(t, "GET", addr, polls3+"&no=1", ""); a.status != 403 || !strings.Contains(a.body, "go away") {
		t.Errorf("%d %q", a.status, a.body)
	}
}

// TestLimits3: at the limit, and one above.
func TestLimits3(t *testing.T) {
	h := newEcho()
	h.message = func(*Session, []byte, bool) {}
	_, addr := start(t, Config{AllowEIO3: true, MaxPayloadPackets: 10, MaxHTTPBufferSize: 1000}, h)
	for _, one := range []string{"2:4x", "0:"} {
		target, _ := shake3(t, addr)
		post(t, addr, target, strings.Repeat(one, 10))
		post(t, addr, target, strings.Repeat(one, 11))
		h.wantEnd(t, "parse error: "+ErrTooManyPackets.Error())
	}
	target, _ := shake3(t, addr)
	post(t, addr, target, "\x00\x09\x09\x05\xff4"+strings.Repeat("x", 994), octets)
	if a := request(t, "POST", addr, target, "\x00\x09\x09\x06\xff4"+strings.Repeat("x", 995), octets); a.status != 413 {
		t.Errorf("above the limit: %d", a.status)
	}
	post(t, addr, target, "2:4x") // it goes on
	target, _ = shake3(t, addr, "&j=0")
	post(t, addr, target, "d=994:4"+strings.Repeat("x", 993))
	if a := request(t, "POST", addr, target, "d=995:4"+strings.Repeat("x", 994)); a.status != 413 {
		t.Errorf("a form above the limit: %d", a.status)
	}
}

// TestFaultyKernel3 is TestFaultyKernel for revision 3.
func TestFaultyKernel3(t *testing.T) {
	for name, faults := range faultfd.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, addr := start(t, Config{AllowEIO3: true, Poller: poller.Config{IO: faultfd.New(3, faults), Loops: 2}}, newEcho())
			target, sid := shake3(t, addr)
			big := "4" + strings.Repeat("0123456789", 300)
			for i := range 5 {
				p := fmt.Sprintf("2:4%d3001:%s", i, big)
				post(t, addr, target, p)
				poll(t, addr, target, p)
				p = fmt.Sprintf("\x00\x02\xff4%d\x01\x03\x00\x00\x01\xff\x04%s", i, big[1:])
				post(t, addr, target, p, octets)
				poll(t, addr, target, p)
			}
			post(t, addr, target, "6:b4/wA=")
			c, err := dialWS(t, addr, ws3+"&sid="+sid)
			require.NoError(t, err)
			c.send("2probe")
			c.want("3probe")
			c.send("5", "4switched", big)
			c.want("binary 04ff00")
			c.want("4switched")
			c.want(big)
			c.sendBinary("\x04" + big)
			c.want(fmt.Sprintf("binary %x", "\x04"+big))
		})
	}
}
