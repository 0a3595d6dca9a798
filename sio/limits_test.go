package sio

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// TestRequestLimits: at the limit a request passes, one above it fails with
// the status that HTTP has for it.
func TestRequestLimits(t *testing.T) {
	_, addr := serve(t, Config{
		MaxURLBytes: 200, MaxHeaders: 10, MaxHeaderBytes: 2000, MaxHTTPBufferSize: 500,
		Poller: poller.Config{Loops: 1},
	})
	const target = "/socket.io/?EIO=4&transport=polling&x="
	get := func(target string, headers ...string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(headers, "") + "\r\n"
	}
	pad := func(request string, size int) string { // by a header of its own
		return strings.Replace(request, "\r\n\r\n", "\r\nX: "+strings.Repeat("x", size-len(request)-5)+"\r\n\r\n", 1)
	}
	lines := func(n int) string { return strings.Repeat("A: b\r\n", n-1) } // and Host
	post := func(size int) string {
		c := joinLazy(t, addr).(lazy)
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n4%s", c.url[len("http://"+addr):], size, strings.Repeat(" ", size-1))
	}
	for _, tt := range []struct {
		name, at, above, status string
	}{
		{"URL", get(target + strings.Repeat("x", 200-len(target))), get(target + strings.Repeat("x", 201-len(target))), "414"},
		{"number of headers", get(target, lines(10)), get(target, lines(11)), "431"},
		{"size of the head", pad(get(target), 2000), pad(get(target), 2001), "431"},
		{"body", post(500), post(501), "413"},
	} {
		if got := status(t, addr, tt.at); got != "200" {
			t.Errorf("%s at the limit: %s", tt.name, got)
		}
		if got := status(t, addr, tt.above); got != tt.status {
			t.Errorf("%s above the limit: %s, want %s", tt.name, got, tt.status)
		}
	}
}

// status sends a request as it is and returns the status of the answer.
func status(t *testing.T, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, len("HTTP/1.1 200"))
	if _, err := conn.Read(buf); err != nil {
		t.Fatal(err)
	}
	return string(buf[len("HTTP/1.1 "):])
}

