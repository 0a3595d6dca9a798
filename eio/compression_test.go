package eio

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
)

// textOf is text that compresses, of n bytes.
func textOf(n int) string { return strings.Repeat("The quick brown fox. ", n/21+1)[:n] }

// decoded undoes the content coding of an answer, whose Content-Length must be that of what was sent.
func decoded(t *testing.T, a answer) (body, coding string) {
	t.Helper()
	coding = a.header.Get("Content-Encoding")
	var r io.Reader = strings.NewReader(a.body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	require.NoError(t, err)
	b, err := io.ReadAll(r)
	require.NoError(t, err)
	if n := a.header.Get("Content-Length"); n != "" && n != strconv.Itoa(len(a.body)) {
		t.Errorf("Content-Length %s of %d bytes", n, len(a.body))
	}
	return string(b), coding
}

// bothDoors serves cfg at a door of its own and behind net/http.
func bothDoors(t *testing.T, cfg Config, h Handler) map[string]string {
	t.Helper()
	srv, native := start(t, cfg, h)
	guests := httptest.NewServer(srv)
	t.Cleanup(guests.Close)
	return map[string]string{"reactor": native, "net/http": strings.TrimPrefix(guests.URL, "http://")}
}

// TestPollingAnswersAreCompressed: from the threshold on, as the client likes, with the reference's headers.
func TestPollingAnswersAreCompressed(t *testing.T) {
	for door, addr := range bothDoors(t, Config{}, newEcho()) {
		for _, test := range []struct {
			bytes        int // of the payload, the digit of the type included
			accept, want string
		}{
			{1023, "gzip, deflate, br", ""},
			{1024, "gzip, deflate, br", "gzip"},
			{1024, "identity", ""},
			{1024, "br", ""},
			{1024, "deflate", "deflate"},
			{1024, "gzip;q=0.5, deflate", "deflate"},
			{1024, "gzip;q=0, deflate;q=0", ""},
			{1024, "*", "gzip"},
			{100_000, "gzip", "gzip"},
			{maxPackedOnLoop, "gzip", "gzip"},
			{maxPackedOnLoop + 1, "gzip", "gzip"},
			{500_000, "deflate", "deflate"},
		} {
			target, _ := shake(t, addr)
			text := textOf(test.bytes - 1)
			request(t, "POST", addr, target, "4"+text)
			a := request(t, "GET", addr, target, "", "Accept-Encoding: "+test.accept)
			body, coding := decoded(t, a)
			if body != "4"+text || coding != test.want {
				t.Errorf("%s, %d bytes, %q: got %d bytes in %q, want %q", door, test.bytes, test.accept, len(body), coding, test.want)
			}
			if coding != "" && len(a.body) > test.bytes/3 {
				t.Errorf("%s, %d bytes, %q: %d bytes on the wire", door, test.bytes, test.accept, len(a.body))
			}
			if a.header.Get("Content-Type") != "text/plain; charset=UTF-8" || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Vary") != "" {
				t.Errorf("%s: headers %v", door, a.header)
			}
			if door == "reactor" && a.header.Get("Content-Length") == "" {
				t.Errorf("no Content-Length: %v", a.header)
			}
			// The connection is good for more.
			request(t, "POST", addr, target, "4again")
			if a := request(t, "GET", addr, target, "", "Accept-Encoding: gzip"); a.body != "4again" {
				t.Errorf("%s: then %q", door, a.body)
			}
		}
	}
}

func TestWhatIsNotCompressed(t *testing.T) {
	h := newEcho()
	h.message = func(s *Session, b []byte, binary bool) {
		f := messageFrame(b[1:], binary)
		if b[0] == '-' {
			f.Uncompressed()
		}
		s.Send(f)
	}
	noise := strings.Repeat("\x01\x7f", 10) + string(deflate.NewEncoder(9).Append(nil, []byte(textOf(100)), deflate.Gzip))
	for _, test := range []struct {
		name   string
		cfg    HTTPCompression
		posts  string
		coding string
	}{
		{"by default", HTTPCompression{}, "4+" + textOf(2000), "gzip"},
		{"off", HTTPCompression{Threshold: -1}, "4+" + textOf(2000), ""},
		{"below another threshold", HTTPCompression{Threshold: 5000}, "4+" + textOf(4998), ""},
		{"at another threshold", HTTPCompression{Threshold: 5000}, "4+" + textOf(4999), "gzip"},
		{"no packet wants it", HTTPCompression{}, "4-" + textOf(2000) + "\x1e4-" + textOf(2000), ""},
		{"one packet wants it", HTTPCompression{}, "4-" + textOf(2000) + "\x1e4+x", "gzip"},
		{"it would grow", HTTPCompression{Threshold: 1, Level: 9}, "4+" + noise[:4], ""},
	} {
		_, addr := start(t, Config{HTTPCompression: &test.cfg}, h)
		target, _ := shake(t, addr)
		request(t, "POST", addr, target, test.posts)
		body, coding := decoded(t, request(t, "GET", addr, target, "", "Accept-Encoding: gzip"))
		if want := strings.NewReplacer("4+", "4", "4-", "4").Replace(test.posts); body != want || coding != test.coding {
			t.Errorf("%s: got %d bytes in %q, want %d in %q", test.name, len(body), coding, len(want), test.coding)
		}
	}
}

