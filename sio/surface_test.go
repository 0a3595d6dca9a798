package sio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/eio"
)

// TestAccessToTheConnection: what the reference has as socket.conn, socket.client and socket.request.
func TestAccessToTheConnection(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 4)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.Of("/b").OnConnection(func(s *Socket) { sockets <- s })
	upgrades := make(chan string, 4)
	srv.OnUpgrade(func(s *Socket, transport string) { upgrades <- "shared " + s.ID() + " " + transport })

	c := dialPoll(t, addr, "&foo=1&foo=2", "X-Custom: yes", "Cookie: a=1; b=2", "Origin: http://page.example")
	c.post("40", "40/b,")
	a, b := recv(t, sockets), recv(t, sockets)
	if a.Namespace() != srv.Namespace {
		a, b = b, a
	}
	b.OnUpgrade(func(transport string) { upgrades <- "own " + b.ID() + " " + transport })
	conn := a.Conn()
	if conn.TransportName() != "polling" || conn.Upgraded() || conn.State() != eio.Open || conn.Protocol() != 4 || conn.ID() != c.sid {
		t.Errorf("connection: %s, %v, %v, protocol %d", conn.TransportName(), conn.Upgraded(), conn.State(), conn.Protocol())
	}
	r := a.Handshake().Request()
	cookie, err := r.Cookie("b")
	if err != nil || cookie.Value != "2" || r.Header.Get("X-Custom") != "yes" || r.URL.Query().Get("EIO") != "4" || r.URL.Path != "/socket.io/" ||
		!strings.HasPrefix(r.RemoteAddr, "127.0.0.1:") || r.Host != addr || r.Method != http.MethodGet || r.Context() == nil {
		t.Errorf("request %+v, %v", r, err)
	}
	h := b.Handshake()
	if h.Query.Get("foo") != "2" || !h.XDomain || h.Headers.Get("X-Custom") != "yes" || h.Address != "127.0.0.1" {
		t.Errorf("handshake %+v", h)
	}
	if all := a.ClientSockets(); !slices.Equal(all, []*Socket{a, b}) || !slices.Equal(b.ClientSockets(), all) {
		t.Errorf("sockets of the client: %v", all)
	}
	queued := make(chan int, 1)
	conn.Do(func(s *eio.Session) { queued <- s.Queued() })
	if n := recv(t, queued); n < 0 {
		t.Errorf("%d bytes queued", n)
	}

	w := c.upgrade()
	got := []string{recv(t, upgrades), recv(t, upgrades)}
	slices.Sort(got)
	if want := []string{"own " + b.ID() + " websocket", "shared " + a.ID() + " websocket"}; !slices.Equal(got, want) {
		t.Errorf("upgrades %q, want %q", got, want)
	}
	if conn.TransportName() != "websocket" || !conn.Upgraded() {
		t.Errorf("after the upgrade: %s, %v", conn.TransportName(), conn.Upgraded())
	}
	w.send("1/b,")
	eventually(t, "one socket is left", func() bool { return slices.Equal(a.ClientSockets(), []*Socket{a}) })
	w.send("1")
	eventually(t, "none is left", func() bool { return len(b.ClientSockets()) == 0 })
}

// TestHandshakeHasTheReferencesForm compares with what Node's socket.handshake looks like as JSON.
func TestHandshakeHasTheReferencesForm(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := dialPoll(t, addr, "&a=1&a=2", "X-Custom: yes")
	c.post(`40{"token":"x"}`)
	b, err := json.Marshal(recv(t, sockets).Handshake())
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		Headers         map[string]string
		Time            string
		Address         string
		XDomain, Secure *bool
		Issued          int64
		URL             string
		Query           map[string]string
		Auth            map[string]string
	}
	if err := json.Unmarshal(b, &h); err != nil {
		t.Fatal(err)
	}
	if h.Headers["x-custom"] != "yes" || h.Headers["host"] != addr || h.Address != "127.0.0.1" || h.XDomain == nil || *h.XDomain || h.Secure == nil || *h.Secure ||
		h.Issued < 1e12 || !strings.HasPrefix(h.URL, "/socket.io/?EIO=4") || h.Query["a"] != "2" || h.Query["transport"] != "polling" || h.Auth["token"] != "x" ||
		!strings.Contains(h.Time, " GMT+0000 (Coordinated Universal Time)") {
		t.Errorf("%s", b)
	}
}

