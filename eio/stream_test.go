package eio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
)

func TestStreamPackets(t *testing.T) {
	const most = 70_000
	for _, tt := range []struct{ name, in, want string }{
		{"nothing", "", "more"},
		{"text", "\x064hello", `4hello`},
		{"binary", "\x83\x01\x02\x03", "binary \x01\x02\x03"},
		{"several", "\x012\x0223\x81\xff", "2|23|binary \xff"},
		{"cut off", "\x064hell", "more"},
		{"two bytes of length", "\x7e\x00\x80" + strings.Repeat("x", 128), strings.Repeat("x", 128)},
		{"two bytes of length, binary", "\xfe\x00\x01x", "binary x"},
		{"two bytes of length, cut off", "\x7e\x00", "more"},
		{"eight bytes of length", "\x7f\x00\x00\x00\x00\x00\x00\x00\x01x", "x"},
		{"eight bytes of length, cut off", "\x7f\x00\x00\x00\x00\x00\x00\x00", "more"},
		{"no length", "\x00", "error"},
		{"no length, binary", "\x80", "error"},
		{"no length in two bytes", "\x7e\x00\x00", "error"},
		{"at the limit", "\x7f\x00\x00\x00\x00\x00\x01\x11\x70" + strings.Repeat("x", most), strings.Repeat("x", most)},
		{"above the limit", "\x7f\x00\x00\x00\x00\x00\x01\x11\x71", "error"},
		{"top bit", "\x7f\x80\x00\x00\x00\x00\x00\x00\x01x", "error"},
		{"all bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", "error"},
	} {
		if got := strings.Join(cutAll([]byte(tt.in), most), "|"); got != tt.want {
			t.Errorf("%s: %.100q, want %.100q", tt.name, got, tt.want)
		}
	}
}

// cutAll cuts b into packets; the last word tells what is left.
func cutAll(b []byte, most int64) (words []string) {
	for {
		data, bin, rest, whole, ok := cutStream(b, most)
		switch {
		case !ok:
			return append(words, "error")
		case !whole:
			if len(b) > 0 || len(words) == 0 {
				words = append(words, "more")
			}
			return words
		case bin:
			words = append(words, "binary "+string(data))
		default:
			words = append(words, string(data))
		}
		b = rest
	}
}

// framed frames one packet as the server does.
func framed(data string, bin bool) string {
	f := frame.New()
	f.B = append(f.B, data...)
	if bin {
		f.SealBinary()
	} else {
		f.SealText()
	}
	g := f.As(frame.Stream, inStream)
	defer f.Release()
	return string(g.Wire())
}

func FuzzStreamPackets(f *testing.F) {
	for _, seed := range []string{"\x064hello\x81x", "\x7e\x00\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, bin bool) {
		n := 0
		for _, word := range cutAll(b, math.MaxInt64) {
			n += len(strings.TrimPrefix(word, "binary "))
		}
		if n > len(b)+len("error") {
			t.Fatalf("%d bytes came out of %d", n, len(b))
		}
		if len(b) == 0 {
			return
		}
		data, gotBin, rest, whole, ok := cutStream([]byte(framed(string(b), bin)), int64(len(b)))
		if !ok || !whole || gotBin != bin || len(rest) != 0 || !bytes.Equal(data, b) {
			t.Fatalf("%q came back as %q", b, data)
		}
		if _, _, _, _, ok := cutStream([]byte(framed(string(b), bin)), int64(len(b))-1); ok {
			t.Fatal("above the limit")
		}
	})
}

// streamClient is the client's end of a stream.
type streamClient struct {
	t    testing.TB
	conn net.Conn
	err  chan error // of ServeStream
}

// openStream brings a stream to the server, through TCP in the place of QUIC.
func openStream(t testing.TB, srv *Server, origin string) *streamClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	nc, err := l.Accept()
	require.NoError(t, err)
	r := &http.Request{Header: http.Header{}}
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	c := &streamClient{t: t, conn: conn, err: make(chan error, 1)}
	// Ends when the first packet came, or with Config.UpgradeTimeout.
	go func() { c.err <- srv.ServeStream(nc, r) }()
	return c
}

func (c *streamClient) send(packets ...string) {
	for _, p := range packets {
		data, bin := strings.CutPrefix(p, "binary ")
		_, _ = io.WriteString(c.conn, framed(data, bin)) // a closed connection shows when reading
	}
}

// next returns the next packet, or what ended the stream.
func (c *streamClient) next() string {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var head [maxStreamHead]byte
	if _, err := io.ReadFull(c.conn, head[:1]); err != nil {
		return "closed"
	}
	n := uint64(head[0] &^ streamBinary)
	switch n {
	case streamMedium:
		_, _ = io.ReadFull(c.conn, head[1:3])
		n = uint64(binary.BigEndian.Uint16(head[1:]))
	case streamLong:
		_, _ = io.ReadFull(c.conn, head[1:])
		n = binary.BigEndian.Uint64(head[1:])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.conn, b); err != nil {
		return "closed"
	}
	if head[0]&streamBinary != 0 {
		return "binary " + string(b)
	}
	return string(b)
}

