package sio

import (
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/stretchr/testify/require"
)

// zipClient speaks Engine.IO 4 over a WebSocket with permessage-deflate, one message at a time.
type zipClient struct {
	t    testing.TB
	conn net.Conn
	r    io.Reader
}

// joinZipped connects to the main namespace.
func joinZipped(t testing.TB, addr string) *zipClient {
	t.Helper()
	d := ws.Dialer{Timeout: patience}
	d.Extensions = append(d.Extensions, wsflate.DefaultParameters.Option())
	conn, br, hs, err := d.Dial(context.Background(), "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	require.Len(t, hs.Extensions, 1)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	c := &zipClient{t: t, conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	c.next()
	c.send("40")
	c.next()
	return c
}

// next returns the next message and whether it was compressed.
func (c *zipClient) next() (message string, compressed bool) {
	c.t.Helper()
	h, err := ws.ReadHeader(c.r)
	require.NoError(c.t, err)
	f := ws.Frame{Header: h, Payload: make([]byte, h.Length)}
	_, err = io.ReadFull(c.r, f.Payload)
	require.NoError(c.t, err)
	f, err = wsflate.DecompressFrame(f)
	require.NoError(c.t, err)
	return string(f.Payload), h.Rsv1()
}

// want compares the next message.
func (c *zipClient) want(want string, compressed bool) {
	c.t.Helper()
	if got, z := c.next(); got != want || z != compressed {
		c.t.Errorf("got %d bytes, %.40q..., compressed %v; want %d, %v", len(got), got, z, len(want), compressed)
	}
}

// send sends a text message compressed.
func (c *zipClient) send(message string) {
	c.t.Helper()
	f, err := wsflate.CompressFrame(ws.NewTextFrame([]byte(message)))
	require.NoError(c.t, err)
	require.NoError(c.t, ws.WriteFrame(c.conn, ws.MaskFrameInPlace(f)))
}

// pollZipped connects to the main namespace by long-polling, and returns a function that polls.
func pollZipped(t *testing.T, addr string) (poll func() (body, coding string)) {
	t.Helper()
	target := "http://" + addr + "/socket.io/?EIO=4&transport=polling"
	do := func(method, body string) (string, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		src := io.Reader(res.Body)
		coding := res.Header.Get("Content-Encoding")
		if coding == "gzip" {
			src, err = gzip.NewReader(src)
			require.NoError(t, err)
		}
		b, err := io.ReadAll(src)
		require.NoError(t, err)
		return string(b), coding
	}
	open, _ := do("GET", "")
	_, rest, _ := strings.Cut(open, `"sid":"`)
	sid, _, _ := strings.Cut(rest, `"`)
	target += "&sid=" + sid
	do("POST", "40")
	do("GET", "")
	return func() (string, string) { return do("GET", "") }
}

// TestBroadcastIsCompressedOnce: for all who take it so, whatever their loop; the others get it plain.
func TestBroadcastIsCompressedOnce(t *testing.T) {
	srv, addr := serve(t, Config{PerMessageDeflate: &PerMessageDeflate{}})
	var zipped []*zipClient
	var plain []*testClient
	for range 4 {
		zipped = append(zipped, joinZipped(t, addr))
		plain = append(plain, join(t, addr, "/"))
	}
	poll := pollZipped(t, addr)
	text := strings.Repeat("news ", 1000)
	for i, b := range []Broadcast{srv.To(), srv.To(), srv.Compress(true)} {
		before := srv.Engine().Stats().Deflated
		require.NoError(t, b.Emit("news", text))
		for _, c := range zipped {
			c.want(`42["news","`+text+`"]`, true)
		}
		for _, c := range plain {
			c.expect(`2["news","` + text + `"]`)
		}
		if body, coding := poll(); body != `42["news","`+text+`"]` || coding != "gzip" {
			t.Errorf("by polling: %d bytes in %q", len(body), coding)
		}
		if n := srv.Engine().Stats().Deflated - before; n != 1 {
			t.Errorf("broadcast %d was compressed %d times", i, n)
		}
	}
}

// TestCompressFalseIsHonoured on both transports, for one socket, for many, and with acknowledgements.
func TestCompressFalseIsHonoured(t *testing.T) {
	srv, addr := serve(t, Config{PerMessageDeflate: &PerMessageDeflate{}})
	sockets := make(chan *Socket, 2)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := joinZipped(t, addr)
	s := recv(t, sockets)
	text := strings.Repeat("x", 2000)
	event := `42["e","` + text + `"]`
	for name, test := range map[string]struct {
		emit       func() error
		compressed bool
	}{
		"socket":            {func() error { return s.Emit("e", text) }, true},
		"socket, on":        {func() error { return s.Compress(true).Emit("e", text) }, true},
		"socket, off":       {func() error { return s.Compress(false).Emit("e", text) }, false},
		"socket, off, raw":  {func() error { return s.Compress(false).EmitRaw("e", []byte(`"`+text+`"`)) }, false},
		"socket, on again":  {func() error { return s.Compress(false).Compress(true).Emit("e", text) }, true},
		"broadcast":         {func() error { return srv.Emit("e", text) }, true},
		"broadcast, off":    {func() error { return srv.Compress(false).Emit("e", text) }, false},
		"room, off":         {func() error { return srv.To(s.ID()).Compress(false).Emit("e", text) }, false},
		"volatile, off":     {func() error { return s.Volatile().Compress(false).Emit("e", text) }, false},
		"as other nodes do": {func() error { return srv.of(srv.To(s.ID()).Compress(false).target()).Emit("e", text) }, false},
	} {
		eventually(t, name+": nothing is queued", func() bool {
			writable := make(chan bool, 1)
			s.loop.loop.Post(func(_, _ any) { writable <- s.sess.Writable() }, nil, nil)
			return recv(t, writable)
		})
		if err := test.emit(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.want(event, test.compressed)
	}
	for on, want := range map[bool]bool{true: true, false: false} {
		require.NoError(t, s.Compress(on).EmitAck("e", func(Args, error) {}, text))
		if got, compressed := c.next(); compressed != want || !strings.HasPrefix(got, "42") {
			t.Errorf("with acknowledgement, %v: compressed %v", on, compressed)
		}
	}
	poll := pollZipped(t, addr)
	p := recv(t, sockets)
	require.NoError(t, p.Compress(false).Emit("e", text))
	if body, coding := poll(); body != event || coding != "" {
		t.Errorf("by polling, off: %d bytes in %q", len(body), coding)
	}
}

// TestAttachmentsAreCompressed: each message of a packet on its own.
func TestAttachmentsAreCompressed(t *testing.T) {
	srv, addr := serve(t, Config{PerMessageDeflate: &PerMessageDeflate{}})
	c := joinZipped(t, addr)
	long := make([]byte, 3000)
	require.NoError(t, srv.Emit("e", long, []byte("short"), long))
	c.want(`453-["e",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":2}]`, false)
	c.want(string(long), true)
	c.want("short", false)
	c.want(string(long), true)
}

// TestCompressedEventsArrive: what a client compresses is an event like any other.
func TestCompressedEventsArrive(t *testing.T) {
	srv, addr := serve(t, Config{PerMessageDeflate: &PerMessageDeflate{}})
	got := make(chan int, 1)
	srv.OnRaw("e", func(e *RawEvent) { got <- len(e.Args()) }, Inline)
	joinZipped(t, addr).send(`42["e","` + strings.Repeat("x", 50_000) + `"]`)
	if n := recv(t, got); n != 50_002 {
		t.Errorf("got %d bytes", n)
	}
}