func TestListenersOfAllEventsAreListedAndRemoved(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := join(t, addr, "/")
	s := recv(t, sockets)
	var log journal
	note := func(who string) func(string, Args) { return func(event string, _ Args) { log.add(who + " " + event) } }
	s.OnAny(note("any"))
	s.PrependAny(note("first"))
	s.OnAnyOutgoing(note("out"))
	s.PrependAnyOutgoing(note("first out"))
	srv.OnAny(func(_ *Socket, event string, _ Args) { log.add("shared " + event) })
	srv.PrependAny(func(_ *Socket, event string, _ Args) { log.add("first shared " + event) })
	for _, fn := range s.ListenersAny() {
		fn("listed", Args{})
	}
	for _, fn := range s.ListenersAnyOutgoing() {
		fn("listed", Args{})
	}
	srv.OnRaw("a", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c.send(`20["a"]`)
	c.expect("30[]")
	_ = s.Emit("b")
	s.OffAny()
	s.OffAnyOutgoing()
	srv.OffAny()
	c.send(`21["a"]`)
	_ = s.Emit("b")
	_ = srv.Emit("c")
	c.expect(`2["b"]`)
	got := []string{c.next(), c.next(), c.next()}
	slices.Sort(got)
	if !slices.Equal(got, []string{`2["b"]`, `2["c"]`, `31[]`}) {
		t.Errorf("got %q", got)
	}
	if len(s.ListenersAny())+len(s.ListenersAnyOutgoing()) != 0 {
		t.Error("listeners are left")
	}
	log.expect(t, "first listed", "any listed", "first out listed", "out listed",
		"first shared a", "shared a", "first a", "any a", "first out b", "out b")
}

func TestAListenerOfAllEventsCanAnswer(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnAny(func(_ *Socket, event string, args Args) {
		if event == "any" {
			args.Ack()("from any", args.Len())
			args.Ack()("again")
		}
	})
	srv.UsePacket(func(_ *Socket, event string, args Args) error {
		if event == "refused" {
			args.Ack()(map[string]string{"error": "no"})
			return errors.New("refused")
		}
		return nil
	})
	srv.On("any", func(_ *Socket, _ []any, ack Ack) { ack("from the handler") })
	srv.On("other", func(_ *Socket, _ []any, ack Ack) { ack("from the handler") })
	c := join(t, addr, "/")
	c.send(`20["any",1,2]`, `21["refused"]`, `22["other"]`, `2["any"]`, `23["other"]`)
	c.expect(`30["from any",2]`, `31[{"error":"no"}]`, `32["from the handler"]`, `33["from the handler"]`)
	Args{}.Ack()("nobody asked")
}

func TestHandlersAreCountedListedAndRemoved(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	var log journal
	note := func(who string) func(e *RawEvent) { return func(*RawEvent) { log.add(who) } }
	srv.OnRaw("a", note("second"), Inline)
	srv.OnRaw("a", note("first"), Inline, Prepend)
	off := srv.OnRaw("a", note("third"), Inline)
	offTyped := On(srv, "b", func(*Socket, Args) error { log.add("typed"); return nil }, Inline)
	srv.On("b", func(*Socket, []any, Ack) { log.add("dynamic") }, Inline)
	srv.OnRaw("done", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c := join(t, addr, "/")
	s := recv(t, sockets)
	offOwn := s.OnRaw("a", note("own"), Inline)
	s.OnRaw("c", note("c"), Inline)
	s.OnRaw("a", note("own first"), Inline, Prepend)
	if srv.HandlerCount("a") != 3 || srv.HandlerCount("x") != 0 || s.HandlerCount("a") != 2 ||
		!slices.Equal(srv.EventNames(), []string{"a", "b", "done"}) || !slices.Equal(s.EventNames(), []string{"a", "c"}) {
		t.Errorf("counts %d, %d, names %v, %v", srv.HandlerCount("a"), s.HandlerCount("a"), srv.EventNames(), s.EventNames())
	}
	c.send(`2["a"]`, `2["b"]`, `20["done"]`)
	c.expect("30[]")
	log.expect(t, "first", "second", "third", "own first", "own", "typed", "dynamic")
	off()
	off()
	offTyped()
	offOwn()
	c.send(`2["a"]`, `2["b"]`, `21["done"]`)
	c.expect("31[]")
	log.expect(t, "first", "second", "third", "own first", "own", "typed", "dynamic", "first", "second", "own first", "dynamic")
	s.OffAll()
	srv.OffAll()
	if len(srv.EventNames())+len(s.EventNames()) != 0 {
		t.Error("handlers are left")
	}
}

// TestLocalMeansTheOthers: socket.local is a broadcast, as in the reference.
func TestLocalMeansTheOthers(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 2)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	a, b := join(t, addr, "/"), join(t, addr, "/")
	first := recv(t, sockets)
	recv(t, sockets)
	_ = first.Local().Emit("x")
	_ = srv.Emit("end")
	got := []string{a.next(), b.next()}
	slices.Sort(got)
	if !slices.Equal(got, []string{`2["end"]`, `2["x"]`}) {
		t.Errorf("got %q", got)
	}
}

// TestOrderOfListenersMiddlewaresAndHandlers: onAny, the middlewares of the
// namespace and the socket, then the handlers; acknowledgements go to none.
func TestOrderOfListenersMiddlewaresAndHandlers(t *testing.T) {
	srv, addr := serve(t, Config{})
	var log journal
	srv.OnConnection(func(s *Socket) {
		s.OnAny(func(event string, _ Args) { log.add("any " + event) })
		s.Use(func(event string, _ Args) error { log.add("use " + event); return nil })
		s.OnRaw("a", func(e *RawEvent) {
			log.add("handler a")
			_ = s.EmitAck("ask", func(Args, error) { log.add("answer") })
		})
	})
	c := join(t, addr, "/")
	c.send(`2["a"]`)
	c.expect(`20["ask"]`)
	c.send(`30["x"]`, `2["b"]`)
	eventually(t, "all is handled", func() bool {
		log.mu.Lock()
		defer log.mu.Unlock()
		return len(log.lines) == 6
	})
	log.expect(t, "any a", "use a", "handler a", "answer", "any b", "use b")
}

func TestManyClientsOfManyNamespaces(t *testing.T) {
	srv, addr := serve(t, Config{})
	counts := make(chan int, 1)
	for i := range 5 {
		srv.Of(fmt.Sprint("/n", i)).OnConnection(func(s *Socket) {
			for _, o := range s.ClientSockets() {
				_ = o.Conn().TransportName()
			}
		})
	}
	for range 4 {
		c := dial(t, addr)
		for i := range 5 {
			c.connect(fmt.Sprint("/n", i), "")
		}
	}
	go func() { // ends with the count
		n := 0
		for _, s := range srv.Of("/n0").Sockets() {
			n += len(s.ClientSockets())
		}
		counts <- n
	}()
	if n := recv(t, counts); n != 20 {
		t.Errorf("%d sockets, want 20", n)
	}
}

// TestTheContextOfTheRequestReachesItsCopy: net/http's packages find there what middlewares left.
func TestTheContextOfTheRequestReachesItsCopy(t *testing.T) {
	type key struct{}
	srv, addr := serve(t, Config{})
	srv.UseHTTP(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, "session of "+r.Header.Get("X-User"))))
		})
	})
	got := make(chan any, 1)
	srv.OnConnection(func(s *Socket) { got <- s.Handshake().Request().Context().Value(key{}) })
	dialPoll(t, addr, "", "X-User: ada").post("40")
	if v := recv(t, got); v != "session of ada" {
		t.Errorf("got %v", v)
	}
}
