package web

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

func TestTimeouts(t *testing.T) {
	cfg := Config{HeaderTimeout: 150 * time.Millisecond, RequestTimeout: 150 * time.Millisecond, KeepAliveTimeout: 300 * time.Millisecond}
	s := startHTTP(t, poller.Config{}, cfg, &hooks{})
	for _, tt := range []struct {
		name, in string
		status   int // 0: closed without a word
		answered bool
	}{
		{"nothing", "", 0, false},
		{"half a head", "GET / HTTP/1.1\r\nHos", 408, false},
		{"one byte", "G", 408, false},
		{"empty line", "\r\n", 0, false},
		{"half a body", post("/", "hello")[:len(post("/", "hello"))-2], 408, false},
		{"half a chunk", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", 408, false},
		{"idle", get("/"), 0, true},
		{"half of the second head", get("/") + "GET /2", 408, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := s.dial(t)
			c.send(t, tt.in)
			if tt.answered {
				c.want(t, 200, `GET / ""`)
			}
			if tt.status != 0 {
				c.want(t, tt.status, "")
			}
			c.wantEOF(t)
		})
	}
}

// TestSlowloris: a byte now and then does not buy time.
func TestSlowloris(t *testing.T) {
	const limit = 300 * time.Millisecond
	s := startHTTP(t, poller.Config{}, Config{HeaderTimeout: limit, RequestTimeout: limit}, &hooks{})
	for _, in := range []string{"GET / HTTP/1.1\r\nHost: " + strings.Repeat("a", 1000), post("/", strings.Repeat("x", 1000))} {
		c := s.dial(t)
		whole := strings.Index(in, "\r\n\r\n") + 4
		if whole < 4 {
			whole = 1
		}
		start := time.Now()
		_, err := io.WriteString(c, in[:whole])
		for i := whole; err == nil && i < len(in); i++ {
			time.Sleep(10 * time.Millisecond)
			_, err = io.WriteString(c, in[i:i+1])
		}
		took := time.Since(start)
		if !isGone(err) || took < limit || took > limit+lingerTimeout+3*time.Second {
			t.Errorf("%.20q: cut after %v with %v, want soon after %v", in, took, err, limit)
		}
	}
	if _, _, aborts := s.counts(); aborts != 1 {
		t.Errorf("%d aborts, want 1, for the body", aborts)
	}
}

// TestLeaving: the client goes at each point of a request, by FIN and by RST.
// Each exchange that began ends once.
func TestLeaving(t *testing.T) {
	h := &hooks{}
	h.body = func(*Exchange, []byte) {} // park
	s := startHTTP(t, poller.Config{}, Config{}, h)
	in := "\r\n" + chunked("/wait", "ab", "c") + get("/next")
	for at := 0; at <= len(in); at++ {
		for _, rst := range []bool{false, true} {
			c := s.dial(t)
			c.send(t, in[:at])
			if rst && at%3 == 0 { // sometimes the bytes and the RST meet, sometimes not
				time.Sleep(time.Millisecond)
			}
			if rst {
				c.reset(t)
			} else {
				require.NoError(t, c.Close())
			}
		}
	}
	s.until(t, "all connections to be gone", func() bool { return s.poller.Stats().Conns == 0 })
	requests, _, aborts := s.counts()
	if requests != aborts || requests == 0 {
		t.Errorf("%d requests, %d aborts; want as many", requests, aborts)
	}
	for _, target := range s.seen() {
		if target != "/wait" {
			t.Errorf("%s was handled before its time", target)
		}
	}
}

// TestParkedIsCheap: as many goroutines with 300 long polls as with none.
func TestParkedIsCheap(t *testing.T) {
	h := &hooks{}
	h.body = func(*Exchange, []byte) {}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	before := runtime.NumGoroutine()
	const n = 300
	for range n {
		c := s.dial(t)
		c.send(t, get("/wait"))
	}
	h.until(t, "the polls", func() bool { _, bodies, _ := h.counts(); return bodies == n })
	if after := runtime.NumGoroutine(); after > before+2 {
		t.Errorf("%d goroutines, %d without the polls", after, before)
	}
	require.NoError(t, s.poller.Close())
	if _, _, aborts := h.counts(); aborts != n {
		t.Errorf("%d aborts after Close, want %d", aborts, n)
	}
}

