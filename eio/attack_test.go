package eio

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Attacks on the transports that have a name: those of engine.io, of ws, and of
// their kin. After each the server must serve others as before.

const sockets = "/engine.io/?EIO=4&transport=websocket"

// served checks that a new client is served, by both transports.
func served(t *testing.T, addr string) {
	t.Helper()
	target, _ := shake(t, addr)
	if a := request(t, "POST", addr, target, "4x"); a.body != "ok" {
		t.Errorf("a poll afterwards: %d %q", a.status, a.body)
	}
	c := openWS(t, addr)
	c.send("4x")
	c.want("4x")
	_ = c.conn.Close()
}

// dialTCP opens a connection that ends with the test.
func dialTCP(t testing.TB, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c
}

// answerTo sends text, and reads the first answer.
func answerTo(t testing.TB, addr, text string) answer {
	t.Helper()
	c := dialTCP(t, addr)
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err, text[:min(len(text), 200)])
	if res.StatusCode == http.StatusSwitchingProtocols {
		return answer{res.StatusCode, res.Header, ""}
	}
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(b)}
}

// upgradeLines is a request for a WebSocket, with more header lines.
func upgradeLines(target string, lines ...string) string {
	return "GET " + target + " HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + strings.Join(lines, "") + "\r\n"
}

// frameOf is a masked frame of a WebSocket, with the mask 0.
func frameOf(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// TestCVE_2016_10542: a message has a limit, which also holds for a length that
// is only announced.
func TestCVE_2016_10542(t *testing.T) {
	const limit = 5000
	_, addr := start(t, Config{MaxHTTPBufferSize: limit}, newEcho())
	full := "4" + strings.Repeat("x", limit-1)
	c := openWS(t, addr)
	c.send(full)
	c.want(full)
	c.send(full + "x")
	c.want("closed 1009")
	for _, n := range []uint64{1 << 16, 1 << 20, 1 << 31, 1 << 32, 1 << 40} {
		c := openWS(t, addr)
		_, _ = c.conn.Write(append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, n), 0, 0, 0, 0))
		c.want("closed 1009")
	}
	served(t, addr)
}

// TestCVE_2020_27813: a length with its first bit set is none (gorilla); see
// TestCVE_2026_27889 for what it did to NATS.
func TestCVE_2020_27813(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	for _, n := range []uint64{1 << 63, 1<<64 - 1, 1<<63 + 5} {
		c := openWS(t, addr)
		_, _ = c.conn.Write(append(binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, n), 0, 0, 0, 0))
		if got := c.next(); got != "closed 1002" && got != "closed 1009" {
			t.Errorf("length %x: %q", n, got)
		}
	}
	served(t, addr)
}

// TestCVE_2026_27889: the same in the very first frame, behind the request in
// one segment, before the server knows anybody.
func TestCVE_2026_27889(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	for _, first := range []byte{0x81, 0x82, 0x88, 0x89, 0x80} {
		for _, n := range []uint64{1 << 63, 1<<64 - 1} {
			c := dialTCP(t, addr)
			_, _ = c.Write(append(binary.BigEndian.AppendUint64(append([]byte(upgradeLines(sockets)), first, 0xff), n), 1, 2, 3, 4, 5))
			if _, err := io.ReadAll(c); err != nil && !errors.Is(err, io.EOF) && !isReset(err) {
				t.Errorf("opcode %x: %v", first, err)
			}
		}
	}
	served(t, addr)
}

func isReset(err error) bool { return strings.Contains(err.Error(), "reset") }