func (c *streamClient) want(want string) {
	c.t.Helper()
	if got := c.next(); got != want {
		c.t.Errorf("got %.200q, want %.200q", got, want)
	}
}

// wantErr waits for the answer of ServeStream.
func (c *streamClient) wantErr(want error) {
	c.t.Helper()
	select {
	case err := <-c.err:
		if !errors.Is(err, want) {
			c.t.Errorf("ServeStream: %v, want %v", err, want)
		}
	case <-time.After(patience):
		c.t.Error("ServeStream did not return")
	}
}

var streams = []string{"polling", "webtransport"}

func TestSessionOnAStream(t *testing.T) {
	h := newEcho()
	srv, _ := start(t, Config{Transports: streams, InitialPacket: "first"}, h)
	c := openStream(t, srv, "")
	c.send("0")
	c.wantErr(nil)
	open := c.next()
	if !strings.HasPrefix(open, `0{"sid":"`) || !strings.HasSuffix(open, `"upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
		t.Errorf("open packet %q", open)
	}
	c.want("4first")
	for _, n := range []int{0, 124, 125, 126, 65534, 65535, 65536, 200_000} {
		text := "4" + strings.Repeat("x", n)
		c.send(text)
		c.want(text)
	}
	c.send("4é🌬", "binary \x00\xff")
	c.want("4é🌬")
	c.want("binary \x00\xff")
	// In pieces.
	for _, b := range []byte(framed("4"+strings.Repeat("y", 200), false)) {
		_, _ = c.conn.Write([]byte{b})
	}
	c.want("4" + strings.Repeat("y", 200))
	if st := srv.Stats(); st.WebTransport != 1 || st.Polling != 0 {
		t.Errorf("%+v", st)
	}
	srv.sessions.Range(func(s *Session) bool {
		if h := s.Handshake(); s.TransportName() != "webtransport" || h.Address() != "127.0.0.1" || len(h.Headers()) != 0 || len(h.Query()) != 0 {
			t.Errorf("%s, %q %v %v", s.TransportName(), h.Address(), h.Headers(), h.Query())
		}
		return true
	})
	_ = c.conn.Close()
	h.wantEnd(t, "transport close: EOF")
}

func TestUpgradeToAStream(t *testing.T) {
	h := newEcho()
	srv, addr := start(t, Config{Transports: streams}, h)
	target, sid := shake(t, addr)
	c := openStream(t, srv, "")
	c.send(fmt.Sprintf(`0{"sid":%q}`, sid), "2probe")
	c.wantErr(nil)
	c.want("3probe")
	post(t, addr, target, "4a\x1eb/w==")
	c.send("5", "4b")
	c.want("4a")
	c.want("binary \xff")
	c.want("4b")
	if a := request(t, "GET", addr, target, ""); a.status != 400 {
		t.Errorf("polling after the upgrade: %d", a.status)
	}
	second := openStream(t, srv, "")
	second.send(fmt.Sprintf(`0{"sid":%q}`, sid))
	second.wantErr(nil)
	second.want("closed")
	c.send("4still there")
	c.want("4still there")
	c.send("1")
	h.wantEnd(t, "transport close: <nil>")
	c.want("closed")
}

// TestUpgradesAreAnnounced in the reference's order, and only what is named.
func TestUpgradesAreAnnounced(t *testing.T) {
	for _, tt := range []struct {
		transports []string
		allow      Toggle
		want       string
	}{
		{streams, On, `"upgrades":["webtransport"]`},
		{[]string{"webtransport", "websocket", "polling"}, On, `"upgrades":["websocket","webtransport"]`},
		{[]string{"polling"}, On, `"upgrades":[]`},
		{streams, Off, `"upgrades":[]`},
	} {
		_, addr := start(t, Config{Transports: tt.transports, AllowUpgrades: tt.allow}, newEcho())
		if a := request(t, "GET", addr, polls, ""); !strings.Contains(a.body, tt.want) {
			t.Errorf("%v: %s, want %s", tt.transports, a.body, tt.want)
		}
		if a := request(t, "GET", addr, "/engine.io/?EIO=4&transport=webtransport", ""); a.body != refusal(codeUnknownTransport) {
			t.Errorf("over HTTP: %q", a.body)
		}
	}
}

// TestStreamsThatAreNotTaken: each failing path ends the stream.
func TestStreamsThatAreNotTaken(t *testing.T) {
	cfg := Config{Transports: []string{"polling", "websocket", "webtransport"}, UpgradeTimeout: 200 * time.Millisecond, AllowEIO3: true,
		AllowedOrigins: []string{"https://app.example"},
		AllowRequest: func(r *http.Request) error {
			switch r.Header.Get("Origin") {
			case "":
				return ErrForbidden
			}
			return nil
		}}
	h := newEcho()
	srv, addr := start(t, cfg, h)
	old := request(t, "GET", addr, polls3, "", "Origin: https://app.example")
	_, oldSID, _ := strings.Cut(old.body, `"sid":"`)
	oldSID, _, _ = strings.Cut(oldSID, `"`)
	for _, tt := range []struct {
		name, send, origin string
		want               error
	}{
		{"nothing", "", "https://app.example", nil},
		{"a piece of a packet", "\x05", "https://app.example", nil},
		{"another packet", framed("2probe", false), "https://app.example", errStreamHello},
		{"binary", framed("0", true), "https://app.example", errStreamHello},
		{"no length", "\x00", "https://app.example", errStreamHello},
		{"too long", framed("0"+strings.Repeat("x", maxStreamHello), false), "https://app.example", errStreamHello},
		{"no JSON", framed("0{", false), "https://app.example", errStreamHello},
		{"no id", framed("0{}", false), "https://app.example", errStreamSID},
		{"another type", framed(`0{"sid":1}`, false), "https://app.example", errStreamHello},
		{"unknown id", framed(`0{"sid":"__proto__"}`, false), "https://app.example", errStreamSID},
		{"a session of revision 3", framed(`0{"sid":"`+oldSID+`"}`, false), "https://app.example", errStreamSID},
		{"another origin", "", "https://evil.example", errStreamOrigin},
		{"AllowRequest", framed("0", false), "", ErrForbidden},
	} {
		c := openStream(t, srv, tt.origin)
		_, _ = io.WriteString(c.conn, tt.send)
		select {
		case err := <-c.err:
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		case <-time.After(patience):
			t.Errorf("%s: still waiting", tt.name)
		}
		c.want("closed")
	}
	if n := srv.pending.Load(); n != 0 || srv.Sessions() != 1 {
		t.Errorf("%d handshakes pending, %d sessions", n, srv.Sessions())
	}
	off, _ := start(t, Config{}, newEcho())
	c := openStream(t, off, "")
	c.wantErr(errStreamOff)
	full, _ := start(t, Config{Transports: streams, MaxPendingHandshakes: 1}, newEcho())
	waiting := openStream(t, full, "")
	for full.pending.Load() != 1 {
		time.Sleep(time.Millisecond)
	}
	openStream(t, full, "").wantErr(errStreamFull)
	waiting.send("0")
	waiting.wantErr(nil)
	chained, _ := start(t, Config{Transports: streams}, newEcho())
	chained.Use(func(next http.Handler) http.Handler { return next })
	openStream(t, chained, "").wantErr(errStreamChain)
	require.NoError(t, full.Close())
	openStream(t, full, "").wantErr(ErrServerClosed)
}

// TestBrokenStreams: what is no packet ends a session, and an upgrade alone.
func TestBrokenStreams(t *testing.T) {
	for _, garbage := range []string{"\x00", "\x019", "\x02\xff4", "\x024\xff", "\x7e\x04\x01", "\x7f\x80\x00\x00\x00\x00\x00\x00\x00"} {
		h := newEcho()
		srv, addr := start(t, Config{Transports: streams, MaxHTTPBufferSize: 1024}, h)
		c := openStream(t, srv, "")
		c.send("0")
		c.wantErr(nil)
		_ = c.next()
		_, _ = io.WriteString(c.conn, framed("4fine", false)+garbage)
		c.want("4fine")
		h.wantEnd(t, "parse error: "+ErrInvalidPacket.Error())
		c.want("closed")

		target, sid := shake(t, addr)
		c = openStream(t, srv, "")
		c.send(fmt.Sprintf(`0{"sid":%q}`, sid))
		c.wantErr(nil)
		_, _ = io.WriteString(c.conn, garbage)
		c.want("closed")
		post(t, addr, target, "4on polling")
		poll(t, addr, target, "4on polling")
	}
}

// TestStreamEndings: the server closes, with what is queued in front; the time
// for a pong, and for an upgrade.
func TestStreamEndings(t *testing.T) {
	h := newEcho()
	h.message = func(s *Session, b []byte, _ bool) {
		s.Send(messageFrame(b, false))
		s.CloseNow()
	}
	srv, addr := start(t, Config{Transports: streams, PingInterval: 200 * time.Millisecond, PingTimeout: 200 * time.Millisecond, UpgradeTimeout: 200 * time.Millisecond}, h)
	c := openStream(t, srv, "")
	c.send("0")
	_ = c.next()
	c.send("4bye")
	c.want("4bye")
	c.want("closed")
	h.wantEnd(t, "forced close: <nil>")
	c = openStream(t, srv, "")
	c.send("0")
	_ = c.next()
	c.want("2")
	h.wantEnd(t, "ping timeout: <nil>")
	c.want("closed")
	_, sid := shake(t, addr)
	c = openStream(t, srv, "")
	c.send(fmt.Sprintf(`0{"sid":%q}`, sid))
	c.wantErr(nil)
	c.want("closed")
}
