package sio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// members joins clients, and has each enter the rooms that it is given.
func members(t *testing.T, srv *Server, addr string, rooms ...[]string) []*testClient {
	t.Helper()
	var all []*testClient
	for _, list := range rooms {
		c := dial(t, addr)
		id := c.connect("/", "")
		if err := srv.Socket(id).Join(list...); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// answer acknowledges the event with the JSON arguments.
func (c *testClient) answer(event, args string) {
	c.t.Helper()
	got := c.next()
	head, rest, _ := strings.Cut(got, "[")
	if !strings.HasPrefix(rest, `"`+event+`"`) || len(head) < 2 {
		c.t.Fatalf("got %q, want the event %q with an id", got, event)
	}
	c.send("3" + head[1:] + "[" + args + "]")
}

func TestSocketsJoinAndLeaveTakeEffectInOrder(t *testing.T) {
	srv, addr := serve(t, Config{})
	cs := members(t, srv, addr, []string{"a"}, []string{"a", "b"}, nil)
	for round := range 50 {
		_ = srv.To("x").Emit("never")
		_ = srv.To("a").SocketsJoin("x")
		_ = srv.To("x").Emit("one", round)
		_ = srv.To("b").SocketsLeave("x")
		_ = srv.To("x").Emit("two", round)
		_ = srv.SocketsLeave("x")
		_ = srv.To("x").Emit("never")
		cs[0].expect(fmt.Sprintf(`2["one",%d]`, round), fmt.Sprintf(`2["two",%d]`, round))
		cs[1].expect(fmt.Sprintf(`2["one",%d]`, round))
	}
	cs[2].expectNothing()
	if n := srv.Stats().Rooms; n > 4 {
		t.Errorf("%d rooms, want a and b on two loops", n)
	}
}

// TestJoinBehindSocketsLeave: a membership whose entry is still on its way when
// an operator ends it leaves no trace in the room.
func TestJoinBehindSocketsLeave(t *testing.T) {
	srv, addr := serve(t, Config{})
	c := members(t, srv, addr, nil)[0]
	s := srv.Sockets()[0]
	done := make(chan struct{})
	s.loop.loop.Post(func(any, any) {
		_ = s.Join("x") // its entry is behind this call
		Broadcast{nsp: s.nsp}.leaveLocal([]string{"x"})
		s.leave([]string{"x"}, func(s *Socket, m *membership) { s.nsp.on(s.loop).exit(s, m) })
		close(done)
	}, nil, nil)
	recv(t, done)
	_ = srv.To("x").Emit("never")
	_ = srv.Emit("mark")
	c.expect(`2["mark"]`)
	if n := srv.Stats().Rooms; n != 0 || len(s.Rooms()) != 1 {
		t.Errorf("%d rooms, socket in %q", n, s.Rooms())
	}
}

func TestSocketsJoinAtTheLimitIsReported(t *testing.T) {
	errs := make(chan error, 4)
	srv, addr := serve(t, Config{MaxRooms: 2, OnError: func(err error) { errs <- err }})
	members(t, srv, addr, []string{"a"})
	_ = srv.SocketsJoin("b")
	_ = srv.SocketsJoin("c")
	if err := recv(t, errs); !errors.Is(err, ErrTooManyRooms) {
		t.Errorf("got %v", err)
	}
	if rooms := srv.Sockets()[0].Rooms(); len(rooms) != 3 {
		t.Errorf("rooms %q", rooms)
	}
}

func TestDisconnectSockets(t *testing.T) {
	srv, addr := serve(t, Config{})
	cs := members(t, srv, addr, []string{"a"}, []string{"a"}, nil)
	_ = srv.To("a").Emit("last")
	_ = srv.To("a").DisconnectSockets(false)
	_ = srv.Emit("mark")
	cs[0].expect(`2["last"]`, "1")
	cs[1].expect(`2["last"]`, "1")
	cs[2].expect(`2["mark"]`)
	_ = srv.DisconnectSockets(true)
	cs[2].expectClosed()
	cs[0].expectNothing() // in no namespace any more, and still connected
}

func TestFetchSocketsOfThisNode(t *testing.T) {
	errs := make(chan error, 4)
	srv, addr := serve(t, Config{OnError: func(err error) { errs <- err }})
	members(t, srv, addr, []string{"a"}, []string{"a", "b"}, nil)
	for want, b := range map[int]Broadcast{3: srv.To(), 2: srv.To("a"), 1: srv.To("a").Except("b"), 0: srv.To("none")} {
		found, err := b.FetchSockets(context.Background())
		if err != nil || len(found) != want {
			t.Errorf("%d sockets, %v, want %d", len(found), err, want)
		}
		for _, s := range found {
			if s.Socket() == nil || !slices.Equal(s.Rooms, s.Socket().Rooms()) || s.Data != nil {
				t.Errorf("got %+v", s)
			}
		}
	}
	srv.Sockets()[0].SetData(func() {}) // has no JSON
	found, err := srv.FetchSockets(context.Background())
	if err != nil || len(found) != 3 {
		t.Errorf("%d sockets, %v", len(found), err)
	}
	if err := recv(t, errs); !strings.Contains(err.Error(), "data") {
		t.Errorf("got %v, want data without JSON reported", err)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	release := make(chan struct{})
	for _, s := range srv.Sockets() {
		s.loop.loop.Post(func(any, any) { <-release }, nil, nil)
	}
	if _, err := srv.FetchSockets(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	close(release)
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if _, err := srv.FetchSockets(context.Background()); err != nil && !errors.Is(err, ErrServerClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// nacks returns how many acknowledgements the sockets of srv owe.
func nacks(srv *Server) (n int) {
	for _, s := range srv.Sockets() {
		if x := s.ext.Load(); x != nil {
			n += int(x.nacks.Load())
		}
	}
	return n
}

func TestBroadcastWithAcks(t *testing.T) {
	srv, addr := serve(t, Config{})
	cs := members(t, srv, addr, []string{"a"}, []string{"a"}, nil)
	got := make(chan string, 1)
	ask := func(b Broadcast, args ...any) {
		if err := b.EmitAck("who", func(answers []Args, err error) {
			var all []string
			for _, a := range answers {
				all = append(all, string(a.Raw()))
			}
			slices.Sort(all)
			got <- fmt.Sprint(all, err)
		}, args...); err != nil {
			t.Error(err)
		}
	}
	expect := func(want string) {
		t.Helper()
		if s := recv(t, got); s != want {
			t.Errorf("got %s, want %s", s, want)
		}
	}
	ask(srv.To("a"), 1)
	cs[0].answer("who", `{"n":1},2`)
	cs[1].answer("who", ``)
	expect(`[ {"n":1}] <nil>`)

	ask(srv.To("none"))
	expect("[] <nil>")

	ask(srv.Timeout(10 * time.Millisecond))
	for _, c := range cs {
		if m := c.next(); !strings.HasPrefix(m, `2`) {
			t.Errorf("got %q", m)
		}
	}
	expect("[] sio: 0 of 3 answers: sio: operation has timed out")
	eventually(t, "the pending acknowledgements are freed", func() bool { return nacks(srv) == 0 })
	cs[0].send("31[1]") // late

	ask(srv.To("a"))
	cs[0].answer("who", "true")
	_ = cs[1].next()
	cs[1].conn.Close()
	expect("[true] sio: 1 of 2 answers: sio: socket is disconnected")
	if nacks(srv) != 0 {
		t.Errorf("%d acknowledgements are owed", nacks(srv))
	}
	if err := srv.Volatile().EmitAck("x", nil); !errors.Is(err, ErrVolatileAck) {
		t.Errorf("volatile: %v", err)
	}
	if err := srv.To("a").EmitAck("connect", nil); !errors.Is(err, ErrReservedEvent) {
		t.Errorf("reserved: %v", err)
	}
	if _, err := srv.EmitWithAck(context.Background(), "x", make(chan int)); err == nil {
		t.Error("a value without JSON was sent")
	}
}

func TestBroadcastWithAcksAtTheLimit(t *testing.T) {
	srv, addr := serve(t, Config{MaxPendingAcks: 1})
	cs := members(t, srv, addr, nil, nil)
	s := srv.Sockets()[0]
	if err := s.EmitAck("first", func(Args, error) {}); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	if err := srv.EmitAck("second", func(answers []Args, err error) {
		if len(answers) != 1 {
			t.Errorf("%d answers", len(answers))
		}
		done <- err
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range cs { // one of them has the first event only
		m := c.next()
		if strings.Contains(m, "second") {
			c.send("3" + m[1:strings.Index(m, "[")] + "[1]")
		}
	}
	var partial *AckError
	if err := recv(t, done); !errors.Is(err, ErrTooManyAcks) || !errors.As(err, &partial) || partial.Asked != 2 || partial.Answered != 1 {
		t.Errorf("got %v", err)
	}
}

func TestBroadcastWithAcksEndsWithTheServer(t *testing.T) {
	checkGoroutines(t)
	srv, addr := serve(t, Config{})
	c := members(t, srv, addr, nil)[0]
	done := make(chan error, 1)
	if err := srv.EmitAck("who", func(_ []Args, err error) { done <- err; panic("in a callback") }); err != nil {
		t.Fatal(err)
	}
	_ = c.next()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if err := recv(t, done); !errors.Is(err, ErrServerClosed) && !errors.Is(err, ErrDisconnected) {
		t.Errorf("got %v", err)
	}
	if err := srv.EmitAck("who", nil); !errors.Is(err, ErrServerClosed) {
		t.Errorf("after Close: %v", err)
	}
	c.expectClosed()
}

func TestOnRoomTellsOfRooms(t *testing.T) {
	var j journal
	srv, addr := serve(t, Config{OnRoom: func(ev RoomEvent) {
		who := ev.ID
		if ev.Room == ev.ID {
			who = "own"
		}
		if len(ev.Room) == 20 {
			ev.Room = "own"
		}
		j.add(fmt.Sprint(ev.Namespace.Name(), " ", ev.Change, " ", ev.Room, " ", len(who)))
	}})
	first := members(t, srv, addr, []string{"a"})[0]
	eventually(t, "the first is in", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return len(j.lines) == 4 })
	a := srv.Sockets()[0]
	second := dial(t, addr)
	id := second.connect("/", "")
	_ = srv.Socket(id).Join("a")
	eventually(t, "the second is in", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return len(j.lines) == 7 })
	first.conn.Close()
	eventually(t, "the first is out", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return len(j.lines) == 10 })
	srv.Socket(id).Leave("a")
	eventually(t, "the room is gone", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return len(j.lines) == 12 })
	j.expect(t,
		"/ create-room own 0", "/ join-room own 3", "/ create-room a 0", "/ join-room a 20",
		"/ create-room own 0", "/ join-room own 3", "/ join-room a 20",
		"/ leave-room a 20", "/ leave-room own 3", "/ delete-room own 0",
		"/ leave-room a 20", "/ delete-room a 0",
	)
	_ = a
}

// TestRawArgsRefusesWhatNoNodeSends: what another node sends is checked.
func TestRawArgsRefusesWhatNoNodeSends(t *testing.T) {
	srv, _ := serve(t, Config{MaxJSONDepth: 4})
	n := &Node{nsp: srv.Namespace}
	for _, raw := range []string{``, ` `, `1`, `1,"a",{"x":[]}`, `[[[[]]]]`, `{"_placeholder":true,"num":7}`} {
		if a, err := n.RawArgs([]byte(raw)); err != nil || string(a.Raw()) != raw {
			t.Errorf("%q: %v", raw, err)
		}
	}
	for _, raw := range []string{`,`, `1,`, `1 2`, `]`, `1],[2`, `{`, "\x00", `"a`, `[[[[[]]]]]`, `nul`} {
		if _, err := n.RawArgs([]byte(raw)); err == nil {
			t.Errorf("%q was accepted", raw)
		}
	}
	if _, err := n.RawArgs([]byte(`{"_placeholder":true,"num":1}`), nil); err == nil {
		t.Error("a placeholder without its attachment was accepted")
	}
	if err := n.Deliver(Event{Name: "disconnect"}); !errors.Is(err, ErrReservedEvent) {
		t.Errorf("a reserved event: %v", err)
	}
	if _, err := n.DeliverWithAck(Event{Name: "connect"}); !errors.Is(err, ErrReservedEvent) {
		t.Errorf("a reserved event with acknowledgement: %v", err)
	}
}

func TestHandshakeJSONIsTheReferences(t *testing.T) {
	text := `{"headers":{"cookie":"a=1; b=2","host":"x:1"},"time":"Mon Nov 23 2026 05:38:07 GMT+0000 (Coordinated Universal Time)",` +
		`"address":"127.0.0.1","xdomain":true,"secure":false,"issued":1795412287000,"url":"/socket.io/?EIO=4","query":{"EIO":"4","t":"x"},"auth":{"token":1}}`
	var h Handshake
	if err := json.Unmarshal([]byte(text), &h); err != nil {
		t.Fatal(err)
	}
	if h.Headers.Get("Cookie") != "a=1; b=2" || h.Query.Get("t") != "x" || h.Address != "127.0.0.1" || !h.XDomain || string(h.Auth) != `{"token":1}` {
		t.Errorf("got %+v", h)
	}
	if again, err := json.Marshal(h); err != nil || string(again) != text {
		t.Errorf("got %s, %v", again, err)
	}
	for _, odd := range []string{`{"headers":{"set-cookie":["a","b"],"x":null},"query":null}`, `{}`, `null`} {
		if err := json.Unmarshal([]byte(odd), &h); err != nil {
			t.Errorf("%s: %v", odd, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"headers":1}`), &h); err == nil {
		t.Error("headers that are a number were accepted")
	}
}

func TestServerSideEmitOfOneNode(t *testing.T) {
	srv, _ := serve(t, Config{})
	srv.OnServerSide("x", func(Args, Ack) { t.Error("a node told itself") })
	if err := srv.ServerSideEmit("x", 1); err != nil {
		t.Error(err)
	}
	if answers, err := srv.ServerSideEmitWithAck(context.Background(), "x"); err != nil || len(answers) != 0 {
		t.Errorf("got %v, %v", answers, err)
	}
	if n, err := srv.ServerCount(context.Background()); n != 1 || err != nil {
		t.Errorf("%d nodes, %v", n, err)
	}
}

// TestServerSideHandlers: they run in order, survive each other's panics and
// ends, and what waits for them is bounded.
func TestServerSideHandlers(t *testing.T) {
	checkGoroutines(t)
	errs := make(chan error, 16)
	srv, _ := serve(t, Config{MaxPendingEvents: 4, OnError: func(err error) { errs <- err }})
	n := &Node{nsp: srv.Namespace}
	var j journal
	entered, release := make(chan struct{}), make(chan struct{})
	srv.OnServerSide("wait", func(Args, Ack) { entered <- struct{}{}; <-release })
	srv.OnServerSide("note", func(a Args, _ Ack) { j.add(string(a.Raw())) })
	srv.OnServerSide("exit", func(Args, Ack) { goexit() })
	srv.OnServerSide("panic", func(Args, Ack) { panic("at the node") })
	srv.OnServerSide("bad answer", func(_ Args, ack Ack) { ack(make(chan int)) })
	args, err := n.NewArgs(1, "two")
	if err != nil {
		t.Fatal(err)
	}
	n.ServerSide("wait", args, nil)
	recv(t, entered)
	for _, event := range []string{"exit", "panic", "note", "bad answer", "note"} {
		n.ServerSide(event, args, func(Args) { t.Error("an answer") })
	}
	if err := recv(t, errs); !errors.Is(err, errTooManyNodeEvents) {
		t.Errorf("got %v, want the fifth refused", err)
	}
	close(release)
	var pe *PanicError
	if err := recv(t, errs); !errors.As(err, &pe) || pe.Socket != nil || pe.Event != "panic" {
		t.Errorf("got %v", err)
	}
	if err := recv(t, errs); !strings.Contains(err.Error(), "bad answer") {
		t.Errorf("got %v", err)
	}
	j.expect(t, `1,"two"`)
}

func TestWaitingCallsOnALoop(t *testing.T) {
	srv, addr := serve(t, Config{})
	got := make(chan error, 2)
	srv.OnRaw("try", func(*RawEvent) {
		_, err := srv.FetchSockets(context.Background())
		got <- err
		_, err = srv.EmitWithAck(context.Background(), "x")
		got <- err
	}, Inline)
	c := members(t, srv, addr, nil)[0]
	c.send(`2["try"]`)
	if a, b := recv(t, got), recv(t, got); !errors.Is(a, ErrOnLoop) || !errors.Is(b, ErrOnLoop) {
		t.Errorf("got %v, %v", a, b)
	}
}