// TestCVE_2020_36048: a body has a limit. One that is announced too long is
// refused before it is sent, one that becomes too long when it does.
func TestCVE_2020_36048(t *testing.T) {
	const limit = 5000
	_, addr := start(t, Config{MaxHTTPBufferSize: limit}, newEcho())
	target, _ := shake(t, addr)
	full := "4" + strings.Repeat("x", limit-1)
	if a := request(t, "POST", addr, target, full); a.body != "ok" {
		t.Errorf("at the limit: %d %q", a.status, a.body)
	}
	for name, rest := range map[string]string{
		"announced":    "Content-Length: 5001\r\n\r\n",
		"a hundred MB": "Content-Length: 100000000\r\n\r\n",
		"chunked":      "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("64\r\n"+strings.Repeat("x", 100)+"\r\n", 51),
	} {
		target, _ := shake(t, addr)
		if a := answerTo(t, addr, "POST "+target+" HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\n"+rest); a.status != 413 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	served(t, addr)
}

// TestCVE_2022_21676: what is no frame ends its connection, wherever it comes:
// during the probe, behind the upgrade, on a session of its own, and on a
// socket that was refused. A session that was polling goes on.
func TestCVE_2022_21676(t *testing.T) {
	h := newEcho()
	_, addr := start(t, Config{}, h)
	bad := map[string][]byte{
		"RSV1": frameOf(0xc1, "x"), "RSV2": frameOf(0xa1, "x"), "RSV3": frameOf(0x91, "x"), "opcode 3": frameOf(0x83, "x"), "opcode 11": frameOf(0x8b, "x"),
		"unmasked": {0x81, 1, 'x'}, "lone continuation": frameOf(0x80, "x"), "fragmented ping": frameOf(0x09, "x"), "invalid UTF-8": frameOf(0x81, "\xff"),
		"close code 1005": frameOf(0x88, "\x03\xed"), "close of one byte": frameOf(0x88, "x"),
	}
	for name, frame := range bad {
		c := openWS(t, addr)
		_, _ = c.conn.Write(frame)
		if got := c.next(); !strings.HasPrefix(got, "closed 100") {
			t.Errorf("%s on a session: %q", name, got)
		}
		<-h.ends

		for _, probed := range []bool{false, true} {
			target, sid := shake(t, addr)
			c, err := dialWS(t, addr, sockets+"&sid="+sid)
			require.NoError(t, err)
			if probed {
				c.send("2probe")
				c.want("3probe")
			}
			_, _ = c.conn.Write(frame)
			if got := c.next(); !strings.HasPrefix(got, "closed 100") {
				t.Errorf("%s while upgrading (probed %v): %q", name, probed, got)
			}
			if a := request(t, "POST", addr, target, "4x"); a.body != "ok" {
				t.Errorf("%s while upgrading: the session went with it: %d", name, a.status)
			}
		}

		raw := dialTCP(t, addr) // to a session that is not there, in one segment with the frame
		_, _ = raw.Write(append([]byte(upgradeLines(sockets+"&sid=nobody")), frame...))
		if b, err := io.ReadAll(raw); err != nil && !isReset(err) || err == nil && len(b) == 0 {
			t.Errorf("%s on a refused socket: %q, %v", name, b, err)
		}
	}
	served(t, addr)
}

// TestCVE_2022_41940: a client that resets the connection, at every byte of the
// request for an upgrade and of the probe behind it, is a client that has gone.
func TestCVE_2022_41940(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	target, sid := shake(t, addr)
	text := upgradeLines(sockets+"&sid="+sid) + string(frameOf(0x81, "2probe"))
	for i := range len(text) + 1 {
		c := dialTCP(t, addr)
		_, _ = io.WriteString(c, text[:i])
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
	if a := request(t, "POST", addr, target, "4x"); a.body != "ok" {
		t.Errorf("the session went with them: %d %q", a.status, a.body)
	}
	served(t, addr)
}

// TestCVE_2023_31125: the names of transports are a closed set.
func TestCVE_2023_31125(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	_, sid := shake(t, addr)
	for _, name := range []string{"", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "webtransport", "Polling", "polling%00", "polling,websocket", strings.Repeat("x", 5000)} {
		for _, more := range []string{"", "&sid=" + sid} {
			target := "/engine.io/?EIO=4&transport=" + name + more
			for how, text := range map[string]string{"GET": "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n", "an upgrade": upgradeLines(target)} {
				if a := answerTo(t, addr, text); a.status != 400 || a.body != refusal(0) && a.body != codeText[0] {
					t.Errorf("%.30q by %s: %d %q", name, how, a.status, a.body)
				}
			}
		}
	}
	if a := answerTo(t, addr, "GET /engine.io/?EIO=4&transport="+strings.Repeat("x", 10_000)+" HTTP/1.1\r\nHost: a\r\n\r\n"); a.status != 414 {
		t.Errorf("10 KB: %d", a.status)
	}
	served(t, addr)
}

// TestCVE_2026_59725: a POST with octets is answered, and ends its session: no
// request piles up.
func TestCVE_2026_59725(t *testing.T) {
	srv, addr := start(t, Config{}, newEcho())
	before := srv.Stats().Polling
	for range 50 {
		target, _ := shake(t, addr)
		text := "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n\r\nabc"
		if a := answerTo(t, addr, text); a.status != 400 {
			t.Fatalf("%d %q", a.status, a.body)
		}
	}
	for end := time.Now().Add(patience); srv.Stats().Polling != before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d sessions left", srv.Stats().Polling-before)
		}
	}
	served(t, addr)
}

