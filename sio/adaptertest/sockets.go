package adaptertest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// fetch returns what FetchSockets finds, sorted by id.
func (n *node) fetch(b sio.Broadcast) []sio.RemoteSocket {
	n.t.Helper()
	sockets, err := b.FetchSockets(within(n.t))
	n.must(err)
	return sockets
}

// ids returns the ids of the sockets, sorted.
func ids(sockets []sio.RemoteSocket) []string {
	var all []string
	for _, s := range sockets {
		all = append(all, s.ID)
	}
	slices.Sort(all)
	return all
}

// expectIDs checks that the sockets are those of the clients.
func (n *node) expectIDs(sockets []sio.RemoteSocket, clients ...*client) {
	n.t.Helper()
	var want []string
	for _, c := range clients {
		want = append(want, c.id)
	}
	slices.Sort(want)
	if got := ids(sockets); !slices.Equal(got, want) {
		n.t.Errorf("got %q, want %q", got, want)
	}
}

func testFetchSockets(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, ab, b := nodes[0].in("a"), nodes[1].in("a", "b"), nodes[2].in("b")
	nodes[1].Socket(ab.id).SetData(map[string]any{"user": "é", "level": 3})
	n := nodes[0]
	n.expectIDs(n.fetch(n.To()), a, ab, b)
	n.expectIDs(n.fetch(n.To("a")), a, ab)
	n.expectIDs(n.fetch(n.To("a", "b")), a, ab, b)
	n.expectIDs(n.fetch(n.Except("b")), a)
	n.expectIDs(n.fetch(n.Local()), a)
	n.expectIDs(n.fetch(n.To("a room that nobody is in")))
	found := n.fetch(n.To(ab.id))
	n.expectIDs(found, ab)
	if len(found) != 1 {
		return
	}
	s, own := found[0], nodes[1].Socket(ab.id)
	if rooms := slices.Sorted(slices.Values(s.Rooms)); !slices.Equal(rooms, slices.Sorted(slices.Values([]string{ab.id, "a", "b"}))) {
		t.Errorf("rooms %q", rooms)
	}
	var data struct {
		User  string
		Level int
	}
	if err := s.BindData(&data); err != nil || data.User != "é" || data.Level != 3 {
		t.Errorf("data %+v, %v", data, err)
	}
	h, want := s.Handshake, own.Handshake()
	if h.Address != want.Address || h.URL != want.URL || h.Query.Get("from") != "adaptertest" || !h.Issued.Equal(want.Issued) ||
		h.Headers.Get("Upgrade") != want.Headers.Get("Upgrade") || h.Secure || h.XDomain {
		t.Errorf("handshake %+v, want %+v", h, want)
	}
	if s.Socket() != nil || n.fetch(n.To(a.id))[0].Socket() != n.Socket(a.id) {
		t.Error("Socket is for sockets of this node")
	}
}

func testRemoteSocket(t *testing.T, c *cluster) {
	nodes := c.start(2, nil)
	n, there := nodes[0], nodes[1].in()
	s := n.fetch(n.To())[0]
	n.must(s.Emit("hello", 1))
	there.expect(`["hello",1]`)
	result := asking(func() ([]sio.Args, error) {
		answer, err := s.Timeout(patience).EmitWithAck(context.Background(), "who")
		return []sio.Args{answer}, err
	})
	there.answer("who", `"me"`)
	answers, err := result(t)
	if got := texts(t, answers); err != nil || got[0] != "me" {
		t.Errorf("got %q, %v", got, err)
	}
	n.must(s.Join("a", "b"))
	n.must(s.Leave("b"))
	n.must(n.To("b").Emit("nobody"))
	n.must(n.To("a").Emit("in a"))
	there.expect(`["in a"]`)
	n.must(s.Disconnect(false))
	if got := there.next(); got != "1" {
		t.Errorf("got %q, want a DISCONNECT", got)
	}
	if _, err := s.Timeout(10*time.Second).EmitWithAck(context.Background(), "gone"); err == nil {
		t.Error("a socket that has gone answered")
	}
}

func testJoinLeave(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, b, other := nodes[0].in("a"), nodes[1].in("a"), nodes[2].in()
	n := nodes[2]
	n.must(n.To("a").SocketsJoin("x", "y"))
	n.must(n.To("x").Emit("one"))
	n.must(n.To("y").SocketsLeave("x"))
	n.must(n.To("x").Emit("nobody"))
	n.must(n.To("y").Emit("two"))
	n.must(n.SocketsJoin("everybody"))
	n.must(n.To("everybody").Emit("three"))
	n.must(n.Except("a").SocketsLeave("everybody"))
	n.must(n.To("everybody").Emit("four"))
	for _, c := range []*client{a, b} {
		c.expect(`["one"]`, `["two"]`, `["three"]`, `["four"]`)
	}
	other.expect(`["three"]`)
	n.sweep(a, b, other)
	if rooms := nodes[1].Socket(b.id).Rooms(); len(rooms) != 4 {
		t.Errorf("rooms %q", rooms)
	}
}

func testDisconnect(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, b, rest := nodes[0].in("a"), nodes[1].in("a"), nodes[2].in()
	n := nodes[2]
	n.must(n.To("a").Emit("last"))
	n.must(n.To("a").DisconnectSockets(false))
	n.must(n.To("a").Emit("nobody"))
	for _, c := range []*client{a, b} {
		c.expect(`["last"]`)
		if got := c.next(); got != "1" {
			t.Errorf("got %q, want a DISCONNECT", got)
		}
		c.expectNothing()
	}
	last := nodes[1].in()
	n.must(n.DisconnectSockets(true))
	rest.expectClosed()
	last.expectClosed()
}
