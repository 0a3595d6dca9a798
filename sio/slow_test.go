package sio

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/poller"
)

// slowClient is in "/" and reads nothing until it is asked to.
type slowClient interface {
	// read returns the Socket.IO packets that arrive, up to the one that
	// begins with last; binary ones begin with "b:".
	read(t *testing.T, last string) []string
}

var slowClients = map[string]func(t *testing.T, addr string) slowClient{
	"websocket": joinDeaf, "polling": joinLazy,
}

// deaf is a WebSocket whose kernel buffers fill up.
type deaf struct {
	*testClient
	r io.Reader // of conn
}

// rawConn is a connection that begins with what the handshake read too much.
type rawConn struct {
	net.Conn
	r io.Reader
}

func (c *rawConn) Read(b []byte) (int, error) { return c.r.Read(b) }

func joinDeaf(t *testing.T, addr string) slowClient {
	t.Helper()
	d := ws.Dialer{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return conn, err
	}}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, br, _, err := d.Dial(ctx, "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	c := deaf{&testClient{t: t, conn: conn, in: make(chan string, 1<<14)}, conn}
	if br != nil {
		c.r = br
	}
	c.send("0")
	for _, want := range []string{"0", "40"} {
		if got, err := wsutil.ReadServerText(&rawConn{conn, c.r}); err != nil || !strings.HasPrefix(string(got), want) {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	return c
}

func (c deaf) read(t *testing.T, last string) (all []string) {
	t.Helper()
	go c.testClient.read(c.r, nil) // ends when the connection is closed
	for {
		m := c.next()
		all = append(all, m)
		if strings.HasPrefix(m, last) {
			return all
		}
	}
}

// lazy is a client of long-polling that makes no request.
type lazy struct{ url string }

func joinLazy(t *testing.T, addr string) slowClient {
	t.Helper()
	url := "http://" + addr + "/socket.io/?EIO=4&transport=polling"
	_, open := request(t, http.MethodGet, url, "")
	sid, _, ok := strings.Cut(strings.TrimPrefix(open, `0{"sid":"`), `"`)
	if !ok {
		t.Fatalf("open packet %q", open)
	}
	c := lazy{url + "&sid=" + sid}
	request(t, http.MethodPost, c.url, "40")
	if _, got := request(t, http.MethodGet, c.url, ""); !strings.HasPrefix(got, "40{") {
		t.Fatalf("answer to CONNECT: %q", got)
	}
	return c
}

func (c lazy) read(t *testing.T, last string) (all []string) {
	t.Helper()
	for {
		status, payload := request(t, http.MethodGet, c.url, "")
		if status != http.StatusOK {
			t.Fatalf("status %d, %q", status, payload)
		}
		for _, p := range strings.Split(payload, "\x1e") {
			if b64, ok := strings.CutPrefix(p, "b"); ok {
				b, err := base64.StdEncoding.DecodeString(b64)
				if err != nil {
					t.Fatal(err)
				}
				p = "4b:" + string(b)
			}
			if p == "2" {
				continue
			}
			all = append(all, p[1:])
			if strings.HasPrefix(p[1:], last) {
				return all
			}
		}
	}
}

// request makes one HTTP request and returns its answer.
func request(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// settle waits until the loop of s has done all that was emitted before.
func settle(t *testing.T, s *Socket) {
	t.Helper()
	done := make(chan struct{})
	if !s.loop.loop.Post(func(_, _ any) { close(done) }, nil, nil) {
		t.Fatal("the loop is closed")
	}
	recv(t, done)
}

// drops collects what OnDrop is told.
type drops struct {
	mu sync.Mutex
	n  map[DropReason]int
}

func (d *drops) add(_ *Socket, why DropReason) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.n == nil {
		d.n = map[DropReason]int{}
	}
	d.n[why]++
}

func (d *drops) count(why DropReason) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.n[why]
}

const (
	floodEvents = 300
	floodBytes  = 40 << 10 // of each attachment: more in all than any kernel buffer here takes
)

// flood emits numbered binary events, as many as overflow every buffer.
func flood(emit func(event string, rawArgs []byte, attachments ...[]byte) error) error {
	for i := range floodEvents {
		args := fmt.Appendf(nil, `%d,{"_placeholder":true,"num":0}`, i)
		part := bytes.Repeat([]byte{byte('a' + i%26)}, floodBytes)
		if err := emit("x", args, part); err != nil {
			return err
		}
	}
	return nil
}

// numbers returns the numbers of flood's events, and checks that each is whole.
func numbers(t *testing.T, packets []string) (all []int) {
	t.Helper()
	for i := 0; i < len(packets); i++ {
		n := 0
		if _, err := fmt.Sscanf(packets[i], `51-["x",%d,`, &n); err != nil {
			continue // what ends the test
		}
		want := "b:" + strings.Repeat(string(rune('a'+n%26)), floodBytes)
		if i+1 == len(packets) || packets[i+1] != want {
			t.Fatalf("event %d is not followed by its attachment", n)
		}
		all = append(all, n)
		i++
	}
	return all
}

// ways are the ways to ask for a policy, and to emit under it.
var ways = []struct {
	name string
	emit func(s *Socket, o poller.Overflow) func(string, []byte, ...[]byte) error
}{
	{"server's, direct", func(s *Socket, _ poller.Overflow) func(string, []byte, ...[]byte) error { return s.EmitRaw }},
	{"server's, broadcast", func(s *Socket, _ poller.Overflow) func(string, []byte, ...[]byte) error {
		return s.Namespace().EmitRaw
	}},
	{"socket's, direct", func(s *Socket, o poller.Overflow) func(string, []byte, ...[]byte) error {
		s.SetQueue(0, o)
		return s.EmitRaw
	}},
	{"socket's, broadcast", func(s *Socket, o poller.Overflow) func(string, []byte, ...[]byte) error {
		s.SetQueue(0, o)
		return s.Namespace().EmitRaw
	}},
	{"event's, direct", func(s *Socket, o poller.Overflow) func(string, []byte, ...[]byte) error {
		return s.Overflow(o).EmitRaw
	}},
	{"event's, broadcast", func(s *Socket, o poller.Overflow) func(string, []byte, ...[]byte) error {
		return s.Namespace().Overflow(o).EmitRaw
	}},
}

// TestSlowConsumerPolicies tries each policy on each transport, asked for in
// each way: what arrives, what is counted, and what the hook is told.
func TestSlowConsumerPolicies(t *testing.T) {
	for transport, joinSlow := range slowClients {
		for _, policy := range []poller.Overflow{poller.OverflowDisconnect, poller.OverflowDropNewest, poller.OverflowDropOldest} {
			for i, way := range ways {
				t.Run(fmt.Sprintf("%s, policy %d, %s", transport, policy, way.name), func(t *testing.T) {
					server := poller.OverflowDisconnect
					if i < 2 {
						server = policy
					} else if policy == server {
						server = poller.OverflowDropNewest
					}
					tryPolicy(t, joinSlow, policy, server, way.emit)
				})
			}
		}
	}
}

func tryPolicy(t *testing.T, joinSlow func(*testing.T, string) slowClient, policy, server poller.Overflow, emitter func(*Socket, poller.Overflow) func(string, []byte, ...[]byte) error) {
	var told drops
	srv, addr := serve(t, Config{OnDrop: told.add, Poller: poller.Config{MaxQueueBytes: 4 * floodBytes, Overflow: server}})
	sockets, ended := make(chan *Socket, 1), make(chan error, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) {
		if r == ReasonTransportError {
			ended <- err
		}
	})
	c := joinSlow(t, addr)
	s := recv(t, sockets)
	err := flood(emitter(s, policy))
	if policy == poller.OverflowDisconnect {
		if err := recv(t, ended); !errors.Is(err, ErrSlowConsumer) {
			t.Errorf("ended with %v", err)
		}
		eventually(t, "it is counted", func() bool { return srv.Stats().SlowConsumers == 1 })
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	s.SetQueue(1<<30, poller.OverflowDisconnect)
	if err := s.Emit("end"); err != nil {
		t.Fatal(err)
	}
	settle(t, s)
	got := numbers(t, c.read(t, `2["end"]`))
	for i := 1; i < len(got); i++ {
		if got[i] <= got[i-1] {
			t.Fatalf("event %d behind %d", got[i], got[i-1])
		}
	}
	why := DropNewest
	switch policy {
	case poller.OverflowDropNewest:
		if len(got) == 0 || got[0] != 0 { // the first found an empty queue
			t.Errorf("%v arrived", got)
		}
	case poller.OverflowDropOldest:
		why = DropOldest
		if len(got) == 0 || got[len(got)-1] != floodEvents-1 {
			t.Error("the newest event was dropped")
		}
	}
	lost := floodEvents - len(got)
	if lost < floodEvents/10 || told.count(why) == 0 || policy == poller.OverflowDropNewest && told.count(why) != lost {
		t.Errorf("%d events were lost, the hook was told %d times", lost, told.count(why))
	}
	eventually(t, "all drops are counted", func() bool { return srv.Stats().Drops[why] == uint64(lost) })
}

// TestLatestReachesASlowClient: of each key only the newest arrives, behind
// what had left, and events without a key are neither lost nor overtaken.
func TestLatestReachesASlowClient(t *testing.T) {
	for transport, joinSlow := range slowClients {
		for _, broadcast := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, broadcast %v", transport, broadcast), func(t *testing.T) {
				var told drops
				srv, addr := serve(t, Config{OnDrop: told.add})
				sockets := make(chan *Socket, 1)
				srv.OnConnection(func(s *Socket) { sockets <- s })
				c := joinSlow(t, addr)
				s := recv(t, sockets)
				emit := func(key string) func(string, []byte, ...[]byte) error {
					if broadcast {
						return srv.Latest(key).EmitRaw
					}
					return s.Latest(key).EmitRaw
				}
				n := 0
				if err := flood(func(event string, args []byte, parts ...[]byte) error {
					n++
					return emit([]string{"a", "b"}[n%2])(event, args, parts...)
				}); err != nil {
					t.Fatal(err)
				}
				settle(t, s)
				s.loop.loop.Post(func(_, _ any) { // in one turn: nothing leaves meanwhile
					_ = s.Emit("plain")
					_ = emit("a")("news", []byte("1"))
					_ = emit("a")("news", []byte("2"))
					_ = s.Emit("end")
				}, nil, nil)
				settle(t, s)
				packets := c.read(t, `2["end"]`)
				got := numbers(t, packets)
				if len(got) < 1 || got[len(got)-1] < floodEvents-2 {
					t.Fatalf("of the keyed events %v arrived", got)
				}
				tail := packets[len(packets)-3:]
				if want := []string{`2["plain"]`, `2["news",2]`, `2["end"]`}; strings.Join(tail, " ") != strings.Join(want, " ") {
					t.Errorf("at the end came %q, want %q", tail, want)
				}
				if transport == "polling" && len(got) != 1 { // its "a" moved behind "plain"
					t.Errorf("%v arrived, want one", got)
				}
				lost := uint64(floodEvents + 2 - len(got) - 1)
				eventually(t, "all replaced events are counted", func() bool { return srv.Stats().Drops[DropReplaced] == lost })
				if told.count(DropReplaced) != int(lost) {
					t.Errorf("%d events were replaced, the hook was told %d times", lost, told.count(DropReplaced))
				}
			})
		}
	}
}