// TestCVE_2020_28481: without CORS in the configuration no page of another
// origin reads an answer; "*" never comes with credentials.
func TestCVE_2020_28481(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	for _, origin := range []string{"https://evil.example", "null", "*"} {
		for _, target := range []string{polls, polls + "&sid=nobody"} {
			a := request(t, "GET", addr, target, "", "Origin: "+origin)
			for name := range a.header {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("origin %s: %s: %s", origin, name, a.header.Get(name))
				}
			}
		}
	}
	if srv, err := NewServer(Config{CORS: &CORS{Credentials: true}}, newEcho()); err == nil {
		addr, err := srv.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = srv.Close() }()
		a := request(t, "GET", addr.String(), polls, "", "Origin: https://evil.example")
		if a.header.Get("Access-Control-Allow-Origin") == "*" && a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("any origin, with credentials: %v", a.header)
		}
	}
}

// TestCVE_2019_13611: a page of an origin that is not allowed gets in by no
// transport: cross-site WebSocket hijacking.
func TestCVE_2019_13611(t *testing.T) {
	_, addr := start(t, Config{AllowedOrigins: []string{"https://app.example", "http://localhost:8080"}}, newEcho())
	origins := map[string]bool{
		"https://app.example": true, "https://app.example:443": true, "HTTPS://APP.EXAMPLE": true, "http://localhost:8080": true,
		"http://app.example": false, "https://app.example:444": false, "https://app.example:80": false, "https://evil.example": false,
		"https://app.example.evil.example": false, "https://evilapp.example": false, "https://app.example@evil.example": false,
		"https://evil.example/https://app.example": false, "https://evil.example?https://app.example": false, "https://sub.app.example": false,
		"null": false, "app.example": false, "//app.example": false, "file://": false, "http://localhost": false, "https://localhost:8080": false,
		"https://app.example, https://evil.example": false,
	}
	if len(origins) < 20 {
		t.Fatalf("%d origins", len(origins))
	}
	for origin, in := range origins {
		line := "Origin: " + origin + "\r\n"
		target, sid := shake(t, addr)
		for how, text := range map[string]string{
			"polling":      "GET " + polls + " HTTP/1.1\r\nHost: a\r\n" + line + "\r\n",
			"a session":    "POST " + target + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n" + line + "\r\n4x",
			"WebSocket":    upgradeLines(sockets, line),
			"the upgrade":  upgradeLines(sockets+"&sid="+sid, line),
			"two Origins":  upgradeLines(sockets, "Origin: https://evil.example\r\n", line),
			"an empty one": upgradeLines(sockets, "Origin: \r\n", line),
		} {
			a := answerTo(t, addr, text)
			got := a.status == 200 || a.status == 101
			if want := in && how != "two Origins" && how != "an empty one"; got && !want || !got && want {
				t.Errorf("%s by %s: %d %q", origin, how, a.status, a.body)
			}
		}
	}
}

// TestCVE_2024_37890: a request for an upgrade with too many header lines is
// refused with 431, and nothing is missed that stood behind them.
func TestCVE_2024_37890(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	const own = 5 // lines of upgradeLines
	for lines, want := range map[int]int{100 - own: 101, 101 - own: 431, 2000: 431} {
		if a := answerTo(t, addr, upgradeLines(sockets, slices.Repeat([]string{"a: b\r\n"}, lines)...)); a.status != want {
			t.Errorf("%d lines: %d, want %d", lines+own, a.status, want)
		}
	}
	served(t, addr)
}

// TestCVE_2021_32640: what a header of the WebSocket handshake holds costs as
// much time as it has bytes. GHSA-5v72-xg48-5rpm: names of extensions
// that are properties of every object in JavaScript.
func TestCVE_2021_32640(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	spaces := strings.Repeat(" ", 7_000)
	from := time.Now()
	for _, line := range []string{
		"Sec-WebSocket-Protocol: b" + spaces + "x", "Sec-WebSocket-Protocol: " + strings.Repeat(", ", 3_500) + "x", "Sec-WebSocket-Extensions: a" + spaces + "; b",
		"Sec-WebSocket-Extensions: " + strings.Repeat(";a=", 2_300), "Sec-WebSocket-Extensions: " + strings.Repeat("permessage-deflate,", 360) + "x",
		"Sec-WebSocket-Extensions: constructor", "Sec-WebSocket-Extensions: __proto__; toString", "Sec-WebSocket-Extensions: permessage-deflate; constructor=1",
		"X-Forwarded-For: " + strings.Repeat("1.1.1.1 , ", 700), "Cookie: " + strings.Repeat("a=b; ", 1_400), "Accept-Encoding: " + strings.Repeat("a;q= ,", 1_100),
	} {
		a := answerTo(t, addr, upgradeLines(sockets, line+"\r\n"))
		if a.status != 101 && a.status != 400 {
			t.Errorf("%.50s: %d", line, a.status)
		}
		if a.header.Get("Sec-WebSocket-Protocol") != "" || a.header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("%.50s: %v", line, a.header)
		}
	}
	if d := time.Since(from); d > patience {
		t.Errorf("%v for a few requests", d)
	}
	served(t, addr)
}

