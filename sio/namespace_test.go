package sio

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	srv, addr := serve(t, Config{})
	if srv.Of("") != srv.Namespace || srv.Of("/") != srv.Namespace || srv.Of("a") != srv.Of("/a") || srv.Of("a").Name() != "/a" || srv.Of("a").Server() != srv {
		t.Error("names of namespaces")
	}
	c := dial(t, addr)
	c.connect("/a", "")
	c.send("0/b,")
	c.expect(`4/b,{"message":"Invalid namespace"}`)
	srv.Of("/b")
	c.connect("/b", "")
	c.connect("/", "")
}

func TestTooManyNamespaces(t *testing.T) {
	srv, addr := serve(t, Config{MaxNamespaces: 2})
	srv.Of("/a")
	srv.Of("/b")
	c := join(t, addr, "/")
	c.connect("/a", "")
	c.send("0/b,")
	c.expect(`4/b,{"message":"too many namespaces"}`)
	c.send("1/a,")
	c.connect("/b", "")
}

func TestConnectMiddlewares(t *testing.T) {
	srv, addr := serve(t, Config{})
	var log journal
	connected := make(chan *Socket, 1)
	refuse := func(s *Socket) error {
		var auth struct{ Fail string }
		_ = s.Handshake().BindAuth(&auth)
		switch auth.Fail {
		case "text":
			return errors.New("no")
		case "data":
			return &ConnectError{Message: "no", Data: map[string]any{"code": 7}}
		}
		return nil
	}
	n := srv.Of("/m")
	n.Use(func(s *Socket) error {
		if s.Connected() {
			t.Error("connected before the middlewares")
		}
		log.add("one")
		_ = s.Join("r")
		time.Sleep(time.Millisecond)
		return nil
	})
	n.Use(refuse)
	n.Use(func(s *Socket) error { log.add("two"); return nil })
	n.OnConnection(func(s *Socket) { log.add("connection"); connected <- s })
	var accepted atomic.Bool
	n.OnDisconnect(func(*Socket, Reason, error) {
		if !accepted.Load() {
			t.Error("disconnect of a refused socket")
		}
	})
	c := dial(t, addr)
	c.send(`0/m,{"fail":"text"}`)
	c.expect(`4/m,{"message":"no"}`)
	c.send(`0/m,{"fail":"data"}`)
	c.expect(`4/m,{"message":"no","data":{"code":7}}`)
	if st := srv.Stats(); st.Rooms != 0 || st.Sockets != 0 {
		t.Errorf("a refused socket left %+v", st)
	}
	accepted.Store(true)
	c.connect("/m", `{}`)
	if s := recv(t, connected); !slices.Equal(s.Rooms(), []string{s.ID(), "r"}) {
		t.Errorf("rooms %v", s.Rooms())
	}
	log.expect(t, "one", "one", "one", "two", "connection")
}

func TestMiddlewareOfAGoneClient(t *testing.T) {
	srv, addr := serve(t, Config{})
	enter, leave := make(chan *Socket), make(chan struct{})
	n := srv.Of("/m")
	n.Use(func(s *Socket) error { enter <- s; <-leave; return nil })
	n.OnConnection(func(*Socket) { t.Error("connection of a client that has gone") })
	n.OnDisconnect(func(*Socket, Reason, error) { t.Error("disconnect without connection") })
	c := dial(t, addr)
	c.send("0/m,")
	s := recv(t, enter)
	_ = c.conn.Close()
	eventually(t, "the session ends", func() bool { return srv.Stats().Connections == 0 })
	leave <- struct{}{}
	eventually(t, "the workers end", func() bool { return srv.Stats().Workers == 0 })
	if s.Connected() {
		t.Error("connected")
	}
	// An event, and a second CONNECT, before the first is answered are
	// violations.
	for _, p := range []string{`2/m,["a"]`, "0/m,"} {
		c = dial(t, addr)
		c.send("0/m,")
		recv(t, enter)
		c.send(p)
		c.expectClosed()
		leave <- struct{}{}
	}
}

