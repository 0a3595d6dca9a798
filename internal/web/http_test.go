package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

func TestRequests(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{}, &hooks{})
	long := strings.Repeat("0123456789", 20_000)
	for _, tt := range []struct {
		name, in string
		want     string
	}{
		{"get", get("/a?b=c"), `GET /a?b=c ""`},
		{"post", post("/p", "hello"), `POST /p "hello"`},
		{"empty post", post("/p", ""), `POST /p ""`},
		{"long post", post("/p", long), `POST /p "` + long + `"`},
		{"chunked", chunked("/c", "hel", "lo", "!"), `POST /c "hello!"`},
		{"one chunk", chunked("/c", "hello"), `POST /c "hello"`},
		{"no chunk", chunked("/c"), `POST /c ""`},
		{"long chunks", chunked("/c", long[:100_000], long[100_000:]), `POST /c "` + long + `"`},
		{"expect, not waiting", post("/p", "x", "Expect: 100-continue\r\n"), `POST /p "x"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dial(t)
			for range 2 { // the connection stays good
				c.send(t, tt.in)
				if a := c.want(t, 200, tt.want); a.close || a.header.Get("Date") == "" {
					t.Errorf("close %t, Date %q", a.close, a.header.Get("Date"))
				}
			}
			if strings.Contains(tt.in, "Expect") {
				return // cut behind the head, the answer would be a 100
			}
			// In two pieces, cut at places in head and body.
			for _, at := range []int{1, len(tt.in) / 3, len(tt.in) / 2, len(tt.in) - 2, len(tt.in) - 1} {
				c.send(t, tt.in[:at], tt.in[at:])
				c.want(t, 200, tt.want)
			}
		})
	}
}

// TestEveryCut sends two requests cut at every place, and byte by byte.
func TestEveryCut(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{}, &hooks{})
	in := chunked("/1", "ab", "c") + post("/2", "xyz") + get("/3")
	c := s.dial(t)
	check := func(pieces ...string) {
		c.send(t, pieces...)
		c.want(t, 200, `POST /1 "abc"`)
		c.want(t, 200, `POST /2 "xyz"`)
		c.want(t, 200, `GET /3 ""`)
	}
	for at := 1; at < len(in); at++ {
		check(in[:at], in[at:])
	}
	check(strings.Split(in, "")...)
}

func TestPipelining(t *testing.T) {
	var parked []*Exchange
	ready := make(chan *Exchange, 1)
	h := &hooks{}
	h.body = func(x *Exchange, b []byte) {
		if string(x.Request().Target) == "/wait" {
			parked = append(parked, x)
			ready <- x
			return
		}
		repeatRequest(x, b)
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	c := s.dial(t)
	c.send(t, get("/1")+get("/wait")+post("/2", "x")+get("/3")[:20])
	c.want(t, 200, `GET /1 ""`)
	x := <-ready
	c.send(t, get("/3")[20:], get("/4"))
	time.Sleep(20 * time.Millisecond)
	if got := fmt.Sprint(s.seen()); got != "[/1 /wait]" {
		t.Errorf("before the answer: handled %s, want [/1 /wait]", got)
	}
	s.poller.Loops()[0].Post(func(a, _ any) {
		x := a.(*Exchange)
		if x.Request() != nil {
			t.Error("a parked exchange holds its request")
		}
		x.Respond(200, "", nil, []byte("late"))
		if n := len(s.seen()); n != 2 {
			t.Errorf("Respond called a handler: %d requests, want 2", n)
		}
	}, x, nil)
	c.want(t, 200, "late")
	c.want(t, 200, `POST /2 "x"`)
	c.want(t, 200, `GET /3 ""`)
	c.want(t, 200, `GET /4 ""`)
}

func TestConnectionHeader(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{KeepAliveTimeout: 7 * time.Second}, &hooks{})
	for _, tt := range []struct {
		in    string
		close bool
	}{
		{get("/"), false},
		{get("/", "Connection: close\r\n"), true},
		{"GET / HTTP/1.0\r\n\r\n", true},
		{"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
	} {
		c := s.dial(t)
		c.send(t, tt.in)
		a := c.want(t, 200, `GET / ""`)
		if a.close != tt.close {
			t.Errorf("%q: close %t, want %t", tt.in, a.close, tt.close)
		}
		if tt.close {
			c.wantEOF(t)
			continue
		}
		if got := a.header.Get("Connection"); got != "keep-alive" {
			t.Errorf("%q: Connection: %q, want keep-alive", tt.in, got)
		}
		if got := a.header.Get("Keep-Alive"); got != "timeout=7" {
			t.Errorf("%q: Keep-Alive: %q, want timeout=7", tt.in, got)
		}
		c.send(t, tt.in)
		c.want(t, 200, `GET / ""`)
	}
}

func TestNoBodyAnswers(t *testing.T) {
	h := &hooks{}
	h.body = func(x *Exchange, _ []byte) {
		status := 200
		fmt.Sscanf(string(x.Request().Target), "/%d", &status)
		x.Respond(status, "text/plain", []byte("X-A: b\r\n"), []byte("body"))
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	c := s.dial(t)
	c.send(t, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
	if a := c.next(t, "HEAD"); a.body != "" || a.header.Get("Content-Length") != "4" || a.header.Get("X-A") != "b" {
		t.Errorf("HEAD: %+v", a)
	}
	for _, status := range []int{204, 304} {
		c.send(t, get(fmt.Sprintf("/%d", status)))
		if a := c.want(t, status, ""); a.header.Get("Content-Length") != "" {
			t.Errorf("%d: Content-Length %q", status, a.header.Get("Content-Length"))
		}
	}
	c.send(t, get("/200"))
	c.want(t, 200, "body")
}

func TestExpectContinue(t *testing.T) {
	h := &hooks{}
	h.request = func(x *Exchange) {
		if string(x.Request().Target) == "/no" {
			x.Respond(401, "", nil, nil)
		}
	}
	s := startHTTP(t, poller.Config{}, Config{MaxBodyBytes: 10}, h)
	head := func(target string, n int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", target, n)
	}
	c := s.dial(t)
	for range 2 {
		c.send(t, head("/yes", 5))
		line, err := c.r.ReadString('\n')
		if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
			t.Fatalf("got %q, %v", line, err)
		}
		if line, _ = c.r.ReadString('\n'); line != "\r\n" {
			t.Fatalf("behind the 100: %q", line)
		}
		c.send(t, "hello")
		c.want(t, 200, `POST /yes "hello"`)
	}
	// What comes behind a refusal nobody can tell: the connection ends.
	for target, status := range map[string]int{"/no": 401, "/large": 413} {
		c := s.dial(t)
		c.send(t, head(target, 11))
		if a := c.want(t, status, ""); !a.close {
			t.Errorf("%s: the connection goes on", target)
		}
		c.wantEOF(t)
	}
}

// TestTooLarge: L passes, L+1 is a 413, and the connection stays usable.
func TestTooLarge(t *testing.T) {
	for _, own := range []bool{false, true} {
		h := &hooks{}
		if own {
			h.tooLarge = func(x *Exchange) { x.Respond(413, "text/plain", nil, []byte("own")) }
		}
		h.request = func(x *Exchange) { x.SetMaxBody(1000) }
		s := startHTTP(t, poller.Config{}, Config{MaxBodyBytes: 10}, h)
		c := s.dial(t)
		ok, big := strings.Repeat("a", 1000), strings.Repeat("a", 1001)
		body := map[bool]string{true: "own"}[own]
		for range 2 {
			c.send(t, post("/1", ok)+chunked("/2", ok[:500], ok[500:])+post("/3", big)+chunked("/4", ok, "a")+get("/5"))
			c.want(t, 200, `POST /1 "`+ok+`"`)
			c.want(t, 200, `POST /2 "`+ok+`"`)
			c.want(t, 413, body)
			c.want(t, 413, body)
			c.want(t, 200, `GET /5 ""`)
		}
		// In pieces, with the end of the body long after the answer.
		in := post("/3", big)
		c.send(t, in[:len(in)-500])
		c.want(t, 413, body)
		c.send(t, in[len(in)-500:len(in)-1], in[len(in)-1:]+get("/5"))
		c.want(t, 200, `GET /5 ""`)
		if _, bodies, aborts := h.counts(); bodies != 7 || aborts != 0 {
			t.Errorf("own %t: %d bodies, %d aborts; want 7, 0", own, bodies, aborts)
		}
	}
}

// TestMuchTooLarge: nobody reads gigabytes to throw them away.
func TestMuchTooLarge(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{}, &hooks{})
	c := s.dial(t)
	c.send(t, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000000\r\n\r\n")
	if a := c.want(t, 413, ""); !a.close {
		t.Error("the connection goes on")
	}
	c.wantEOF(t)

	c = s.dial(t)
	c.send(t, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<16, strings.Repeat("a", 1<<16))
	start := time.Now()
	for err := error(nil); err == nil; {
		if _, err = c.Write([]byte(chunk)); err != nil && !isGone(err) {
			t.Errorf("write: %v", err)
		}
	}
	if took := time.Since(start); took > lingerTimeout+5*time.Second {
		t.Errorf("an endless body was read for %v", took)
	}
}

func TestRefusedHeads(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{MaxHeaderBytes: 10_000, MaxHeaders: 10}, &hooks{})
	for _, tt := range []struct {
		in     string
		status int
	}{
		{"GET / HTTP/1.1\n\n", 400},
		{"nonsense\r\n\r\n", 400},
		{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 400},
		{"GET / HTTP/1.1\r\n\r\n", 400},
		{get("//x"), 400},
		{"GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505},
		{get("/", "Transfer-Encoding: gzip\r\n"), 501},
		{get("/", "Expect: magic\r\n"), 417},
		{get("/" + strings.Repeat("a", 9000)), 414},
		{get("/" + strings.Repeat("a", 20000)), 414},
		{get("/", strings.Repeat("A: b\r\n", 10)), 431},
		{get("/", "A: "+strings.Repeat("b", 10_000)+"\r\n"), 431},
		{"GET / HTTP/1.1\r\nA: " + strings.Repeat("b", 200_000), 431},
	} {
		c := s.dial(t)
		c.send(t, get("/ok"))
		c.want(t, 200, `GET /ok ""`)
		c.send(t, tt.in)
		if a := c.next(t, "GET"); a.status != tt.status || !a.close {
			t.Errorf("%.40q: got %d close %t, want %d close true", tt.in, a.status, a.close, tt.status)
		}
		c.wantEOF(t)
	}
	if requests, _, aborts := s.counts(); requests != 13 || aborts != 0 {
		t.Errorf("%d requests, %d aborts; want 13, 0", requests, aborts)
	}
}

// TestBadBody: the exchange ends in OnAbort, the client gets a 400.
func TestBadBody(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{}, &hooks{})
	for _, cut := range []string{"", "\x00"} {
		head, bad := strings.TrimSuffix(chunked("/", "abc"), "0\r\n\r\n"), "+5\r\nhello\r\n0\r\n\r\n"+get("/smuggled")
		c := s.dial(t)
		if cut == "" {
			c.send(t, head+bad)
		} else {
			c.send(t, head, bad)
		}
		if a := c.want(t, 400, ""); !a.close {
			t.Error("the connection goes on")
		}
		c.wantEOF(t)
	}
	if requests, bodies, aborts := s.counts(); requests != 2 || bodies != 0 || aborts != 2 {
		t.Errorf("%d requests, %d bodies, %d aborts; want 2, 0, 2", requests, bodies, aborts)
	}
}
