package sio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// dialOlder connects a client of Socket.IO 2, which is in "/" then, and
// returns it with the id of its session.
func dialOlder(t testing.TB, srv *Server, addr string) (*testClient, string) {
	t.Helper()
	known := map[string]bool{}
	for _, s := range srv.Sockets() {
		known[s.ID()] = true
	}
	c := dialAs(t, addr, "/socket.io/?EIO=3&transport=websocket")
	c.expect("0")
	sid := ""
	eventually(t, "a new socket", func() bool {
		for _, s := range srv.Sockets() {
			if !known[s.ID()] {
				sid = s.ID()
			}
		}
		return sid != ""
	})
	return c, sid
}

func TestOlderClientIsInTheMainNamespace(t *testing.T) {
	srv, addr := serve(t, Config{AllowEIO3: true, ConnectTimeout: 100 * time.Millisecond})
	srv.On("echo", func(s *Socket, args []any, ack Ack) {
		if ack != nil {
			ack(s.ID())
		}
		if err := s.Emit("echo", args...); err != nil {
			t.Error(err)
		}
	})
	ends := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ends <- goneOf(r, err) })
	c, sid := dialOlder(t, srv, addr)
	c.send(`27["echo",1]`)
	c.expect(fmt.Sprintf(`37[%q]`, sid), `2["echo",1]`)
	c.send(`51-["echo",{"_placeholder":true,"num":0}]`, "b:\x04\xff")
	c.expect(`51-["echo",{"_placeholder":true,"num":0}]`, "b:\x04\xff")
	s := srv.Socket(sid)
	if s == nil || s.Conn().ID() != sid || s.Conn().Protocol() != 3 || string(s.Handshake().Auth) != "{}" || s.Rooms()[0] != sid {
		t.Errorf("socket %v", s)
	}
	c.send("1")
	if got := recv(t, ends); got.reason != ReasonClientDisconnect {
		t.Errorf("%v", got)
	}
	eventually(t, "the id forgotten", func() bool { return srv.Socket(sid) == nil })
	if _, known := srv.older.Load(sid); known {
		t.Error("the socket is still known")
	}
	c.send("0") // it can come back
	c.expect("0")
	c.send("0") // but is there once
	c.expectClosed()
}

func TestOlderNamespaces(t *testing.T) {
	srv, addr := serve(t, Config{AllowEIO3: true})
	srv.Of("/ok").OnConnection(func(s *Socket) { _ = s.EmitRaw("auth", s.Handshake().Auth) })
	srv.Of("/no").Use(func(s *Socket) error {
		var auth struct{ Why string }
		if err := s.Handshake().BindAuth(&auth); err != nil {
			return err
		}
		return map[string]error{
			"plain": errors.New("go \"away\""), "data": &ConnectError{Message: "m", Data: map[string]any{"code": 401}},
			"text": &ConnectError{Message: "m", Data: "text"}, "empty": &ConnectError{Message: "m", Data: ""},
			"zero": &ConnectError{Message: "m", Data: 0}, "false": &ConnectError{Message: "m", Data: false},
			"list": &ConnectError{Message: "m", Data: []int{}}, "bad": &ConnectError{Message: "m", Data: func() {}},
		}[auth.Why]
	})
	c, sid := dialOlder(t, srv, addr)
	long := strings.Repeat("x", 3000)
	for _, tt := range [][]string{
		{"0/ok", "0/ok,", `2/ok,["auth",{}]`},
		{"0/ok?", "0/ok,", `2/ok,["auth",{}]`},
		{"0/ok?token=a%20b+c&n=1&n=2&%zz=%zz&<=&&flag,", "0/ok,", `2/ok,["auth",{"token":"a b c","n":"2","%zz":"%zz","<":"","flag":""}]`},
		{"0/ok?t=" + long + ",", "0/ok,", `2/ok,["auth",{"t":"` + long + `"}]`},
		{`0/ok?a=1,{"b":2}`, "0/ok,", `2/ok,["auth",{"a":"1"}]`},
		{"0/nowhere?a=1,", `4/nowhere,{"message":"Invalid namespace"}`},
		{"0/no?why=plain,", `4/no,"go \"away\""`},
		{"0/no?why=data,", `4/no,{"code":401}`},
		{"0/no?why=text,", `4/no,"text"`},
		{"0/no?why=empty,", `4/no,"m"`},
		{"0/no?why=zero,", `4/no,"m"`},
		{"0/no?why=false,", `4/no,"m"`},
		{"0/no?why=list,", `4/no,[]`},
		{"0/no?why=bad,", `4/no,"m"`},
	} {
		c.send(tt[0])
		c.expect(tt[1:]...)
		if tt[1] == "0/ok," {
			if s := srv.Of("/ok").Socket("/ok#" + sid); s == nil || s.ID() != "/ok#"+sid {
				t.Errorf("%s: %v", tt[0], s)
			}
			c.send("1/ok?a=1,") // a query anywhere is cut off
			eventually(t, "the socket gone", func() bool { return srv.Of("/ok").Socket("/ok#"+sid) == nil })
		}
	}
	c.send("0/" + strings.Repeat("n", maxNamespaceBytes) + "?a=1")
	c.expectClosed()
}

