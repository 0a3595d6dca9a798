package adaptertest

import (
	"fmt"
	"sync"
	"testing"
)

// mark is the last event of a test: behind it, nothing else may have come.
const mark = `["mark"]`

// sweep has a node send the mark to everybody, and checks that each client got
// nothing but what the test expected before.
func (n *node) sweep(clients ...*client) {
	n.t.Helper()
	n.must(n.Emit("mark"))
	for _, c := range clients {
		c.expect(mark)
	}
}

func testBroadcast(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	var clients []*client
	for _, n := range nodes {
		clients = append(clients, n.in(), n.in())
	}
	for i, n := range nodes {
		n.must(n.Emit("hello", i, "é", map[string]any{"a": nil}))
		for _, c := range clients {
			c.expect(fmt.Sprintf(`["hello",%d,"é",{"a":null}]`, i))
		}
	}
	nodes[0].sweep(clients...)
}

func testRooms(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, ab, b, none := nodes[0].in("a"), nodes[1].in("a", "b"), nodes[2].in("b"), nodes[2].in()
	n := nodes[0]
	n.must(n.To("a").Emit("one"))
	a.expect(`["one"]`)
	ab.expect(`["one"]`)
	n.must(n.To("a", "b").Emit("two"))
	for _, c := range []*client{a, ab, b} {
		c.expect(`["two"]`)
	}
	n.must(n.To("a room that nobody is in").Emit("nobody"))
	n.sweep(a, ab, b, none)
}

func testExcept(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	sender, a, ab := nodes[0].in("a"), nodes[1].in("a"), nodes[2].in("a", "b")
	n := nodes[0]
	n.must(n.To("a").Except("b").Emit("one"))
	sender.expect(`["one"]`)
	a.expect(`["one"]`)
	n.must(n.Except("a").Emit("nobody"))
	n.must(n.Socket(sender.id).To("a").Emit("two"))
	n.must(n.Socket(sender.id).Broadcast().Except("b").Emit("three"))
	n.must(n.Except(a.id).Emit("four"))
	a.expect(`["two"]`, `["three"]`)
	ab.expect(`["two"]`, `["four"]`)
	sender.expect(`["four"]`)
	n.sweep(sender, a, ab)
}

func testLocal(t *testing.T, c *cluster) {
	nodes := c.start(2, nil)
	here, there := nodes[0].in("a"), nodes[1].in("a")
	nodes[0].must(nodes[0].Local().Emit("one"))
	nodes[0].must(nodes[0].To("a").Local().Emit("two"))
	nodes[0].must(nodes[0].Local().SocketsJoin("b"))
	nodes[0].must(nodes[0].To("b").Emit("three"))
	here.expect(`["one"]`, `["two"]`, `["three"]`)
	nodes[0].sweep(here, there)
}

func testVolatile(t *testing.T, c *cluster) {
	nodes := c.start(2, nil)
	here, there := nodes[0].in(), nodes[1].in()
	nodes[0].must(nodes[0].Volatile().Emit("price", 1))
	here.expect(`["price",1]`)
	there.expect(`["price",1]`)
}

func testBinary(t *testing.T, c *cluster) {
	nodes := c.start(2, nil)
	here, there := nodes[0].in(), nodes[1].in()
	nodes[0].must(nodes[0].Emit("bin", []byte{1, 2}, map[string]any{"deep": []byte{0xff, 0}}, "text"))
	for _, c := range []*client{here, there} {
		c.expect(`52-["bin",{"_placeholder":true,"num":0},{"deep":{"_placeholder":true,"num":1}},"text"]`, "b:\x01\x02", "b:\xff\x00")
	}
	nodes[0].sweep(here, there)
}

func testRaw(t *testing.T, c *cluster) {
	nodes := c.start(2, nil)
	here, there := nodes[0].in("a"), nodes[1].in("a")
	args := []byte(`{"x":[1,2.5]},"y"`)
	nodes[0].must(nodes[0].To("a").EmitRaw("raw", args))
	copy(args, "overwritten behind the call") // rawArgs was only lent
	for _, c := range []*client{here, there} {
		c.expect(`["raw",{"x":[1,2.5]},"y"]`)
	}
	nodes[0].sweep(here, there)
}

func testOneSocket(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, b := nodes[1].in(), nodes[2].in()
	nodes[0].must(nodes[0].To(a.id).Emit("you"))
	a.expect(`["you"]`)
	nodes[0].must(nodes[0].To(b.id).Emit("you", "too"))
	b.expect(`["you","too"]`)
	nodes[0].sweep(a, b)
}

func testNamespaces(t *testing.T, c *cluster) {
	nodes := c.start(2, nil, "/chat", "/chat/x")
	main, chat, deep := join(t, nodes[1], "/"), join(t, nodes[1], "/chat"), join(t, nodes[1], "/chat/x")
	nodes[0].must(nodes[0].Of("/chat").Emit("one"))
	nodes[0].must(nodes[0].Of("/chat/x").Emit("two"))
	nodes[0].must(nodes[0].Emit("three"))
	chat.expect(`["one"]`)
	deep.expect(`["two"]`)
	main.expect(`["three"]`)
	chat.expectNothing()
	deep.expectNothing()
}

// testOrder has a sender on each node that mixes all that can be sent; each
// client must see what one sender sent in its order, and all of it.
func testOrder(t *testing.T, c *cluster) {
	const rounds, perRound = 60, 5
	nodes := c.start(3, nil)
	var clients []*client
	for _, n := range nodes {
		clients = append(clients, n.in("all"), n.in("all"))
	}
	var senders sync.WaitGroup
	for from, n := range nodes {
		senders.Go(func() { // ends after its rounds
			room := fmt.Sprint("of-", from)
			for r := range rounds {
				k := r * perRound
				emit := func(b interface{ Emit(string, ...any) error }) {
					if err := b.Emit("n", from, k); err != nil {
						t.Error(err)
					}
					k++
				}
				emit(n.Namespace)
				_ = n.To(room).Emit("never")
				_ = n.SocketsJoin(room)
				emit(n.To(room, "all"))
				emit(n.To(room))
				_ = n.SocketsLeave(room)
				_ = n.To(room).Emit("never")
				for i, c := range clients { // direct: one number each
					if i > 0 {
						k--
					}
					emit(n.To(c.id))
				}
				emit(n.Except("nobody"))
			}
		})
	}
	senders.Wait()
	for i, c := range clients {
		next := make([]int, len(nodes))
		for range rounds * perRound * len(nodes) {
			var from, k int
			got := c.next()
			if _, err := fmt.Sscanf(got, `2["n",%d,%d]`, &from, &k); err != nil {
				t.Fatalf("client %d got %q", i, got)
			}
			if k != next[from] {
				t.Fatalf("client %d got number %d of sender %d, want %d", i, k, from, next[from])
			}
			next[from]++
		}
	}
	nodes[0].sweep(clients...)
}