// TestSessionIDsCannotBeTold: whatever is no session of this server gets one
// and the same answer, and none of it becomes a session.
func TestSessionIDsCannotBeTold(t *testing.T) {
	h := newEcho()
	srv, addr := start(t, Config{}, h)
	target, sid := shake(t, addr)
	require.Equal(t, "ok", request(t, "POST", addr, target, "1").body) // it is over
	h.wantEnd(t, "transport close: <nil>")
	_, foreign := start(t, Config{}, newEcho())
	_, theirs := shake(t, foreign)
	flipped := []byte(sid)
	flipped[3] ^= 1
	sessions := srv.Stats().Polling
	for name, id := range map[string]string{
		"expired": sid, "of another server": theirs, "a bit away": string(flipped), "short": "a", "long": strings.Repeat("a", 4000), "zeros": strings.Repeat("A", 20),
		"client-made": "my-own-session-id-01", "prototype": "__proto__", "escaped": "%00%0d%0a", "not UTF-8": "%ff%fe",
	} {
		for _, text := range []string{
			"GET " + polls + "&sid=" + id + " HTTP/1.1\r\nHost: a\r\n\r\n", "POST " + polls + "&sid=" + id + " HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n4x", upgradeLines(sockets + "&sid=" + id),
		} {
			if a := answerTo(t, addr, text); a.status != 400 || a.body != refusal(1) && a.body != codeText[1] || len(a.header["Set-Cookie"]) > 0 {
				t.Errorf("%s: %d %q %v", name, a.status, a.body, a.header)
			}
		}
	}
	if n := srv.Stats().Polling; n != sessions {
		t.Errorf("%d sessions, %d before", n, sessions)
	}
}

// TestNothingIsReflected: whatever a request holds, in whatever place, the
// answer has the headers that we write and no others.
func TestNothingIsReflected(t *testing.T) {
	cfg := Config{
		Cookie: &Cookie{}, CORS: &CORS{AllowOrigin: func(string) bool { return true }, Credentials: true},
	}
	_, addr := start(t, cfg, newEcho())
	ours := []string{
		"Access-Control-Allow-Credentials", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Cache-Control", "Connection",
		"Content-Length", "Content-Type", "Date", "Keep-Alive", "Sec-Websocket-Accept", "Set-Cookie", "Upgrade", "Vary",
	}
	r := rand.New(rand.NewPCG(1, 2))
	pieces := []string{"\r", "\n", "\r\n", "\x00", "\t", "\x7f", "\xff", " ", "%0d%0a", "%00", "Set-Cookie: evil=1", "X-Evil: 1", "\r\nX-Evil: 1\r\n", "\r\n\r\nHTTP/1.1 200 OK\r\n", "https://app.example", "*", "null", ",", ";", "é", "\"", "<script>"}
	value := func() string {
		var b strings.Builder
		for range 1 + r.IntN(5) {
			b.WriteString(pieces[r.IntN(len(pieces))])
		}
		return b.String()
	}
	for i := range 600 {
		v := value()
		text := []string{
			"GET " + polls + " HTTP/1.1\r\nHost: a\r\nOrigin: " + v + "\r\n\r\n",
			"GET " + polls + " HTTP/1.1\r\nHost: a\r\nCookie: io=" + v + "\r\n\r\n",
			"GET " + polls + "&sid=" + v + " HTTP/1.1\r\nHost: a\r\n\r\n",
			"GET " + polls + "&t=" + v + "&j=" + v + " HTTP/1.1\r\nHost: a\r\n\r\n",
			"OPTIONS " + polls + " HTTP/1.1\r\nHost: a\r\nOrigin: " + v + "\r\nAccess-Control-Request-Method: " + v + "\r\nAccess-Control-Request-Headers: " + v + "\r\n\r\n",
			upgradeLines(sockets, "Origin: "+v+"\r\n", "Sec-WebSocket-Protocol: "+v+"\r\n"),
			upgradeLines(sockets, "Sec-WebSocket-Extensions: "+v+"\r\n"),
		}[i%7]
		c := dialTCP(t, addr)
		_, err := io.WriteString(c, text)
		require.NoError(t, err)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		require.NoError(t, err, "%q", text)
		for name, values := range res.Header {
			token := name == "Sec-Websocket-Protocol" && !strings.ContainsAny(values[0], " \t,;:\"<>") // the first that was offered
			asked := name == "Access-Control-Allow-Origin" || name == "Access-Control-Allow-Headers"
			if !slices.Contains(ours, name) && !token || len(values) != 1 || strings.ContainsAny(values[0], "\r\n\x00") || !asked && strings.Contains(strings.ToLower(values[0]), "evil") {
				t.Fatalf("%q: %s: %q", text, name, values)
			}
		}
		_ = c.Close()
	}
	served(t, addr)
}