// TestOlderAndCurrentClients are in the same rooms.
func TestOlderAndCurrentClients(t *testing.T) {
	srv, addr := serve(t, Config{AllowEIO3: true})
	older, sid := dialOlder(t, srv, addr)
	current := dial(t, addr)
	id := current.connect("/", "")
	for _, name := range []string{sid, id} {
		if err := srv.Socket(name).Join("r", name); err != nil {
			t.Fatal(err)
		}
	}
	both := func(want ...string) {
		t.Helper()
		older.expect(want...)
		current.expect(want...)
	}
	for _, b := range []Broadcast{srv.To("r"), srv.To(sid, id), srv.To("r").Except("x"), srv.To("r", sid)} {
		if err := b.Emit("e", 1, []byte{4, 0xff}); err != nil {
			t.Fatal(err)
		}
		both(`51-["e",1,{"_placeholder":true,"num":0}]`, "b:\x04\xff")
	}
	for _, b := range []Broadcast{srv.To(sid), srv.Except(id), srv.Socket(id).Broadcast()} {
		if err := b.Emit("older"); err != nil {
			t.Fatal(err)
		}
		older.expect(`2["older"]`)
	}
	for _, b := range []Broadcast{srv.To(id), srv.Except(sid), srv.Socket(sid).Broadcast()} {
		if err := b.Emit("current"); err != nil {
			t.Fatal(err)
		}
		current.expect(`2["current"]`)
	}
	if got := srv.Socket(sid).Rooms(); len(got) != 2 || got[0] != sid || got[1] != "r" {
		t.Errorf("rooms %q", got)
	}
	answers := make(chan Args, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() { // ends with the answer, which the client gives, or with ctx
		a, err := srv.Socket(sid).EmitWithAck(ctx, "q")
		if err != nil {
			t.Error(err)
		}
		answers <- a
	}()
	q := older.next()
	older.send("3" + strings.TrimSuffix(strings.TrimPrefix(q, "2"), `["q"]`) + `["a"]`)
	if values, err := recv(t, answers).Values(); err != nil || fmt.Sprint(values) != "[a]" {
		t.Errorf("%v, %v", values, err)
	}
	both()
}

// TestOlderRefused: who is refused in "/" has until the time to join ends.
func TestOlderRefused(t *testing.T) {
	srv, addr := serve(t, Config{AllowEIO3: true, ConnectTimeout: 100 * time.Millisecond})
	srv.Use(func(*Socket) error { return errors.New("no") })
	c := dialAs(t, addr, "/socket.io/?EIO=3&transport=websocket")
	c.expect(`4"no"`)
	c.expectClosed()
	if srv.older.Range(func(any, any) bool { t.Error("a refused socket is known"); return false }); len(srv.Sockets()) != 0 {
		t.Error("a refused socket is there")
	}
}

// TestQueryOfANamespaceIsItsName for clients of today.
func TestQueryOfANamespaceIsItsName(t *testing.T) {
	srv, addr := serve(t, Config{AllowEIO3: true})
	srv.Of("/ok?a=1")
	c := dial(t, addr)
	c.connect("/ok?a=1", "")
	c.send("0/ok,")
	c.expect(`4/ok,{"message":"Invalid namespace"}`)
}