func TestRoomsAndBroadcasts(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	var cs [4]*testClient
	var ss [4]*Socket
	for i := range cs {
		cs[i] = join(t, addr, "/")
		ss[i] = recv(t, sockets)
	}
	_ = ss[0].Join("a")
	_ = ss[1].Join("a", "b", "a")
	_ = ss[2].Join("b")
	tests := []struct {
		name string
		b    Broadcast
		to   []int
	}{
		{"all", Broadcast{nsp: srv.Namespace}, []int{0, 1, 2, 3}},
		{"room", srv.To("a"), []int{0, 1}},
		{"two rooms without dupes", srv.To("a").In("b"), []int{0, 1, 2}},
		{"two rooms at once", srv.To("a", "b"), []int{0, 1, 2}},
		{"no such room", srv.To("x"), nil},
		{"except a room", srv.Except("a"), []int{2, 3}},
		{"except a socket", srv.Except(ss[3].ID()), []int{0, 1, 2}},
		{"room except room", srv.To("a").Except("b"), []int{0}},
		{"except wins", srv.To("a", "b").Except("b"), []int{0}},
		{"an id is a room", srv.To(ss[2].ID()), []int{2}},
		{"ids and rooms", srv.To(ss[3].ID(), "a", ss[0].ID()), []int{0, 1, 3}},
		{"all but the sender", ss[0].Broadcast(), []int{1, 2, 3}},
		{"room but the sender", ss[1].To("b"), []int{2}},
		{"rest but a room", ss[3].Except("a"), []int{2}},
		{"in", ss[0].In("b").In("a"), []int{1, 2}},
		{"local, compressed", srv.Local().Compress(true).To("b"), []int{1, 2}},
		{"own id", ss[0].To(ss[0].ID()), nil},
		{"unknown id", srv.To("AAAAAAAAAAAAAAAAAAAA"), nil},
	}
	for _, tt := range tests {
		if err := tt.b.Emit("x", tt.name, []byte{1}); err != nil {
			t.Fatal(err)
		}
		for i, c := range cs {
			if slices.Contains(tt.to, i) {
				c.expect(`51-["x","`+tt.name+`",{"_placeholder":true,"num":0}]`, "b:\x01")
			}
		}
		// What was not for a socket would stand before this.
		_ = srv.EmitRaw("end", nil)
		for i, c := range cs {
			if got := c.next(); got != `2["end"]` {
				t.Fatalf("%s: socket %d got %q", tt.name, i, got)
			}
		}
	}
	base := srv.To("a")
	_ = base.To("b")
	_ = base.Except("b")
	if len(base.rooms) != 1 || base.except != nil {
		t.Error("an operator was changed")
	}
	ss[1].Leave("a", "x")
	_ = srv.To("a").Emit("only 0")
	cs[0].expect(`2["only 0"]`)
	cs[1].expectNothing()
	if got := ss[1].Rooms(); !slices.Equal(got, []string{ss[1].ID(), "b"}) {
		t.Errorf("rooms %v", got)
	}
	if n := len(srv.Sockets()); n != 4 {
		t.Errorf("%d sockets", n)
	}
	// A room that is named like another socket's id reaches both.
	_ = ss[0].Join(ss[3].ID())
	_ = srv.To(ss[3].ID()).Emit("both")
	cs[0].expect(`2["both"]`)
	cs[3].expect(`2["both"]`)
}

