package sio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEmitFormsReachTheClient(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnConnection(func(s *Socket) {
		for _, err := range []error{
			s.Emit("a", "é日本", 1.5, nil, []any{true}, map[string]any{"k": []byte{1}}),
			s.EmitRaw("b", []byte(`{"x":1}`)),
			s.Send("m"),
			s.Compress(false).Emit("c"),
		} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	c := join(t, addr, "/")
	c.expect(`51-["a","é日本",1.5,null,[true],{"k":{"_placeholder":true,"num":0}}]`, "b:\x01", `2["b",{"x":1}]`, `2["message","m"]`, `2["c"]`)
}

func TestHandlerForms(t *testing.T) {
	type point struct{ X, Y int }
	srv, addr := serve(t, Config{})
	srv.On("dynamic", func(s *Socket, args []any, ack Ack) {
		ack(args...)
		ack("again")
	})
	srv.OnRaw("raw", func(e *RawEvent) { _ = e.Ack(e.Args(), e.Attachments()...); _ = e.Ack(nil) })
	srv.OnRaw("inline", func(e *RawEvent) { _ = e.Ack(e.Args(), e.Attachments()...) }, Inline)
	On(srv, "typed", func(s *Socket, p point) error { return s.Emit("point", p.X+p.Y) })
	On(srv, "fails", func(s *Socket, p point) error { return errors.New("no " + fmt.Sprint(p.X)) })
	On(srv, "all", func(s *Socket, a Args) error { return s.EmitRaw("all", a.Raw(), a.Attachments()...) })
	On2(srv, "two", func(s *Socket, a string, b []byte) error { return s.Emit("two", a, b) })
	On3(srv, "three", func(s *Socket, a, b, c int) error { return s.Emit("three", a+b+c) })
	OnAck(srv, "sum", func(_ *Socket, n []int) (int, error) { return n[0] + n[1], nil })
	OnAck2(srv, "concat", func(_ *Socket, a, b string) (string, error) { return a + b, nil })
	OnAck3(srv, "bin", func(_ *Socket, a, b, c []byte) ([]byte, error) { return slices.Concat(a, b, c), nil })
	tests := []struct{ send, want []string }{
		{[]string{`21["dynamic",1,"x",{"a":[null]}]`}, []string{`31[1,"x",{"a":[null]}]`}},
		{[]string{`2["dynamic",1]`, `22["dynamic"]`}, []string{`32[]`}},
		{[]string{`51-3["dynamic",{"d":{"_placeholder":true,"num":0}}]`, "b:x"}, []string{`61-3[{"d":{"_placeholder":true,"num":0}}]`, "b:x"}},
		{[]string{`24["raw",1,"x"]`}, []string{`34[1,"x"]`}},
		{[]string{`51-5["raw",{"_placeholder":true,"num":0}]`, "b:y"}, []string{`61-5[{"_placeholder":true,"num":0}]`, "b:y"}},
		{[]string{`51-6["inline",{"_placeholder":true,"num":0}]`, "b:"}, []string{`61-6[{"_placeholder":true,"num":0}]`, "b:"}},
		{[]string{`27["inl\u0069ne"]`}, []string{`37[]`}},
		{[]string{`28["typed",{"X":1,"Y":2}]`}, []string{`2["point",3]`, `38[]`}},
		{[]string{`29["fails",{"X":3}]`}, []string{`39[{"error":"no 3"}]`}},
		{[]string{`210["fails",[]]`}, []string{`310[{"error":"sio: argument 0: json: cannot unmarshal array into Go value of type sio.point"}]`}},
		{[]string{`52-["all",{"_placeholder":true,"num":1},2]`, "b:x", "b:y"}, []string{`52-["all",{"_placeholder":true,"num":1},2]`, "b:x", "b:y"}},
		{[]string{`51-["two","s",{"_placeholder":true,"num":0}]`, "b:z"}, []string{`51-["two","s",{"_placeholder":true,"num":0}]`, "b:z"}},
		{[]string{`2["three",1,2]`}, []string{`2["three",3]`}},
		{[]string{`2["three",1,2,3,4]`}, []string{`2["three",6]`}},
		{[]string{`211["sum",[1,2]]`}, []string{`311[3]`}},
		{[]string{`212["concat","a"]`}, []string{`312["a"]`}},
		{[]string{`52-13["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]`, "b:a", "b:b"}, []string{`61-13[{"_placeholder":true,"num":0}]`, "b:aba"}},
	}
	for _, tt := range tests {
		c := join(t, addr, "/")
		c.send(tt.send...)
		c.expect(tt.want...)
	}
}

func TestHandlerErrorsReachOnError(t *testing.T) {
	errs := make(chan error, 4)
	srv, addr := serve(t, Config{OnError: func(err error) { errs <- err }})
	boom := errors.New("boom")
	On(srv, "a", func(*Socket, int) error { return boom })
	c := join(t, addr, "/")
	c.send(`2["a",1]`, `2["a","x"]`)
	var he *HandlerError
	if err := recv(t, errs); !errors.Is(err, boom) || !errors.As(err, &he) || he.Event != "a" {
		t.Errorf("got %v", err)
	}
	if err := recv(t, errs); !errors.As(err, &he) || errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

func TestSeveralHandlersOnceAndOff(t *testing.T) {
	srv, addr := serve(t, Config{})
	var log journal
	note := func(s string) func(*RawEvent) { return func(*RawEvent) { log.add(s) } }
	srv.OnRaw("a", note("shared"))
	srv.OnRaw("a", note("once"), Once)
	srv.OnRaw("b", note("off"))
	srv.Off("b")
	srv.OnConnection(func(s *Socket) {
		s.OnRaw("a", note("own"))
		s.OnRaw("c", note("own off"))
		s.On("c", func(s *Socket, _ []any, _ Ack) { s.Off("c"); log.add("own c") })
		s.OnRaw("a", note("own once"), Once)
	})
	srv.OnRaw("done", func(e *RawEvent) { _ = e.Ack(nil) })
	c := join(t, addr, "/")
	c.send(`2["a"]`, `2["a"]`, `2["b"]`, `2["c"]`, `2["c"]`, `20["done"]`)
	c.expect("30[]")
	log.expect(t, "shared", "once", "own", "own once", "shared", "own", "own off", "own c")
}

func TestAnswersOfSeveralHandlers(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.On("a", func(*Socket, []any, Ack) {}) // takes its ack and never uses it
	srv.OnRaw("a", func(e *RawEvent) {
		if e.HasAck() {
			_ = e.Ack([]byte("1"))
		}
		if e.HasAck() {
			t.Error("HasAck after Ack")
		}
	})
	srv.On("a", func(_ *Socket, _ []any, ack Ack) { ack(2) })
	c := join(t, addr, "/")
	c.send(`27["a"]`, `28["a"]`)
	c.expect("37[1]", "38[1]")
}

func TestReservedEvents(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	join(t, addr, "/")
	s := recv(t, sockets)
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"} {
		for what, err := range map[string]error{
			"Socket.Emit":       s.Emit(name),
			"Socket.EmitRaw":    s.EmitRaw(name, nil),
			"Socket.EmitAck":    s.EmitAck(name, func(Args, error) {}),
			"Namespace.Emit":    srv.Emit(name),
			"Broadcast.EmitRaw": srv.To("x").EmitRaw(name, nil),
		} {
			if !errors.Is(err, ErrReservedEvent) {
				t.Errorf("%s(%q): %v", what, name, err)
			}
		}
	}
	if err := s.Emit("error"); err != nil {
		t.Errorf("Emit(error): %v", err)
	}
}

func TestIdentityAndHandshake(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 2)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.Of("chat").OnConnection(func(s *Socket) { sockets <- s })
	c := dial(t, addr)
	id := c.connect("/", `{"token":"x"}`)
	s := recv(t, sockets)
	if s.ID() != id || srv.Socket(id) != s || srv.Of("/chat").Socket(id) != nil || s.Namespace() != srv.Namespace || s.Server() != srv {
		t.Errorf("identity of %q: %q", id, s.ID())
	}
	h := s.Handshake()
	if h.Address != "127.0.0.1" || h.Query.Get("EIO") != "4" || !strings.HasPrefix(h.URL, "/socket.io/?") || h.Secure || h.XDomain || h.Headers.Get("Upgrade") == "" {
		t.Errorf("handshake %+v", h)
	}
	if time.Since(h.Issued) > patience || !strings.HasSuffix(h.Time(), "GMT+0000 (Coordinated Universal Time)") {
		t.Errorf("issued %v, %s", h.Issued, h.Time())
	}
	var auth struct{ Token string }
	if err := h.BindAuth(&auth); err != nil || auth.Token != "x" {
		t.Errorf("auth %s, %v", h.Auth, err)
	}
	id2 := c.connect("/chat", "")
	s2 := recv(t, sockets)
	if s2.ID() != id2 || id2 == id || string(s2.Handshake().Auth) != "{}" || s2.Handshake().BindAuth(&auth) != nil {
		t.Errorf("second socket %q, auth %s", s2.ID(), s2.Handshake().Auth)
	}
	if s2.Conn() != s.Conn() || s.Conn().ID() == id {
		t.Error("sockets of one client share its session, whose id is another")
	}
	if s.Data() != nil {
		t.Error("data of a new socket")
	}
	s.SetData(7)
	if s.Data() != 7 || s2.Data() != nil {
		t.Error("data is stored with the socket")
	}
}

func TestOnAny(t *testing.T) {
	srv, addr := serve(t, Config{})
	var log journal
	note := func(who, event string, args Args) { log.add(who + " " + event + " " + string(args.Raw())) }
	srv.OnAny(func(_ *Socket, event string, args Args) { note("shared", event, args) })
	srv.OnConnection(func(s *Socket) {
		off := s.OnAny(func(event string, args Args) { note("own", event, args) })
		s.PrependAny(func(event string, args Args) { note("first", event, args) })
		s.On("off", func(*Socket, []any, Ack) { off() })
	})
	srv.OnRaw("done", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c := join(t, addr, "/")
	c.send(`2["a",1]`, `2["off"]`, `20["done"]`)
	c.expect("30[]")
	log.expect(t, "shared a 1", "first a 1", "own a 1", "shared off ", "first off ", "own off ", "shared done ", "first done ")
}

func TestOnAnyOutgoing(t *testing.T) {
	srv, addr := serve(t, Config{})
	log := make(chan string, 8)
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := join(t, addr, "/")
	s := recv(t, sockets)
	off := s.OnAnyOutgoing(func(event string, args Args) {
		v, _ := args.Values()
		log <- fmt.Sprint("second ", event, v)
	})
	s.PrependAnyOutgoing(func(event string, _ Args) { log <- "first " + event })
	_ = s.Emit("a", 1, []byte{1})
	for _, want := range []string{"first a", "second a[1 [1]]"} {
		if got := recv(t, log); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	_ = srv.Emit("b", []byte{2})
	for _, want := range []string{"first b", "second b[[2]]"} {
		if got := recv(t, log); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	off()
	_ = srv.Emit("c")
	if got := recv(t, log); got != "first c" {
		t.Errorf("got %q", got)
	}
	c.expect(`51-["a",1,{"_placeholder":true,"num":0}]`, "b:\x01", `51-["b",{"_placeholder":true,"num":0}]`, "b:\x02", `2["c"]`)
	if len(log) != 0 {
		t.Errorf("more calls: %q", <-log)
	}
}

func TestPacketMiddlewares(t *testing.T) {
	errs := make(chan error, 1)
	srv, addr := serve(t, Config{OnError: func(err error) { errs <- err }})
	var log journal
	srv.UsePacket(func(_ *Socket, event string, args Args) error {
		log.add("shared " + event)
		return nil
	})
	refused := errors.New("refused")
	srv.OnConnection(func(s *Socket) {
		s.Use(func(event string, args Args) error {
			log.add("own " + event)
			if event == "bad" {
				return refused
			}
			return nil
		})
	})
	srv.OnRaw("bad", func(*RawEvent) { t.Error("bad passed") })
	srv.OnRaw("good", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c := join(t, addr, "/")
	c.send(`2["bad"]`, `20["good"]`)
	c.expect("30[]")
	if err := recv(t, errs); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	log.expect(t, "shared bad", "own bad", "shared good", "own good")
}

func TestDisconnectReasons(t *testing.T) {
	srv, addr := serve(t, Config{PingInterval: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond})
	sockets, ended := make(chan *Socket, 1), make(chan gone, 1)
	srv.OnConnection(func(s *Socket) {
		s.OnDisconnect(func(r Reason, err error) { ended <- goneOf(r, err) })
		sockets <- s
	})
	tests := []struct {
		name string
		do   func(c *testClient, s *Socket)
		want Reason
	}{
		{"client leaves", func(c *testClient, _ *Socket) { c.send("1") }, ReasonClientDisconnect},
		{"client closes", func(c *testClient, _ *Socket) { _ = c.conn.Close() }, ReasonTransportClose},
		{"server disconnects", func(_ *testClient, s *Socket) { s.Disconnect(false) }, ReasonServerDisconnect},
		{"server closes", func(_ *testClient, s *Socket) { s.Disconnect(true) }, ReasonServerDisconnect},
		{"client breaks Engine.IO", func(c *testClient, _ *Socket) { c.write("9", false) }, ReasonParseError},
		{"client pings", func(c *testClient, _ *Socket) { c.write("2", false) }, ReasonTransportError},
		{"client is silent", func(c *testClient, _ *Socket) { c.wmu.Lock(); t.Cleanup(c.wmu.Unlock) }, ReasonPingTimeout},
	}
	for _, tt := range tests {
		c := join(t, addr, "/")
		s := recv(t, sockets)
		ctx := s.Context()
		tt.do(c, s)
		if got := recv(t, ended); got.reason != tt.want {
			t.Errorf("%s: %+v, want %q", tt.name, got, tt.want)
		}
		if s.Connected() || srv.Socket(s.ID()) != nil {
			t.Errorf("%s: still there", tt.name)
		}
		if ctx.Err() == nil {
			t.Errorf("%s: context goes on", tt.name)
		}
		if err := s.Emit("a"); !errors.Is(err, ErrDisconnected) {
			t.Errorf("%s: Emit: %v", tt.name, err)
		}
		if err := s.Join("r"); err != nil || len(s.Rooms()) != 0 {
			t.Errorf("%s: joined after the end: %v %v", tt.name, err, s.Rooms())
		}
		s.Disconnect(true)
	}
	if s := srv.Stats(); s.Sockets != 0 {
		t.Errorf("%d sockets left", s.Sockets)
	}
}

func TestDisconnectTellsTheClient(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 4)
	for _, n := range []*Namespace{srv.Namespace, srv.Of("/a"), srv.Of("/b")} {
		n.OnConnection(func(s *Socket) { sockets <- s })
	}
	c := join(t, addr, "/")
	root := recv(t, sockets)
	c.connect("/a", "")
	a := recv(t, sockets)
	c.connect("/b", "")
	b := recv(t, sockets)
	_ = a.Emit("last")
	a.Disconnect(false)
	_ = a.Emit("too late")
	c.expect(`2/a,["last"]`, "1/a,")
	c.expectNothing()
	if !root.Connected() || !b.Connected() {
		t.Error("the other sockets go on")
	}
	c.connect("/a", "")
	a2 := recv(t, sockets)
	if a2 == a {
		t.Error("a socket was used twice")
	}
	a2.Disconnect(true)
	got := []string{c.next(), c.next(), c.next()}
	slices.Sort(got)
	if want := []string{"1", "1/a,", "1/b,"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	c.expectClosed()
	eventually(t, "all gone", func() bool { return srv.Stats().Connections == 0 })
}

func TestPendingEventsAfterDisconnect(t *testing.T) {
	srv, addr := serve(t, Config{})
	handled := make(chan string, 8)
	enter, leave := make(chan *Socket), make(chan struct{})
	srv.OnRaw("block", func(e *RawEvent) { enter <- e.Socket(); <-leave })
	srv.OnRaw("a", func(e *RawEvent) { handled <- fmt.Sprint("a ", e.Socket().Connected()) })
	srv.OnDisconnect(func(_ *Socket, r Reason, _ error) { handled <- string(r) })

	c := join(t, addr, "/")
	c.send(`2["block"]`, `2["a"]`)
	s := recv(t, enter)
	c.send("1")
	eventually(t, "the socket is gone", func() bool { return !s.Connected() })
	leave <- struct{}{}
	for _, want := range []string{"a false", string(ReasonClientDisconnect)} {
		if got := recv(t, handled); got != want {
			t.Errorf("client left: got %q, want %q", got, want)
		}
	}
	c = join(t, addr, "/")
	c.send(`2["block"]`, `2["a"]`)
	recv(t, enter).Disconnect(false)
	leave <- struct{}{}
	if got := recv(t, handled); got != string(ReasonServerDisconnect) {
		t.Errorf("server ended: got %q", got)
	}
}

func TestPanicsEndTheConnection(t *testing.T) {
	errs := make(chan error, 1)
	srv, addr := serve(t, Config{OnError: func(err error) { errs <- err }})
	srv.Of("/connection").OnConnection(func(*Socket) { panic("x") })
	srv.Of("/middleware").Use(func(*Socket) error { panic("x") })
	srv.Of("/any").OnAny(func(*Socket, string, Args) { panic("x") })
	ended := make(chan Reason, 8)
	for _, name := range []string{"/", "/any", "/connection"} {
		srv.Of(name).OnDisconnect(func(_ *Socket, r Reason, _ error) { ended <- r })
	}
	srv.OnRaw("queued", func(*RawEvent) { panic("x") })
	srv.OnRaw("inline", func(*RawEvent) { panic("x") }, Inline)
	On(srv, "typed", func(*Socket, int) error { panic("x") })
	for _, tt := range []struct {
		send []string
		want string
	}{
		{[]string{"0", `2["queued"]`}, "queued"},
		{[]string{"0", `2["inline"]`}, "inline"},
		{[]string{"0", `2["typed",1]`}, "typed"},
		{[]string{"0/any", `2/any,["x"]`}, "x"},
		{[]string{"0/connection"}, "connection"},
		{[]string{"0/middleware"}, "middleware"},
	} {
		c := dial(t, addr)
		c.send(tt.send...)
		var pe *PanicError
		if err := recv(t, errs); !errors.As(err, &pe) || pe.Event != tt.want || pe.Value == nil || len(pe.Stack) == 0 || pe.Socket == nil {
			t.Errorf("%s: OnError got %v", tt.want, err)
		}
		c.expectClosed()
		if tt.want != "middleware" {
			if r := recv(t, ended); r != ReasonForcedClose {
				t.Errorf("%s: reason %q", tt.want, r)
			}
		}
	}
	join(t, addr, "/")
}

func TestAcksFromTheClient(t *testing.T) {
	srv, addr := serve(t, Config{MaxPendingAcks: 2})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := join(t, addr, "/")
	s := recv(t, sockets)
	type answer struct {
		v   []any
		err error
	}
	answers := make(chan answer, 4)
	cb := func(args Args, err error) {
		v, _ := args.Values()
		answers <- answer{v, err}
	}
	if err := s.EmitAck("a", cb, 1); err != nil {
		t.Fatal(err)
	}
	c.expect(`20["a",1]`)
	c.send(`30["x",2]`, `30["again"]`)
	if got := recv(t, answers); got.err != nil || !reflect.DeepEqual(got.v, []any{"x", 2.0}) {
		t.Errorf("answer %v", got)
	}
	_ = s.EmitAck("b", cb, []byte{1})
	c.expect(`51-1["b",{"_placeholder":true,"num":0}]`, "b:\x01")
	c.send(`61-1[{"_placeholder":true,"num":0}]`, "b:\x07")
	if got := recv(t, answers); got.err != nil || !reflect.DeepEqual(got.v, []any{[]byte{7}}) {
		t.Errorf("binary answer %v", got)
	}
	if err := s.Timeout(20*time.Millisecond).EmitAck("c", cb); err != nil {
		t.Fatal(err)
	}
	c.expect(`22["c"]`)
	if got := recv(t, answers); !errors.Is(got.err, ErrAckTimeout) {
		t.Errorf("timeout %v", got)
	}
	c.send(`32[]`) // too late: ignored
	_ = s.EmitAck("d", cb)
	_ = s.EmitAck("e", cb)
	if err := s.EmitAck("f", cb); !errors.Is(err, ErrTooManyAcks) {
		t.Errorf("third pending: %v", err)
	}
	if err := s.Volatile().EmitAck("f", cb); !errors.Is(err, ErrVolatileAck) {
		t.Errorf("volatile: %v", err)
	}
	c.expect(`23["d"]`, `24["e"]`)
	c.send("1")
	for range 2 {
		if got := recv(t, answers); !errors.Is(got.err, ErrDisconnected) {
			t.Errorf("after the end: %v", got)
		}
	}
	if err := s.EmitAck("g", cb); !errors.Is(err, ErrDisconnected) {
		t.Errorf("EmitAck after the end: %v", err)
	}
}

func TestEmitWithAck(t *testing.T) {
	srv, addr := serve(t, Config{})
	results := make(chan string, 8)
	srv.OnConnection(func(s *Socket) {
		ctx := context.Background()
		args, err := s.EmitWithAck(ctx, "a")
		results <- fmt.Sprint(string(args.Raw()), err)
		_, err = s.Timeout(20*time.Millisecond).EmitWithAck(ctx, "b")
		results <- fmt.Sprint(err)
		short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
		_, err = s.EmitWithAck(short, "c")
		results <- fmt.Sprint(err)
		cancel()
		_, err = s.EmitWithAck(ctx, "d")
		results <- fmt.Sprint(err)
		if x := s.ext.Load(); x.nacks.Load() != 0 {
			t.Errorf("%d acknowledgements still counted", x.nacks.Load())
		}
		_, err = s.EmitWithAck(ctx, "e")
		results <- fmt.Sprint(err)
	})
	c := join(t, addr, "/")
	c.expect(`20["a"]`)
	c.send(`30[1,2]`)
	c.expect(`21["b"]`, `22["c"]`, `23["d"]`)
	_ = c.conn.Close()
	for _, want := range []string{"1,2<nil>", ErrAckTimeout.Error(), "context deadline exceeded", ErrDisconnected.Error(), ErrDisconnected.Error()} {
		if got := recv(t, results); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestVolatile(t *testing.T) {
	srv, addr := serve(t, Config{})
	// Not from a connection handler: the answer to CONNECT may not have left then.
	srv.OnRaw("go0", func(e *RawEvent) { _ = e.Socket().Volatile().EmitRaw("alone", nil) })
	srv.OnRaw("go", func(e *RawEvent) {
		s := e.Socket()
		_ = s.Emit("regular")
		_ = s.Volatile().Emit("dropped")
		_ = srv.Volatile().Emit("dropped")
		_ = s.Emit("regular 2")
	}, Inline)
	srv.OnRaw("go2", func(e *RawEvent) {
		_ = e.Socket().Volatile().Emit("one", []byte{1})
		_ = e.Socket().Volatile().Emit("two")
	}, Inline)
	c := join(t, addr, "/")
	c.send(`2["go0"]`)
	c.expect(`2["alone"]`)
	c.send(`2["go"]`)
	c.expect(`2["regular"]`, `2["regular 2"]`)
	c.send(`2["go2"]`)
	c.expect(`51-["one",{"_placeholder":true,"num":0}]`, "b:\x01")
	c.expectNothing()
	if n := srv.Stats().Drops[DropVolatile]; n != 3 {
		t.Errorf("%d drops counted", n)
	}
}

// recordingCodec shows that the codec is replaceable.
type recordingCodec struct{ stdCodec } //lint:ignore U1000 embedded for its methods

func (recordingCodec) Append(dst []byte, v any) ([]byte, error) {
	return append(dst, `"mine"`...), nil
}

func (recordingCodec) Unmarshal(data []byte, v any) error {
	return json.Unmarshal([]byte(`"theirs"`), v)
}

func TestCodecIsReplaceable(t *testing.T) {
	srv, addr := serve(t, Config{Codec: recordingCodec{}})
	On(srv, "a", func(s *Socket, text string) error { return s.Emit("b", text, struct{ X int }{1}) })
	c := join(t, addr, "/")
	c.send(`2["a","x"]`)
	c.expect(`2["b","theirs","mine"]`)
}
