package adaptertest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// recovering has a test left out when the adapter keeps no sessions.
func recovering(test func(*testing.T, *cluster)) func(*testing.T, *cluster) {
	return func(t *testing.T, c *cluster) {
		kept := false
		probe := func(n *sio.Node) sio.Adapter {
			a := c.factories[0](n)
			_, kept = a.(sio.SessionStore)
			return a
		}
		srv, err := sio.NewServer(sio.Config{Adapter: probe})
		if err != nil {
			t.Fatal(err)
		}
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		if !kept {
			t.Skip("the adapter is no SessionStore")
		}
		test(t, c)
	}
}

func withRecovery(cfg *sio.Config) { cfg.ConnectionStateRecovery = &sio.Recovery{} }

// event takes the next event, and its offset off it.
func (c *client) event(want string) {
	c.t.Helper()
	got := c.next()
	i := strings.LastIndexByte(got, ',')
	if i < 0 || !strings.HasSuffix(got, `"]`) || got[:i]+"]" != "2"+c.nsp+want {
		c.t.Fatalf("got %q, want %q and an offset", got, want)
	}
	c.offset = got[i+2 : len(got)-2]
}

// lose cuts the client's connection and waits until its node has noticed.
func (c *client) lose(n *node) {
	c.t.Helper()
	_ = c.conn.Close()
	eventually(c.t, func() bool { return n.Socket(c.id) == nil && n.Stats().Workers == 0 })
}

// back connects the client again, with a node, and checks what it missed.
func (c *client) back(n *node, recovered bool, missed ...string) *client {
	c.t.Helper()
	again := dial(c.t, n.addr, "/", fmt.Sprintf(`{"pid":%q,"offset":%q}`, c.pid, c.offset))
	for _, want := range missed {
		again.event(want)
	}
	again.connected()
	if again.offset == "" {
		again.offset = c.offset
	}
	if got := again.pid == c.pid && again.id == c.id; got != recovered {
		c.t.Fatalf("recovered is %v, want %v", got, recovered)
	}
	return again
}

func testRecovery(t *testing.T, cl *cluster) {
	nodes := cl.start(3, withRecovery)
	c := nodes[0].in("a")
	nodes[0].Socket(c.id).SetData(map[string]any{"user": "é"})
	nodes[1].must(nodes[1].Emit("hello"))
	c.event(`["hello"]`)
	c.lose(nodes[0])
	nodes[0].must(nodes[0].To("a").Emit("one", 1))
	nodes[1].must(nodes[1].To("a", "b").Emit("two", []string{"x"}))
	nodes[2].must(nodes[2].Except("a").Emit("not for it"))
	nodes[2].must(nodes[2].To("b").Emit("not for it"))
	nodes[2].must(nodes[2].To(c.id).Emit("three"))
	nodes[2].must(nodes[2].Volatile().Emit("volatile"))
	c = c.back(nodes[1], true, `["one",1]`, `["two",["x"]]`, `["three"]`)
	s := nodes[1].Socket(c.id)
	if s == nil || !s.Recovered() || len(s.Rooms()) != 2 {
		t.Fatalf("the socket on its new node: %v", s)
	}
	var data struct{ User string }
	if err := s.BindData(&data); err != nil || data.User != "é" {
		t.Errorf("data %v, %v", s.Data(), err)
	}
	nodes[0].must(nodes[0].To("a").Emit("live"))
	nodes[2].must(nodes[2].To(c.id).Emit("direct"))
	c.event(`["live"]`)
	c.event(`["direct"]`)
	nodes[1].expectIDs(nodes[2].fetch(nodes[2].To("a")), c)
	c.lose(nodes[1])
	c = c.back(nodes[2], true) // and again, on a third node
	nodes[0].must(nodes[0].Emit("mark"))
	c.event(mark)
}

func testRecoveryOnce(t *testing.T, cl *cluster) {
	nodes := cl.start(2, withRecovery)
	c := nodes[0].in()
	nodes[0].must(nodes[0].Emit("hello"))
	c.event(`["hello"]`)
	c.lose(nodes[0])
	_ = c.back(nodes[1], true)
	_ = c.back(nodes[0], false)
	unknown := *c
	unknown.pid, unknown.offset = strings.Repeat("x", 20), c.offset
	_ = unknown.back(nodes[1], false)
}