func TestRoomsInDisconnectHandlers(t *testing.T) {
	srv, addr := serve(t, Config{})
	type seen struct {
		rooms []string
		when  string
	}
	ch := make(chan seen, 4)
	ids := make(chan string, 1)
	srv.OnConnection(func(s *Socket) {
		_ = s.Join("a", "b")
		s.OnDisconnecting(func(Reason, error) { ch <- seen{s.Rooms(), "own disconnecting"} })
		s.OnDisconnect(func(Reason, error) { ch <- seen{s.Rooms(), "own disconnect"} })
		ids <- s.ID()
	})
	srv.OnDisconnecting(func(s *Socket, _ Reason, _ error) { ch <- seen{s.Rooms(), "disconnecting"} })
	srv.OnDisconnect(func(s *Socket, _ Reason, _ error) { ch <- seen{s.Rooms(), "disconnect"} })
	c := join(t, addr, "/")
	id := recv(t, ids)
	_ = c.conn.Close()
	for _, want := range []seen{{[]string{id, "a", "b"}, "disconnecting"}, {[]string{id, "a", "b"}, "own disconnecting"}, {nil, "disconnect"}, {nil, "own disconnect"}} {
		if got := recv(t, ch); got.when != want.when || !slices.Equal(got.rooms, want.rooms) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	eventually(t, "the rooms are dropped", func() bool { return srv.Stats().Rooms == 0 })
}

func TestManyRooms(t *testing.T) {
	srv, addr := serve(t, Config{MaxRooms: 200})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	c := join(t, addr, "/")
	s := recv(t, sockets)
	name := func(i int) string { return strings.Repeat("r", i+1) }
	for i := range 200 {
		if err := s.Join(name(i), name(i)); err != nil {
			t.Fatal(i, err)
		}
	}
	if err := s.Join("one more"); !errors.Is(err, ErrTooManyRooms) {
		t.Errorf("Join above the limit: %v", err)
	}
	if n := len(s.Rooms()); n != 201 {
		t.Errorf("%d rooms", n)
	}
	for i := 0; i < 200; i += 2 {
		s.Leave(name(i))
	}
	for i := range 200 {
		_ = srv.To(name(i)).Emit("x", i)
	}
	for i := 1; i < 200; i += 2 {
		if got := c.next(); !strings.HasPrefix(got, `2["x",`) {
			t.Fatal(got)
		}
	}
	c.expectNothing()
	for i := range 200 {
		s.Leave(name(i))
	}
	eventually(t, "no room left", func() bool { return srv.Stats().Rooms == 0 })
	if n := srv.idRooms.Load(); n != 0 {
		t.Errorf("%d rooms named like ids", n)
	}
}

func TestShutdown(t *testing.T) {
	checkGoroutines(t)
	srv, addr := serve(t, Config{})
	sockets, ended := make(chan *Socket, 2), make(chan Reason, 2)
	finished := make(chan struct{})
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnDisconnect(func(_ *Socket, r Reason, _ error) { ended <- r })
	srv.OnRaw("slow", func(*RawEvent) {
		sockets <- nil
		time.Sleep(30 * time.Millisecond)
		close(finished)
	})
	c, c2 := join(t, addr, "/"), join(t, addr, "/")
	s := recv(t, sockets)
	recv(t, sockets)
	c.send(`2["slow"]`)
	recv(t, sockets)
	_ = s.Emit("last")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	select {
	case <-finished:
	default:
		t.Error("Shutdown did not wait for a handler")
	}
	for range 2 {
		if r := recv(t, ended); r != ReasonServerShuttingDown {
			t.Errorf("reason %q", r)
		}
	}
	got := slices.Concat(drain(c), drain(c2))
	if !slices.Equal(got, []string{`2["last"]`}) {
		t.Errorf("clients got %q, want the last event and no DISCONNECT", got)
	}
	if err := srv.Shutdown(ctx); err != nil {
		t.Errorf("second Shutdown: %v", err)
	}
	if _, err := srv.Listen("tcp", "127.0.0.1:0"); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Listen: %v", err)
	}
	if err := srv.Emit("x"); !errors.Is(err, ErrServerClosed) {
		t.Errorf("Emit: %v", err)
	}
}

// drain returns what comes until the connection is closed.
func drain(c *testClient) []string {
	var all []string
	deadline := time.After(patience)
	for {
		select {
		case m, ok := <-c.in:
			if !ok {
				return all
			}
			all = append(all, m)
		case <-deadline:
			c.t.Fatal("not closed")
		}
	}
}

func TestCloseEndsEverything(t *testing.T) {
	checkGoroutines(t)
	srv, addr := serve(t, Config{})
	block := make(chan struct{})
	srv.OnRaw("block", func(*RawEvent) { <-block })
	waiting := make(chan error, 1)
	srv.OnConnection(func(s *Socket) {
		_, err := s.EmitWithAck(context.Background(), "a")
		waiting <- err
	})
	for range 5 {
		c := join(t, addr, "/")
		if got := c.next(); !strings.HasSuffix(got, `["a"]`) {
			t.Fatal(got)
		}
		c.send(`2["block"]`)
	}
	done := make(chan error, 1)
	go func() { done <- srv.ListenAndServe("127.0.0.1:0") }() // ends with Close below
	time.Sleep(10 * time.Millisecond)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if err := recv(t, done); !errors.Is(err, ErrServerClosed) {
		t.Errorf("ListenAndServe: %v", err)
	}
	for range 5 {
		if err := recv(t, waiting); !errors.Is(err, ErrDisconnected) {
			t.Errorf("a waiting emit: %v", err)
		}
	}
	close(block) // Close did not wait for these handlers
}