// TestHandshakeIsCompressed when it is long enough.
func TestHandshakeIsCompressed(t *testing.T) {
	_, addr := start(t, Config{InitialPacket: textOf(2000)}, newEcho())
	body, coding := decoded(t, request(t, "GET", addr, polls, "", "Accept-Encoding: gzip"))
	if coding != "gzip" || !strings.HasSuffix(body, "\x1e4"+textOf(2000)) {
		t.Errorf("got %q in %q", body, coding)
	}
}

// TestCompressedBodiesAreRefused (attacks: compression bomb): by a 415, and the session goes on.
func TestCompressedBodiesAreRefused(t *testing.T) {
	for door, addr := range bothDoors(t, Config{}, newEcho()) {
		target, _ := shake(t, addr)
		bomb := string(deflate.NewEncoder(9).Append(nil, make([]byte, 1<<20), deflate.Gzip))
		for coding, want := range map[string]int{"gzip": 415, "deflate": 415, "br": 415, "GZIP, gzip": 415, "identity": 200} {
			body := bomb
			if want == 200 {
				body = "4hello"
			}
			if a := request(t, "POST", addr, target, body, "Content-Encoding: "+coding); a.status != want {
				t.Errorf("%s, %s: status %d, want %d", door, coding, a.status, want)
			}
		}
		if a := request(t, "GET", addr, target, ""); a.body != "4hello" {
			t.Errorf("%s: then %q", door, a.body)
		}
	}
}

// TestAnswerThatIsBeingCompressed: to the session it has been given.
func TestAnswerThatIsBeingCompressed(t *testing.T) {
	begin := func(t *testing.T) (*sim, *packing, *simRequest) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		x := m.request()
		k := &packing{p: m.poll, x: x, body: []byte("4hello"), packed: []byte("4hello, packed"), coding: deflate.Gzip}
		m.poll.packing = k
		return m, k, x
	}
	t.Run("goes out", func(t *testing.T) {
		m, k, x := begin(t)
		m.s.Send(messageFrame([]byte("later"), false))
		m.loop.settle()
		packed(k, nil)
		if x.body != "4hello" || m.poll.packing != nil {
			t.Errorf("answered %q", x.body) // it had grown
		}
		m.sendGet()
		if m.get.body != "4later" {
			t.Errorf("then %q", m.get.body)
		}
	})
	t.Run("the client leaves", func(t *testing.T) {
		m, k, x := begin(t)
		m.poll.aborted(x)
		m.loop.settle()
		packed(k, nil)
		if x.over() || len(m.h.ends) != 1 || m.s.State() != Closed {
			t.Errorf("answered %v, ends %v", x.over(), m.h.ends)
		}
	})
	t.Run("the client asks again", func(t *testing.T) {
		m, k, x := begin(t)
		m.sendGet()
		m.loop.settle()
		packed(k, nil)
		second := m.done[len(m.done)-1]
		if second.status != 400 || x.body != "4hello" || len(m.h.ends) != 1 {
			t.Errorf("second GET %d, first %q, ends %v", second.status, x.body, m.h.ends)
		}
	})
	t.Run("the session is closed", func(t *testing.T) {
		m, k, x := begin(t)
		m.s.shut(false)
		packed(k, nil)
		m.sendGet()
		m.loop.settle()
		if x.body != "4hello" || m.get.body != "6\x1e1" || len(m.h.ends) != 1 {
			t.Errorf("answered %q, then %q, ends %v", x.body, m.get.body, m.h.ends)
		}
	})
}

// TestPackersAreBounded: above the bound, payloads stay as they are.
func TestPackersAreBounded(t *testing.T) {
	srv, addr := start(t, Config{}, newEcho())
	target, _ := shake(t, addr)
	get := func() string {
		request(t, "POST", addr, target, "4"+textOf(maxPackedOnLoop))
		body, coding := decoded(t, request(t, "GET", addr, target, "", "Accept-Encoding: gzip"))
		if body != "4"+textOf(maxPackedOnLoop) {
			t.Errorf("got %d bytes", len(body))
		}
		return coding
	}
	srv.packer.running.Store(srv.packer.most)
	if coding := get(); coding != "" {
		t.Errorf("coding %q above the bound", coding)
	}
	srv.packer.running.Store(srv.packer.most - 1)
	if coding := get(); coding != "gzip" {
		t.Errorf("coding %q at the bound", coding)
	}
	if n := srv.packer.running.Load(); n != srv.packer.most-1 {
		t.Errorf("%d are counted as running", n)
	}
}

