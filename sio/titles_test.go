package sio

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Behaviours that the reference's own tests name and that no other test of ours
// is about.

// TestMessagesBySend: `send` is the event "message", null included.
func TestMessagesBySend(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.On("message", func(s *Socket, args []any, _ Ack) { _ = s.Send(args...) })
	c := join(t, addr, "/")
	c.send(`2["message","a",1]`, `2["message",null]`, `2["message"]`)
	c.expect(`2["message","a",1]`, `2["message",null]`, `2["message"]`)
}

func TestVolatileOverPolling(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := joinPoll(t, addr)
	s := recv(t, sockets)
	get := func() chan string {
		answer := make(chan string, 1)
		go func() { // ends with the answer
			_, body := c.do(context.Background(), "GET", "")
			answer <- body
		}()
		return answer
	}
	emit := func(volatile bool, names ...string) {
		t.Helper()
		for _, name := range names {
			e := Emitter{socket: s}
			if volatile {
				e = e.Volatile()
			}
			if err := e.Emit(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Nothing is pending: what is volatile is dropped, what is regular waits.
	emit(true, "lost")
	emit(false, "kept")
	emit(true, "lost too")
	_ = srv.Volatile().Emit("lost as well")
	onLoopOf(t, s, func() {}) // all that is decided before the GET comes
	if got := recv(t, get()); got != `42["kept"]` {
		t.Errorf("got %q", got)
	}
	// A pending GET carries a volatile event, and no second one.
	answer := get()
	awaitPoll(t, s)
	emit(true, "one", "two")
	if got := recv(t, answer); got != `42["one"]` {
		t.Errorf("got %q", got)
	}
	onLoopOf(t, s, func() {})
	answer = get()
	awaitPoll(t, s)
	_ = srv.Volatile().Emit("broadcast", []byte{1})
	if got := recv(t, answer); got != "451-[\"broadcast\",{\"_placeholder\":true,\"num\":0}]\x1ebAQ==" {
		t.Errorf("got %q", got)
	}
	// A regular event behind a lost one arrives.
	emit(true, "lost again")
	emit(false, "regular")
	onLoopOf(t, s, func() {})
	if got := recv(t, get()); got != `42["regular"]` {
		t.Errorf("got %q", got)
	}
}

// TestOnlyOneConsecutiveVolatileEventOverWebSocket: in one turn of the loop, as in one tick of Node.
func TestOnlyOneConsecutiveVolatileEventOverWebSocket(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnRaw("direct", func(e *RawEvent) {
		_ = e.Socket().Volatile().Emit("a", []byte{1})
		_ = e.Socket().Volatile().Emit("b", []byte{2})
		_ = e.Socket().Emit("end")
	}, Inline)
	srv.OnRaw("broadcast", func(*RawEvent) {
		_ = srv.Volatile().Emit("a", []byte{1})
		_ = srv.Volatile().Emit("b", []byte{2})
		_ = srv.Emit("end")
	}, Inline)
	c := join(t, addr, "/")
	for _, how := range []string{"direct", "broadcast"} {
		c.send(`2["` + how + `"]`)
		c.expect(`51-["a",{"_placeholder":true,"num":0}]`, "b:\x01", `2["end"]`)
	}
}

// TestTheEndOfAConnectionEndsItsSocketsInAllNamespaces, in each with the same reason.
func TestTheEndOfAConnectionEndsItsSocketsInAllNamespaces(t *testing.T) {
	srv, addr := serve(t, Config{})
	ended := make(chan string, 8)
	all := []string{"/", "/a", "/b"}
	for _, name := range all {
		srv.Of(name).OnDisconnect(func(s *Socket, r Reason, _ error) { ended <- fmt.Sprint(s.Namespace().Name(), " ", r) })
	}
	for end, reason := range map[string]Reason{"41x": ReasonForcedClose, "1": ReasonTransportClose, "9": ReasonParseError} {
		c := dial(t, addr)
		for _, name := range all {
			c.connect(name, "")
		}
		c.write(end, false)
		var got, want []string
		for _, name := range all {
			got, want = append(got, recv(t, ended)), append(want, fmt.Sprint(name, " ", reason))
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", end, got, want)
		}
	}
}

// TestEventsBehindADisconnectAreAViolation: the socket is gone, the client knows it.
func TestEventsBehindADisconnectAreAViolation(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnRaw("a", func(*RawEvent) { t.Error("handled an event of a socket that has left") })
	ended := make(chan gone, 1)
	srv.Of("/b").OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	c := join(t, addr, "/")
	c.connect("/b", "")
	c.send("1", `2["a"]`)
	if got := recv(t, ended); got != (gone{ReasonForcedClose, errInvalidState.Text}) {
		t.Errorf("ended with %+v", got)
	}
}

// TestEventsRightBehindCONNECTArrive: clients need not wait for a namespace without middlewares, and those of
// one namespace arrive in order.
func TestEventsRightBehindCONNECTArrive(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.Of("/chat").On("hi", func(s *Socket, args []any, _ Ack) { _ = s.Emit("hi", args...) })
	c := dial(t, addr)
	c.send("0/chat,", `2/chat,["hi","a"]`, `2/chat,["hi","b"]`, `2/chat,["hi","c"]`)
	if got := c.next(); !strings.HasPrefix(got, `0/chat,{"sid"`) {
		t.Errorf("got %q", got)
	}
	c.expect(`2/chat,["hi","a"]`, `2/chat,["hi","b"]`, `2/chat,["hi","c"]`)
}

// TestASocketIsConnectedBehindItsMiddlewaresOnly, also where they take their time; what they emit reaches nobody.
func TestASocketIsConnectedBehindItsMiddlewaresOnly(t *testing.T) {
	srv, addr := serve(t, Config{})
	enter, leave := make(chan *Socket), make(chan struct{})
	srv.Use(func(s *Socket) error { enter <- s; <-leave; return nil })
	var connections journal
	srv.OnConnection(func(s *Socket) { connections.add(fmt.Sprint(s.Connected())); _ = s.Emit("hello") })
	c := dial(t, addr)
	c.send("0")
	s := recv(t, enter)
	if s.Connected() || srv.Socket(s.ID()) != nil || len(srv.Sockets()) != 0 || len(s.ClientSockets()) != 0 {
		t.Error("connected before the middlewares are through")
	}
	_ = srv.Emit("to nobody")
	connections.expect(t)
	leave <- struct{}{}
	if got := c.next(); !strings.HasPrefix(got, `0{"sid"`) {
		t.Errorf("got %q", got)
	}
	c.expect(`2["hello"]`)
	connections.expect(t, "true")
}

// TestBinaryPacketWithoutAnything is a packet of which only the type came.
func TestBinaryPacketWithoutAnything(t *testing.T) {
	srv, addr := serve(t, Config{})
	ended := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	for _, p := range []string{"5", "6"} {
		c := join(t, addr, "/")
		c.send(p)
		if got := recv(t, ended); got != (gone{ReasonForcedClose, errIllegalCount.Text}) {
			t.Errorf("%q: ended with %+v", p, got)
		}
		c.expectClosed()
	}
}