// TestPacketLimits: at the limit a packet is handled, one above it ends the
// connection with the reference's words.
func TestPacketLimits(t *testing.T) {
	srv, addr := serve(t, Config{MaxAttachments: 2, MaxJSONDepth: 5, MaxHTTPBufferSize: 300})
	ended := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	srv.OnRaw("x", func(e *RawEvent) { _ = e.Ack(nil) })
	deep := func(n int) string { return `20["x",` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + "]" }
	large := func(n int) string { return `20["x","` + strings.Repeat("x", n-len(`420["x",""]`)) + `"]` }
	parts := func(n int) []string {
		packet := []string{fmt.Sprintf(`5%d-0["x"`, n)}
		for i := range n {
			packet[0] += fmt.Sprintf(`,{"_placeholder":true,"num":%d}`, i)
			packet = append(packet, "b:x")
		}
		packet[0] += "]"
		return packet
	}
	for _, tt := range []struct {
		name      string
		at, above []string
		want      gone
	}{
		{"attachments", parts(2), parts(3), gone{ReasonForcedClose, "too many attachments"}},
		{"depth of JSON", []string{deep(5)}, []string{deep(6)}, gone{ReasonForcedClose, "invalid payload"}},
		{"message", []string{large(300)}, []string{large(301)}, gone{ReasonTransportError, ""}},
	} {
		c := join(t, addr, "/")
		c.send(tt.at...)
		c.expect("30[]")
		c.send(tt.above...)
		c.expectClosed()
		if got := recv(t, ended); got.reason != tt.want.reason || tt.want.err != "" && got.err != tt.want.err {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestSocketLimits: what one connection may have of namespaces, rooms and
// pending acknowledgements.
func TestSocketLimits(t *testing.T) {
	srv, addr := serve(t, Config{MaxNamespaces: 3, MaxRooms: 3, MaxPendingAcks: 3})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	for i := range 3 {
		srv.Of(fmt.Sprint(i))
	}
	c := join(t, addr, "/")
	s := recv(t, sockets)
	c.connect("/0", "")
	c.connect("/1", "")
	c.send("0/2,")
	c.expect(`4/2,{"message":"too many namespaces"}`)
	c.send("1/1,")
	c.connect("/2", "") // there is room again

	if err := s.Join("a", "b", "c"); err != nil {
		t.Errorf("rooms at the limit: %v", err)
	}
	if err := s.Join("d"); !errors.Is(err, ErrTooManyRooms) {
		t.Errorf("rooms above the limit: %v", err)
	}
	s.Leave("a")
	if err := s.Join("d"); err != nil {
		t.Errorf("when there is room again: %v", err)
	}

	none := func(Args, error) {}
	for range 3 {
		if err := s.EmitAck("q", none); err != nil {
			t.Errorf("acknowledgements at the limit: %v", err)
		}
	}
	if err := s.EmitAck("q", none); !errors.Is(err, ErrTooManyAcks) {
		t.Errorf("acknowledgements above the limit: %v", err)
	}
	c.expect(`20["q"]`)
	c.send("30[]")
	eventually(t, "there is room again", func() bool { return s.EmitAck("q", none) == nil })
}

// TestConnectionsPerAddress: the connection above the limit is closed, and
// counted; there is room again when another goes.
func TestConnectionsPerAddress(t *testing.T) {
	srv, addr := serve(t, Config{Poller: poller.Config{MaxConnsPerAddr: 3}})
	var all []*testClient
	for range 3 {
		all = append(all, join(t, addr, "/"))
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var timeout net.Error
	if n, err := conn.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("the fourth connection: %d bytes, %v", n, err)
	}
	eventually(t, "it is counted", func() bool { return srv.Stats().ConnectionsRefused.Addr == 1 })
	_ = all[0].conn.Close()
	eventually(t, "the server noticed", func() bool { return srv.Stats().Connections == 2 })
	join(t, addr, "/")
}

// TestRateLimit sends one event too many, for each kind of limit and action.
func TestRateLimit(t *testing.T) {
	const size = len(`["x"]`)
	for _, tt := range []struct {
		name          string
		events, bytes int
		action        RateAction
	}{
		{"events, disconnect", 5, 0, RateDisconnect},
		{"events, drop", 5, 0, RateDrop},
		{"events, warn", 5, 0, RateWarn},
		{"bytes, disconnect", 0, 5 * size, RateDisconnect},
		{"bytes, drop", 0, 5 * size, RateDrop},
		{"bytes, warn", 0, 5 * size, RateWarn},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told := make(chan *Socket, 10)
			srv, addr := serve(t, Config{RateLimit: RateLimit{
				Events: tt.events, Bytes: tt.bytes, Action: tt.action, OnExceeded: func(s *Socket) { told <- s },
			}})
			handled, ended := make(chan struct{}, 10), make(chan error, 1)
			srv.OnRaw("x", func(*RawEvent) { handled <- struct{}{} }, Inline)
			srv.OnDisconnect(func(_ *Socket, r Reason, err error) {
				if r == ReasonServerDisconnect {
					ended <- err
				}
			})
			sockets := make(chan *Socket, 1)
			srv.OnConnection(func(s *Socket) { sockets <- s })
			c := join(t, addr, "/")
			s := recv(t, sockets)
			in := func() { // in one turn of the loop, whose clock stands still
				s.loop.loop.Post(func(_, _ any) {
					for range 6 {
						engine{srv}.OnMessage(s.sess, []byte(`2["x"]`), false)
					}
				}, nil, nil)
				settle(t, s)
			}
			in()
			want := 5
			if tt.action == RateWarn {
				want = 6
			}
			if n := len(handled); n != want {
				t.Errorf("%d events were handled, want %d", n, want)
			}
			if got := recv(t, told); got != s || len(told) != 0 {
				t.Errorf("the hook was told %d times more", len(told))
			}
			if n := srv.Stats().Limits["RateLimit"]; n != 1 {
				t.Errorf("%d counted", n)
			}
			if tt.action == RateDisconnect {
				c.expect("1")
				c.expectClosed()
				if err := recv(t, ended); !errors.Is(err, ErrRateLimited) {
					t.Errorf("ended with %v", err)
				}
				return
			}
			eventually(t, "the bucket fills again", func() bool {
				before := len(handled)
				c.send(`2["x"]`)
				time.Sleep(quiet)
				return tt.action == RateWarn || len(handled) > before
			})
		})
	}
}

// TestBucket holds the token bucket to its word, second by second.
func TestBucket(t *testing.T) {
	const second = int64(time.Second)
	for _, rate := range []int64{1, 3, 7, 40, 1000} {
		var b bucket
		now := int64(12345)
		for range 3 {
			for i := range rate {
				if !b.take(now, second/rate) {
					t.Fatalf("%d per second: refused number %d", rate, i)
				}
			}
			if b.take(now, second/rate) {
				t.Fatalf("%d per second: one too many", rate)
			}
			now += second
		}
	}
	var b bucket
	if !b.take(5, 10*second) || b.take(5+second, 1) || b.take(5+9*second, second+1) || !b.take(5+9*second, 0) {
		t.Error("a large event must use up what comes in later seconds")
	}
}

// TestHandshakeLimit: more handshakes than may wait for the hook get a 503.
func TestHandshakeLimit(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 2)
	srv, addr := serve(t, Config{MaxPendingHandshakes: 2, AllowRequest: func(*http.Request) error {
		asked <- struct{}{}
		<-release
		return nil
	}})
	url := "http://" + addr + "/socket.io/?EIO=4&transport=polling"
	answers := make(chan int, 2)
	for range 2 {
		go func() { // ends when the hook lets it in
			status, _ := request(t, http.MethodGet, url, "")
			answers <- status
		}()
		recv(t, asked)
	}
	if status, _ := request(t, http.MethodGet, url, ""); status != http.StatusServiceUnavailable {
		t.Errorf("above the limit: %d", status)
	}
	close(release)
	for range 2 {
		if status := recv(t, answers); status != http.StatusOK {
			t.Errorf("at the limit: %d", status)
		}
	}
	if n := srv.Stats().Limits["PendingHandshakes"]; n != 1 {
		t.Errorf("%d counted", n)
	}
}

// TestTimeToTheRequest: a connection that does not bring a request in time is
// closed.
func TestTimeToTheRequest(t *testing.T) {
	_, addr := serve(t, Config{HeaderTimeout: 50 * time.Millisecond})
	for _, begin := range []string{"", "GET /socket.io/?EIO=4"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(patience))
		_, _ = conn.Write([]byte(begin))
		for {
			if _, err = conn.Read(make([]byte, 1000)); err != nil {
				break // after a 408, if a request had begun
			}
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("%q: still open", begin)
		}
	}
}