func TestCut(t *testing.T) {
	cut := errors.New("cut")
	late := make(chan *Exchange, 1)
	h := &hooks{}
	h.request = func(x *Exchange) {
		switch string(x.Request().Target) {
		case "/now":
			x.Cut(cut)
		case "/later":
			late <- x
		}
	}
	h.body = func(x *Exchange, b []byte) {
		if string(x.Request().Target) == "/body" {
			x.Cut(cut)
		}
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	gone := func(c *client) {
		t.Helper()
		if b, err := io.ReadAll(c.r); len(b) > 0 || err != nil && !isGone(err) {
			t.Errorf("got %q, %v; want nothing", b, err)
		}
	}
	for _, target := range []string{"/now", "/body"} {
		c := s.dial(t)
		c.send(t, post(target, "x")+get("/next"))
		gone(c)
	}
	for _, in := range []string{post("/later", "hello")[:55], post("/later", "hello")} {
		c := s.dial(t)
		c.send(t, in)
		x := <-late
		time.Sleep(5 * time.Millisecond)
		s.poller.Loops()[0].Post(func(a, _ any) { a.(*Exchange).Cut(cut) }, x, nil)
		gone(c)
	}
	s.until(t, "all connections to be gone", func() bool { return s.poller.Stats().Conns == 0 })
	if requests, _, aborts := h.counts(); requests != 4 || aborts != 0 {
		t.Errorf("%d requests, %d aborts; want 4, 0", requests, aborts)
	}
}

// TestAnswerWhileBodyArrives: from outside of the handler, body still coming.
func TestAnswerWhileBodyArrives(t *testing.T) {
	late := make(chan *Exchange, 1)
	h := &hooks{}
	h.request = func(x *Exchange) {
		if string(x.Request().Target) == "/later" {
			late <- x
		}
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	c := s.dial(t)
	in := post("/later", strings.Repeat("x", 1000))
	c.send(t, in[:500])
	x := <-late
	time.Sleep(5 * time.Millisecond)
	s.poller.Loops()[0].Post(func(a, _ any) { a.(*Exchange).Respond(400, "", nil, []byte("no")) }, x, nil)
	c.want(t, 400, "no")
	c.send(t, in[500:]+get("/next"))
	c.want(t, 200, `GET /next ""`)
	if _, bodies, aborts := h.counts(); bodies != 1 || aborts != 0 {
		t.Errorf("%d bodies, %d aborts; want 1, 0", bodies, aborts)
	}
}

func TestKeepRequest(t *testing.T) {
	ready := make(chan *Exchange, 1)
	h := &hooks{}
	h.body = func(x *Exchange, b []byte) {
		if string(x.Request().Target) == "/keep" {
			x.KeepRequest()
			x.SetData("data")
			ready <- x
			return
		}
		if x.Data() != nil {
			t.Errorf("data of another exchange: %v", x.Data())
		}
		repeatRequest(x, b)
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	for _, pieces := range [][]string{
		{get("/keep", "X: y\r\n") + get("/next")},
		{get("/keep", "X: y\r\n")[:30], get("/keep", "X: y\r\n")[30:] + get("/next")},
	} {
		c := s.dial(t)
		c.send(t, pieces...)
		x := <-ready
		s.poller.Loops()[0].Post(func(a, _ any) {
			x := a.(*Exchange)
			x.Respond(200, "", nil, fmt.Appendf(nil, "%s %s %v", x.Request().Target, x.Request().Header("X"), x.Data()))
		}, x, nil)
		c.want(t, 200, "/keep y data")
		c.want(t, 200, `GET /next ""`)
	}
}

func TestSetHandler(t *testing.T) {
	other := &hooks{changed: make(chan struct{}, 1)}
	other.body = func(x *Exchange, _ []byte) { x.Respond(200, "", nil, []byte("other")) }
	h := &hooks{}
	h.request = func(x *Exchange) {
		if string(x.Request().Target) == "/other" {
			x.SetHandler(other)
		}
	}
	s := startHTTP(t, poller.Config{}, Config{}, h)
	c := s.dial(t)
	c.send(t, get("/other")+get("/mine")+post("/other", "hello")[:55])
	c.want(t, 200, "other")
	c.want(t, 200, `GET /mine ""`)
	s.until(t, "the third request", func() bool { return len(s.seen()) == 3 })
	require.NoError(t, c.Close())
	s.until(t, "the abort", func() bool { _, _, aborts := other.counts(); return aborts == 1 })
	if _, _, aborts := h.counts(); aborts != 0 {
		t.Errorf("%d aborts reached the first handler", aborts)
	}
}

// TestMove: a request goes to the loop that its target names, with all bytes.
func TestMove(t *testing.T) {
	h := &hooks{}
	var loops atomic.Pointer[[]*poller.Loop]
	h.request = func(x *Exchange) {
		to := (*loops.Load())[0]
		if strings.HasPrefix(string(x.Request().Target), "/1") {
			to = (*loops.Load())[1]
		}
		x.Move(to)
	}
	h.body = func(x *Exchange, b []byte) {
		x.Respond(200, "", nil, fmt.Appendf(nil, "loop %d %s", x.Loop().Index(), b))
	}
	s := startHTTP(t, poller.Config{Loops: 2}, Config{}, h)
	all := s.poller.Loops()
	loops.Store(&all)
	for range 4 {
		c := s.dial(t)
		for range 5 {
			in := post("/1", "abc") + post("/0", "def") + post("/1", "ghi")
			c.send(t, in[:50], in[50:])
			c.want(t, 200, "loop 1 abc")
			c.want(t, 200, "loop 0 def")
			c.want(t, 200, "loop 1 ghi")
		}
	}
}

// TestUnreadAnswers: who pipelines and does not read is held by TCP, not by our
// memory, and gets everything in the end.
func TestUnreadAnswers(t *testing.T) {
	const size, n = 100_000, 400
	h := &hooks{}
	body := []byte(strings.Repeat("a", size))
	h.body = func(x *Exchange, _ []byte) { x.Respond(200, "", nil, body) }
	s := startHTTP(t, poller.Config{}, Config{}, h)
	c := s.dial(t)
	go func() { // ends when all is written or the connection is closed
		for range n {
			if _, err := io.WriteString(c, get("/")); err != nil {
				return
			}
		}
	}()
	last := -1
	h.until(t, "the server to stop", func() bool {
		time.Sleep(50 * time.Millisecond)
		requests, _, _ := h.counts()
		same := requests == last
		last = requests
		return same && requests > 0
	})
	if last > n/2 { // the kernel's buffers hold some megabytes
		t.Errorf("%d of %d answers of %d bytes were made for a client that reads none", last, n, size)
	}
	for i := range n {
		if a := c.next(t, "GET"); a.status != 200 || len(a.body) != size {
			t.Fatalf("answer %d: %d, %d bytes", i, a.status, len(a.body))
		}
	}
}

// TestFloodWhileParked: what is read ahead of an answer is bounded.
func TestFloodWhileParked(t *testing.T) {
	ready := make(chan *Exchange, 1)
	h := &hooks{}
	h.body = func(x *Exchange, b []byte) {
		if string(x.Request().Target) == "/wait" {
			ready <- x
			return
		}
		repeatRequest(x, b)
	}
	s := startHTTP(t, poller.Config{ReadBufferBytes: 16 << 10}, Config{}, h)
	c := s.dial(t)
	c.send(t, get("/wait"))
	x := <-ready
	const n = 20_000
	flood := strings.Repeat(get("/n"), n)
	go func() { _, _ = io.WriteString(c, flood) }() // ends when written or closed
	time.Sleep(100 * time.Millisecond)
	held := make(chan int, 1)
	s.poller.Loops()[0].Post(func(a, _ any) {
		x := a.(*Exchange)
		held <- len(x.c.stash.B)
		x.Respond(200, "", nil, []byte("done"))
	}, x, nil)
	if got := <-held; got > maxStashBytes+16<<10 {
		t.Errorf("%d bytes are held, want at most %d", got, maxStashBytes+16<<10)
	}
	c.want(t, 200, "done")
	for range n {
		c.want(t, 200, `GET /n ""`)
	}
}

// TestSmugglingOverTheWire sends the vectors of http1 to the server.
func TestSmugglingOverTheWire(t *testing.T) {
	s := startHTTP(t, poller.Config{}, Config{}, &hooks{})
	for name, in := range smugglingVectors(t) {
		c := s.dial(t)
		c.send(t, in)
		a := c.next(t, "GET")
		if a.status < 400 || !a.close {
			t.Errorf("%s: got %d, close %t", name, a.status, a.close)
		}
		c.wantEOF(t)
	}
	for _, target := range s.seen() {
		if target == "/smuggled" {
			t.Error("a hidden request was handled")
		}
	}
}
