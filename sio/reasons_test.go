package sio

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/eio"
)

// raw writes bytes as they are.
func (c *testClient) raw(b ...byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	_, _ = c.conn.Write(b) // a closed connection shows when reading
}

// masked returns a frame of a client, with a mask of zeros.
func masked(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	default:
		b = append(b, 0x80|126)
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// closeCode waits for the end and returns the code of the server's close frame,
// 1005 for one without code.
func (c *testClient) closeCode() int {
	c.t.Helper()
	c.expectClosed()
	var ce wsutil.ClosedError
	if !errors.As(c.err, &ce) {
		c.t.Errorf("closed without a close frame: %v", c.err)
	}
	return int(ce.Code)
}

// awaitPoll waits until a GET of the session is pending.
func awaitPoll(t testing.TB, s *Socket) {
	t.Helper()
	eventually(t, "a GET is pending", func() bool {
		pending := make(chan bool, 1)
		s.Conn().Do(func(sess *eio.Session) { pending <- sess.Writable() })
		return recv(t, pending)
	})
}

// halfPost sends the beginning of a POST and closes the connection.
func (c *pollClient) halfPost() {
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	_, _ = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n4half", strings.TrimPrefix(c.target, "http://"+c.addr))
	_ = conn.Close()
}

// TestReasonsOverWebSocket is the reference's table of reasons, row by row.
func TestReasonsOverWebSocket(t *testing.T) {
	tests := []struct {
		name string
		do   func(c *testClient, s *Socket)
		want Reason
		err  string // part of the description; "" for none
	}{
		{"protocol error", func(c *testClient, _ *Socket) { c.raw(0x83, 0x80, 0, 0, 0, 0) }, ReasonTransportError, "opcode"},
		{"oversize", func(c *testClient, _ *Socket) { c.send(strings.Repeat("x", 2000)) }, ReasonTransportError, "too big"},
		{"wrong direction of a heartbeat", func(c *testClient, _ *Socket) { c.write("2", false) }, ReasonTransportError, "heartbeat"},
		{"probe on an open connection", func(c *testClient, _ *Socket) { c.write("2probe", false) }, ReasonTransportError, "heartbeat"},
		{"close frame", func(c *testClient, _ *Socket) { c.raw(masked(0x88, "\x03\xe9")...) }, ReasonTransportClose, "*"},
		{"end of the TCP connection", func(c *testClient, _ *Socket) { _ = c.conn.Close() }, ReasonTransportClose, "*"},
		{"close packet", func(c *testClient, _ *Socket) { c.write("1", false) }, ReasonTransportClose, ""},
		{"undecodable packet", func(c *testClient, _ *Socket) { c.write("9", false) }, ReasonParseError, "invalid packet"},
		{"empty frame", func(c *testClient, _ *Socket) { c.write("", false) }, ReasonParseError, "invalid packet"},
		{"bad Socket.IO packet", func(c *testClient, _ *Socket) { c.send("2[]") }, ReasonForcedClose, "invalid payload"},
		{"invalid state", func(c *testClient, _ *Socket) { c.send("2/x,[1]") }, ReasonForcedClose, "invalid state"},
		{"session closed by the server", func(_ *testClient, s *Socket) { s.Conn().Close() }, ReasonForcedClose, ""},
		{"client leaves", func(c *testClient, _ *Socket) { c.send("1") }, ReasonClientDisconnect, ""},
		{"server disconnects", func(_ *testClient, s *Socket) { s.Disconnect(false) }, ReasonServerDisconnect, ""},
		{"server disconnects and closes", func(_ *testClient, s *Socket) { s.Disconnect(true) }, ReasonServerDisconnect, ""},
	}
	joined, ended := make(chan *Socket, 1), make(chan gone, 2)
	srv, addr := serve(t, Config{MaxHTTPBufferSize: 1000})
	srv.OnConnection(func(s *Socket) { joined <- s })
	srv.OnDisconnecting(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	for _, tt := range tests {
		c := join(t, addr, "/")
		tt.do(c, recv(t, joined))
		for _, event := range []string{"disconnecting", "disconnect"} {
			got := recv(t, ended)
			if got.reason != tt.want || tt.err == "" && got.err != "" || tt.err != "*" && !strings.Contains(strings.ToLower(got.err), tt.err) {
				t.Errorf("%s: %s with %+v, want %q, %q", tt.name, event, got, tt.want, tt.err)
			}
		}
	}
}

// TestReasonsOverPolling is the same for long-polling.
func TestReasonsOverPolling(t *testing.T) {
	// poll begins a GET and waits until the server has it.
	poll := func(c *pollClient, s *Socket) (cancel context.CancelFunc, answer chan string) {
		ctx, cancel := context.WithCancel(context.Background())
		answer = make(chan string, 1)
		go func() { // ends with the answer, or when it is cancelled
			status, body := c.do(ctx, "GET", "")
			answer <- fmt.Sprint(status, " ", body)
		}()
		awaitPoll(c.t, s)
		return cancel, answer
	}
	tests := []struct {
		name string
		do   func(c *pollClient, s *Socket)
		want Reason
		err  string
	}{
		{"GET aborted", func(c *pollClient, s *Socket) { cancel, _ := poll(c, s); cancel() }, ReasonTransportError, "poll connection closed prematurely"},
		{"POST aborted", func(c *pollClient, _ *Socket) { c.halfPost() }, ReasonTransportError, "data request connection closed prematurely"},
		{"two GETs", func(c *pollClient, s *Socket) {
			_, first := poll(c, s)
			if status, _ := c.do(context.Background(), "GET", ""); status != 400 {
				t.Errorf("second GET: %d", status)
			}
			if got := recv(t, first); got != "200 1" {
				t.Errorf("first GET: %q", got)
			}
		}, ReasonTransportError, "overlap"},
		{"ping", func(c *pollClient, _ *Socket) { c.post("2") }, ReasonTransportError, "heartbeat"},
		{"close packet", func(c *pollClient, s *Socket) {
			_, got := poll(c, s)
			c.post("1")
			if got := recv(t, got); got != "200 6" {
				t.Errorf("pending GET: %q", got)
			}
		}, ReasonTransportClose, ""},
		{"undecodable payload", func(c *pollClient, _ *Socket) { c.post("abc") }, ReasonParseError, "invalid packet"},
		{"bad Socket.IO packet with a GET pending", func(c *pollClient, s *Socket) {
			_, got := poll(c, s)
			c.post("42[]")
			if got := recv(t, got); got != "200 1" {
				t.Errorf("pending GET: %q", got)
			}
		}, ReasonForcedClose, "invalid payload"},
		{"bad Socket.IO packet without a GET", func(c *pollClient, _ *Socket) { c.post("42[]") }, ReasonForcedServerClose, "invalid payload"},
		{"client leaves", func(c *pollClient, _ *Socket) { c.post("41") }, ReasonClientDisconnect, ""},
		{"server disconnects", func(c *pollClient, s *Socket) {
			s.Disconnect(false)
			if got := c.next(); got != "41" {
				t.Errorf("client got %q", got)
			}
		}, ReasonServerDisconnect, ""},
		{"server disconnects and closes", func(c *pollClient, s *Socket) {
			s.Disconnect(true)
			if got := c.next(); got != "41" {
				t.Errorf("client got %q", got)
			}
		}, ReasonServerDisconnect, ""},
	}
	joined, ended := make(chan *Socket, 1), make(chan gone, 1)
	srv, addr := serve(t, Config{})
	srv.OnConnection(func(s *Socket) { joined <- s })
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	for _, tt := range tests {
		c := joinPoll(t, addr)
		tt.do(c, recv(t, joined))
		if got := recv(t, ended); got.reason != tt.want || tt.err == "" && got.err != "" || !strings.Contains(got.err, tt.err) {
			t.Errorf("%s: %+v, want %q, %q", tt.name, got, tt.want, tt.err)
		}
	}
}

func TestReasonPingTimeout(t *testing.T) {
	srv, addr := serve(t, Config{PingInterval: 20 * time.Millisecond, PingTimeout: 30 * time.Millisecond})
	ended := make(chan gone, 2)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	silent := dial(t, addr)
	silent.send("0")
	silent.wmu.Lock() // no pong gets out
	defer silent.wmu.Unlock()
	dialPoll(t, addr, "").post("40")
	for range 2 {
		if got := recv(t, ended); got != (gone{reason: ReasonPingTimeout}) {
			t.Errorf("ended with %+v", got)
		}
	}
}

func TestReasonServerShuttingDown(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"Close":    (*Server).Close,
		"Shutdown": func(srv *Server) error { return srv.Shutdown(context.Background()) },
	} {
		srv, addr := serve(t, Config{})
		joined, ended := make(chan *Socket, 2), make(chan gone, 2)
		srv.OnConnection(func(s *Socket) { joined <- s })
		srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
		join(t, addr, "/")
		joinPoll(t, addr)
		recv(t, joined)
		recv(t, joined)
		if err := end(srv); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for range 2 {
			if got := recv(t, ended); got != (gone{reason: ReasonServerShuttingDown}) {
				t.Errorf("%s: ended with %+v", name, got)
			}
		}
	}
}

// TestMalformedFrames are the rows of the reference's table of malformed input that are about WebSocket
// and Engine.IO; those about Socket.IO are in TestViolations and TestTolerated.
func TestMalformedFrames(t *testing.T) {
	frame := func(b ...byte) func(*testClient) { return func(c *testClient) { c.raw(b...) } }
	tests := []struct {
		name string
		do   func(c *testClient)
		code int
		want Reason
	}{
		{"empty text frame", frame(masked(0x81, "")...), 1005, ReasonParseError},
		{"unknown type of packet", frame(masked(0x81, "9")...), 1005, ReasonParseError},
		{"empty message", frame(masked(0x81, "4")...), 1005, ReasonForcedClose},
		{"base64 that nobody awaits", frame(masked(0x81, "bAQID")...), 1005, ReasonForcedClose},
		{"ping packet", frame(masked(0x81, "2")...), 1005, ReasonTransportError},
		{"more than the limit", func(c *testClient) { c.send(strings.Repeat("x", 1001)) }, 1009, ReasonTransportError},
		{"more than the limit, announced only", frame(0x81, 0x80|127, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0), 1009, ReasonTransportError},
		// RFC 6455 section 5.2 forbids the bit; Node's ws says 1009.
		{"length with the highest bit", frame(0x81, 0x80|127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), 1002, ReasonTransportError},
		{"bad UTF-8", frame(masked(0x81, "4\xff\xfe")...), 1007, ReasonTransportError},
		{"unmasked frame", frame(0x81, 1, '3'), 1002, ReasonTransportError},
		{"RSV1", frame(masked(0xc1, "3")...), 1002, ReasonTransportError},
		{"opcode 3", frame(masked(0x83, "3")...), 1002, ReasonTransportError},
		{"continuation of nothing", frame(masked(0x80, "3")...), 1002, ReasonTransportError},
		{"ping of 126 bytes", frame(masked(0x89, strings.Repeat("x", 126))...), 1002, ReasonTransportError},
		{"close with code 1005", frame(masked(0x88, "\x03\xed")...), 1002, ReasonTransportError},
		{"close with one byte", frame(masked(0x88, "\x03")...), 1002, ReasonTransportError},
	}
	ended := make(chan gone, 1)
	srv, addr := serve(t, Config{MaxHTTPBufferSize: 1000})
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	for _, tt := range tests {
		c := join(t, addr, "/")
		tt.do(c)
		if code := c.closeCode(); code != tt.code {
			t.Errorf("%s: closed with %d, want %d", tt.name, code, tt.code)
		}
		if got := recv(t, ended); got.reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
	}
}

// TestToleratedFrames are the rows of the same table that do no harm.
func TestToleratedFrames(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnRaw("bin", func(e *RawEvent) { _ = e.Socket().EmitRaw("got", e.Args(), e.Attachments()...) }, Inline)
	c := join(t, addr, "/")
	c.write("3", false)                                              // a pong that nobody asked for
	for _, ignored := range []string{"0", "5", "6", "0{}", "6xyz"} { // from a client that is connected
		c.write(ignored, false)
	}
	c.send(`51-["bin",{"_placeholder":true,"num":0}]`)
	c.write("bAQID", false) // base64 in a text frame is a binary message
	c.expect(`51-["got",{"_placeholder":true,"num":0}]`, "b:\x01\x02\x03")
	c.send(`51-["bin"]`, "b:x") // an attachment that no placeholder needs
	c.expect(`51-["got"]`, "b:x")
}

// TestPacketsBehindTheEndAreDropped: packets behind the one that ends a session are not handled.
func TestPacketsBehindTheEndAreDropped(t *testing.T) {
	srv, addr := serve(t, Config{})
	handled := make(chan string, 4)
	srv.OnRaw("a", func(e *RawEvent) { handled <- string(e.Args()) })
	srv.OnDisconnect(func(_ *Socket, r Reason, _ error) { handled <- string(r) })
	for end, reason := range map[string]Reason{"1": ReasonTransportClose, "42[]": ReasonForcedServerClose, "9": ReasonParseError} {
		c := joinPoll(t, addr)
		c.post(`42["a",1]`, end, `42["a",2]`)
		for _, want := range []string{"1", string(reason)} {
			if got := recv(t, handled); got != want {
				t.Errorf("%q: got %q, want %q", end, got, want)
			}
		}
	}
}