func testSessionStore(t *testing.T, cl *cluster) {
	var stores []sio.SessionStore
	for i, factory := range cl.factories {
		cl.factories[i] = func(n *sio.Node) sio.Adapter {
			a := factory(n)
			stores = append(stores, a.(sio.SessionStore))
			return a
		}
	}
	nodes := cl.start(2, withRecovery)
	ctx := within(t)
	s := sio.Session{PID: "pid", SID: strings.Repeat("s", 20), Rooms: []string{"a", "é"}, Data: json.RawMessage(`{"x":1}`)}
	nodes[0].must(stores[0].SaveSession(ctx, s, time.Minute))
	got, ok, err := stores[1].TakeSession(ctx, "pid")
	if err != nil || !ok || got.PID != s.PID || got.SID != s.SID || fmt.Sprint(got.Rooms) != fmt.Sprint(s.Rooms) {
		t.Errorf("got %+v, %v, %v", got, ok, err)
	}
	if text, err := json.Marshal(got.Data); err != nil || string(text) != `{"x":1}` {
		t.Errorf("data %s, %v", text, err)
	}
	if _, ok, err := stores[0].TakeSession(ctx, "pid"); ok || err != nil {
		t.Errorf("taken twice: %v, %v", ok, err)
	}
	for _, offset := range []string{"", "none", "1-1"} {
		if err := stores[0].EventsSince(ctx, offset, func(sio.Event) bool { return true }); err == nil {
			t.Errorf("events since %q are known", offset)
		}
	}
}

// testRecoveryOrder: while all nodes send, clients lose their connections and
// return to another node; they see all, once and in the order of each sender.
func testRecoveryOrder(t *testing.T, cl *cluster) {
	const rounds = 90
	nodes := cl.start(3, withRecovery)
	var clients []*client
	for _, n := range nodes {
		c := n.in("all")
		clients = append(clients, c)
	}
	nodes[0].must(nodes[0].Emit("hello"))
	for _, c := range clients {
		c.event(`["hello"]`)
	}
	var everybody sync.WaitGroup
	for from, n := range nodes {
		everybody.Go(func() { // ends after its rounds
			for k := range rounds {
				if err := n.To("all").Emit("n", from, k); err != nil {
					t.Error(err)
				}
				time.Sleep(time.Millisecond) // so that there is something to miss; nothing depends on it
			}
		})
	}
	for i, c := range clients {
		everybody.Go(func() { // ends when all has come
			next, at := make([]int, len(nodes)), i
			for seen := 0; seen < rounds*len(nodes); {
				m := c.next()
				if strings.HasPrefix(m, "0") {
					continue // the answer to a CONNECT, behind what was missed
				}
				var from, k int
				if _, err := fmt.Sscanf(m, `2["n",%d,%d,`, &from, &k); err != nil || k != next[from] {
					t.Errorf("client %d got %q, want number %d", i, m, next[from])
					return
				}
				c.offset = m[strings.LastIndexByte(m, ',')+2 : len(m)-2]
				next[from]++
				if seen++; seen%25 == 0 {
					c.lose(nodes[at])
					at = (at + 1) % len(nodes)
					again := dial(t, nodes[at].addr, "/", fmt.Sprintf(`{"pid":%q,"offset":%q}`, c.pid, c.offset))
					again.id, again.pid, again.offset = c.id, c.pid, c.offset
					c = again
					eventually(t, func() bool { return nodes[at].Socket(c.id) != nil })
				}
			}
		})
	}
	everybody.Wait()
}

// testLogOrder: what the log of a store gives back is what the clients saw.
func testLogOrder(t *testing.T, cl *cluster) {
	var stores []sio.SessionStore
	for i, factory := range cl.factories {
		cl.factories[i] = func(n *sio.Node) sio.Adapter {
			a := factory(n)
			stores = append(stores, a.(sio.SessionStore))
			return a
		}
	}
	nodes := cl.start(2, withRecovery)
	clients := []*client{nodes[0].in(), nodes[1].in()}
	nodes[0].must(nodes[0].Emit("first"))
	for _, c := range clients {
		c.event(`["first"]`)
	}
	since := clients[0].offset
	var senders sync.WaitGroup
	for _, n := range nodes {
		senders.Go(func() { // ends after its rounds
			for k := range 50 {
				if err := n.Emit("n", k); err != nil {
					t.Error(err)
				}
			}
		})
	}
	senders.Wait()
	var seen [2][]string
	for i, c := range clients {
		for range 100 {
			seen[i] = append(seen[i], c.next())
		}
	}
	if fmt.Sprint(seen[0]) != fmt.Sprint(seen[1]) {
		t.Fatal("two nodes delivered in different orders")
	}
	var log []string
	nodes[0].must(stores[1].EventsSince(context.Background(), since, func(ev sio.Event) bool {
		log = append(log, fmt.Sprintf(`2["%s",%s,"%s"]`, ev.Name, ev.Args.Raw(), ev.Offset))
		return true
	}))
	if fmt.Sprint(log) != fmt.Sprint(seen[0]) {
		t.Errorf("the log says %q, the clients saw %q", log, seen[0])
	}
	last := since
	nodes[0].must(stores[0].EventsSince(context.Background(), since, func(ev sio.Event) bool {
		s := stores[1]
		if s.Compare(last, ev.Offset) >= 0 || s.Compare(ev.Offset, last) <= 0 || s.Compare(ev.Offset, ev.Offset) != 0 {
			t.Errorf("offset %q does not come behind %q", ev.Offset, last)
		}
		last = ev.Offset
		return true
	}))
}