// TestLatestKeysBelongToTheirNamespace: namespaces share the connection, not
// the keys.
func TestLatestKeysBelongToTheirNamespace(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 2)
	for _, n := range []*Namespace{srv.Namespace, srv.Of("/b")} {
		n.OnConnection(func(s *Socket) { sockets <- s })
	}
	c := join(t, addr, "/")
	c.connect("/b", "")
	a, b := recv(t, sockets), recv(t, sockets)
	done := make(chan struct{})
	a.loop.loop.Post(func(_, _ any) { // in one turn: nothing leaves meanwhile
		defer close(done)
		for i := range 3 {
			_ = a.Latest("k").Emit("x", i)
			_ = b.Latest("k").Emit("x", i)
		}
	}, nil, nil)
	recv(t, done)
	if a.Namespace() != srv.Namespace {
		t.Fatal("sockets came in another order")
	}
	c.expect(`2["x",2]`, `2/b,["x",2]`)
}

// TestReport: an emitter that asks is told what became of each event.
func TestReport(t *testing.T) {
	for transport, joinSlow := range slowClients {
		t.Run(transport, func(t *testing.T) {
			srv, addr := serve(t, Config{Poller: poller.Config{MaxQueueBytes: 4 * floodBytes, Overflow: poller.OverflowDropNewest}})
			sockets := make(chan *Socket, 1)
			srv.OnConnection(func(s *Socket) { sockets <- s })
			c := joinSlow(t, addr)
			s := recv(t, sockets)
			said := make(chan error, floodEvents+10)
			tell := func(err error) { said <- err }
			if err := flood(s.Volatile().Report(tell).EmitRaw); err != nil {
				t.Fatal(err)
			}
			queued, dropped := 0, 0
			if err := flood(s.Report(tell).EmitRaw); err != nil {
				t.Fatal(err)
			}
			for range 2 * floodEvents {
				switch err := recv(t, said); err {
				case nil:
					queued++
				case ErrDropped:
					dropped++
				default:
					t.Fatal(err)
				}
			}
			if queued == 0 || dropped == 0 {
				t.Errorf("%d queued, %d dropped", queued, dropped)
			}
			s.SetQueue(1<<30, poller.OverflowDisconnect)
			_ = s.Emit("end")
			settle(t, s)
			if arrived := len(numbers(t, c.read(t, `2["end"]`))); arrived != queued {
				t.Errorf("%d were queued, %d arrived", queued, arrived)
			}
			s.SetQueue(1, poller.OverflowDisconnect)
			_ = s.Report(tell).Emit("too much")
			if err := recv(t, said); !errors.Is(err, ErrDisconnected) {
				t.Errorf("the event that ended the connection: %v", err)
			}
			eventually(t, "the socket is gone", func() bool { return srv.Stats().Sockets == 0 })
			if err := s.Report(tell).Emit("late"); !errors.Is(err, ErrDisconnected) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}

// TestEmitContextWaitsForRoom: an emitter that waits loses nothing, is held
// until the client reads, and obeys its context.
func TestEmitContextWaitsForRoom(t *testing.T) {
	for transport, joinSlow := range slowClients {
		t.Run(transport, func(t *testing.T) {
			srv, addr := serve(t, Config{Poller: poller.Config{MaxQueueBytes: 4 * floodBytes}})
			sockets := make(chan *Socket, 1)
			srv.OnConnection(func(s *Socket) { sockets <- s })
			c := joinSlow(t, addr)
			s := recv(t, sockets)
			part := bytes.Repeat([]byte("x"), floodBytes)
			sent := make(chan int, floodEvents)
			failed := make(chan error, 1)
			go func() { // ends when all is sent
				for i := range floodEvents {
					if err := s.EmitContext(context.Background(), "x", i, part); err != nil {
						failed <- err
						return
					}
					sent <- i
				}
				failed <- nil
			}()
			held := 0
			eventually(t, "the emitter is held", func() bool {
				before := len(sent)
				time.Sleep(quiet)
				held = len(sent)
				return before == held
			})
			if held >= floodEvents-1 {
				t.Fatal("nobody was held")
			}
			short, cancel := context.WithTimeout(t.Context(), quiet)
			defer cancel()
			if err := s.EmitContext(short, "never"); err != context.DeadlineExceeded {
				t.Errorf("an emitter in a hurry: %v", err)
			}
			go func() { // ends when the emitter above has
				if err := <-failed; err != nil {
					t.Errorf("EmitContext: %v", err)
				}
				_ = s.Emit("end")
			}()
			n := 0
			for _, p := range c.read(t, `2["end"]`) {
				if strings.HasPrefix(p, "51-") {
					if want := fmt.Sprintf(`51-["x",%d,`, n); !strings.HasPrefix(p, want) {
						t.Fatalf("got %.40q, want %q", p, want)
					}
					n++
				}
				if strings.Contains(p, "never") {
					t.Error("what was given up was sent")
				}
			}
			if n != floodEvents {
				t.Errorf("%d of %d events arrived", n, floodEvents)
			}
		})
	}
}

func TestEmitContextEnds(t *testing.T) {
	srv, addr := serve(t, Config{Poller: poller.Config{MaxQueueBytes: 1 << 20}})
	sockets, onLoop := make(chan *Socket, 1), make(chan error, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnRaw("inline", func(e *RawEvent) {
		onLoop <- e.Socket().EmitContext(context.Background(), "x")
	}, Inline)
	c := joinDeaf(t, addr).(deaf)
	s := recv(t, sockets)
	c.send(`2["inline"]`)
	if err := recv(t, onLoop); err != ErrOnLoop {
		t.Errorf("on a loop: %v", err)
	}
	if err := s.EmitContext(t.Context(), "connect"); err != ErrReservedEvent {
		t.Errorf("a reserved event: %v", err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.EmitContext(done, "x"); err != context.Canceled {
		t.Errorf("a context that has ended: %v", err)
	}
	waiting := make(chan error, 2)
	for range 2 {
		go func() { // ends with the socket
			for {
				if err := s.EmitContext(t.Context(), "x", make([]byte, 100<<10)); err != nil {
					waiting <- err
					return
				}
			}
		}()
	}
	eventually(t, "emitters wait", func() bool {
		n := make(chan int, 1)
		s.loop.loop.Post(func(_, _ any) {
			if x := s.extend(); x.waiting != nil {
				n <- len(x.waiting.list)
				return
			}
			n <- 0
		}, nil, nil)
		return recv(t, n) == 2
	})
	_ = c.conn.Close()
	for range 2 {
		if err := recv(t, waiting); err != ErrDisconnected {
			t.Errorf("when the socket goes: %v", err)
		}
	}
	if err := s.EmitContext(t.Context(), "x"); err != ErrDisconnected {
		t.Errorf("after the end: %v", err)
	}
}

// TestQueueOfASocketSurvivesTheUpgrade: what SetQueue says on polling counts on
// the WebSocket too.
func TestQueueOfASocketSurvivesTheUpgrade(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	ended := make(chan error, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnDisconnect(func(_ *Socket, _ Reason, err error) { ended <- err })
	c := joinLazy(t, addr).(lazy)
	s := recv(t, sockets)
	s.SetQueue(100, poller.OverflowDropNewest)
	url := strings.Replace(strings.Replace(c.url, "http:", "ws:", 1), "=polling", "=websocket", 1)
	conn, _, _, err := ws.Dial(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, step := range [][2]string{{"2probe", "3probe"}, {"5", ""}} {
		if err := wsutil.WriteClientText(conn, []byte(step[0])); err != nil {
			t.Fatal(err)
		}
		if step[1] == "" {
			break
		}
		if got, err := wsutil.ReadServerText(conn); err != nil || string(got) != step[1] {
			t.Fatalf("%q, %v", got, err)
		}
	}
	eventually(t, "the upgrade is done", func() bool { return srv.Stats().ConnectionsByTransport["websocket"] == 1 })
	said := make(chan error, 2)
	s.loop.loop.Post(func(_, _ any) { // in one turn: the first cannot leave before the second
		for _, n := range []int{50, 50} {
			_ = s.Report(func(err error) { said <- err }).Emit("x", strings.Repeat("x", n))
		}
	}, nil, nil)
	if err := recv(t, said); err != nil {
		t.Errorf("the first event: %v", err)
	}
	if err := recv(t, said); err != ErrDropped {
		t.Errorf("the second event: %v", err)
	}
}