// dialDeflate connects with permessage-deflate; gobwas/ws is the client.
func dialDeflate(t *testing.T, addr string, p wsflate.Parameters) *wsClient {
	t.Helper()
	d := ws.Dialer{Timeout: patience}
	d.Extensions = append(d.Extensions, p.Option())
	conn, br, hs, err := d.Dial(context.Background(), "ws://"+addr+"/engine.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	require.Len(t, hs.Extensions, 1)
	t.Cleanup(func() { _ = conn.Close() })
	c := &wsClient{t: t, conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	return c
}

// nextDeflated returns the next message, and whether it was compressed.
func (c *wsClient) nextDeflated() (string, bool) {
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

func TestPerMessageDeflate(t *testing.T) {
	for door, addr := range bothDoors(t, Config{PerMessageDeflate: &PerMessageDeflate{}}, newEcho()) {
		c := dialDeflate(t, addr, wsflate.DefaultParameters)
		if open, compressed := c.nextDeflated(); !strings.HasPrefix(open, "0{") || compressed {
			t.Errorf("%s: open packet %q, compressed %v", door, open, compressed)
		}
		for n, want := range map[int]bool{0: false, 1022: false, 1023: true, 200_000: true} {
			f, err := wsflate.CompressFrame(ws.NewTextFrame([]byte("4" + textOf(n))))
			require.NoError(t, err)
			require.NoError(t, ws.WriteFrame(c.conn, ws.MaskFrameInPlace(f)))
			if got, compressed := c.nextDeflated(); got != "4"+textOf(n) || compressed != want {
				t.Errorf("%s: %d bytes: got %d, compressed %v", door, n, len(got), compressed)
			}
		}
	}
}

// TestPerMessageDeflateIsOffByDefault, as in the reference.
func TestPerMessageDeflateIsOffByDefault(t *testing.T) {
	_, addr := start(t, Config{}, newEcho())
	d := ws.Dialer{Timeout: patience}
	d.Extensions = append(d.Extensions, wsflate.DefaultParameters.Option())
	conn, _, hs, err := d.Dial(context.Background(), "ws://"+addr+"/engine.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	if len(hs.Extensions) != 0 {
		t.Errorf("accepted %v", hs.Extensions)
	}
}

// TestPerMessageDeflateOptions: what each option has the server answer.
func TestPerMessageDeflateOptions(t *testing.T) {
	const offer = "permessage-deflate; client_max_window_bits"
	for _, test := range []struct {
		o    PerMessageDeflate
		want string
	}{
		{PerMessageDeflate{}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
		{PerMessageDeflate{ServerNoContextTakeover: Off}, "permessage-deflate; client_no_context_takeover"},
		{PerMessageDeflate{ClientNoContextTakeover: Off}, "permessage-deflate; server_no_context_takeover"},
		{PerMessageDeflate{ServerNoContextTakeover: Off, ClientNoContextTakeover: Off}, "permessage-deflate"},
		{PerMessageDeflate{ServerMaxWindowBits: 9, ClientMaxWindowBits: 10}, "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=10"},
	} {
		_, addr := start(t, Config{PerMessageDeflate: &test.o}, newEcho())
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+addr+"/engine.io/?EIO=4&transport=websocket", nil)
		require.NoError(t, err)
		for name, value := range map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
			"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Extensions": offer} {
			r.Header.Set(name, value)
		}
		res, err := http.DefaultTransport.RoundTrip(r)
		require.NoError(t, err)
		_ = res.Body.Close()
		if got := res.Header.Get("Sec-WebSocket-Extensions"); got != test.want {
			t.Errorf("%+v: answered %q, want %q", test.o, got, test.want)
		}
	}
}

// TestPrecompressedFrames: a frame is compressed before it is sent only if someone takes that.
func TestPrecompressedFrames(t *testing.T) {
	srv, addr := start(t, Config{PerMessageDeflate: &PerMessageDeflate{}}, newEcho())
	deflations := func() uint64 {
		f := messageFrame(bytes.Repeat([]byte("x"), 5000), false)
		defer f.Release()
		before := srv.Stats().Deflated
		srv.Precompress(f)
		return srv.Stats().Deflated - before
	}
	plain := openWS(t, addr)
	if n := deflations(); n != 0 {
		t.Errorf("%d compressions for nobody", n)
	}
	c := dialDeflate(t, addr, wsflate.DefaultParameters)
	c.nextDeflated()
	if n := deflations(); n != 1 {
		t.Errorf("%d compressions", n)
	}
	srv, _ = start(t, Config{}, newEcho())
	srv.Precompress(frame.New().SealText()) // off: nothing happens
	plain.send("4x")
	plain.want("4x")
}
