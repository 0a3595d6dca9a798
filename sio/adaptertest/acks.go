package adaptertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// short is the time-out of what has to time out.
const short = 300 * time.Millisecond

// texts decodes the answers, which are strings, and sorts them.
func texts(t *testing.T, answers []sio.Args) []string {
	t.Helper()
	all := []string{}
	for _, a := range answers {
		var s string
		if err := a.Decode(&s); err != nil {
			t.Error(err)
		}
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// asking runs a call that waits for clients, and returns its result later.
func asking(call func() ([]sio.Args, error)) (result func(t *testing.T) ([]sio.Args, error)) {
	type outcome struct {
		answers []sio.Args
		err     error
	}
	done := make(chan outcome, 1)
	go func() { // ends with the call
		answers, err := call()
		done <- outcome{answers, err}
	}()
	return func(t *testing.T) ([]sio.Args, error) {
		t.Helper()
		select {
		case o := <-done:
			return o.answers, o.err
		case <-time.After(patience):
			t.Fatal("the call did not return")
			return nil, nil
		}
	}
}

func testAcks(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	var clients []*client
	for _, n := range nodes {
		clients = append(clients, n.in("a"), n.in("a"), n.in())
	}
	ctx := within(t)
	result := asking(func() ([]sio.Args, error) { return nodes[0].To("a").EmitWithAck(ctx, "who", 1) })
	var want []string
	for i, c := range clients {
		if i%3 < 2 {
			c.answer("who", fmt.Sprintf(`"client %d","a second argument"`, i))
			want = append(want, fmt.Sprintf("client %d", i))
		}
	}
	answers, err := result(t)
	if got := texts(t, answers); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	for _, a := range answers {
		if a.Len() != 1 {
			t.Errorf("%s: want the first argument only", a.Raw())
		}
	}
	here, there := clients[3], clients[0] // of nodes[1], and of another node
	result = asking(func() ([]sio.Args, error) { return nodes[1].To(here.id, there.id).EmitWithAck(ctx, "bin", []byte{1}) })
	for _, c := range []*client{here, there} {
		c.answer("bin", `"got it"`)
		if got := c.next(); got != "b:\x01" {
			t.Errorf("got %q, want the attachment", got)
		}
	}
	answers, err = result(t)
	if got := texts(t, answers); err != nil || !slices.Equal(got, []string{"got it", "got it"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func testPartialAcks(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	a, b, mute := nodes[0].in(), nodes[1].in(), nodes[2].in()
	result := asking(func() ([]sio.Args, error) {
		return nodes[0].Timeout(2*time.Second).EmitWithAck(context.Background(), "who")
	})
	a.answer("who", `"a"`)
	b.answer("who", `"b"`)
	answers, err := result(t)
	if got := texts(t, answers); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %q, want the two that answered", got)
	}
	var partial *sio.AckError
	if !errors.Is(err, sio.ErrAckTimeout) || !errors.As(err, &partial) || partial.Asked != 3 || partial.Answered != 2 {
		t.Errorf("got %v, want a timeout of 2 of 3", err)
	}
	if got := mute.next(); len(got) < 2 || got[:1] != "2" {
		t.Errorf("got %q", got)
	}
	mute.expectNothing()
	ctx, cancel := context.WithTimeout(context.Background(), short)
	defer cancel()
	if _, err := nodes[0].EmitWithAck(ctx, "who"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the error of the context", err)
	}
}

func testNoAcks(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	answers, err := nodes[0].To("nobody").EmitWithAck(within(t), "who")
	if err != nil || len(answers) != 0 {
		t.Errorf("got %v, %v, want nothing at once", answers, err)
	}
}

func testServerSideEmit(t *testing.T, c *cluster) {
	nodes := c.start(3, nil, "/chat")
	got := make(chan string, 64)
	for i, n := range nodes {
		n.OnServerSide("hello", func(args sio.Args, ack sio.Ack) {
			ack("nobody asked")
			got <- fmt.Sprintf("%d %s", i, args.Raw())
		})
		n.Of("/chat").OnServerSide("hello", func(args sio.Args, _ sio.Ack) { got <- fmt.Sprintf("chat %d %s", i, args.Raw()) })
	}
	expect := func(want ...string) {
		t.Helper()
		all := []string{}
		for range want {
			select {
			case s := <-got:
				all = append(all, s)
			case <-time.After(patience):
				t.Fatalf("only %q came", all)
			}
		}
		if slices.Sort(all); !slices.Equal(all, want) {
			t.Errorf("got %q, want %q", all, want)
		}
	}
	nodes[1].must(nodes[1].ServerSideEmit("hello", "a", 1, []byte{2}))
	expect(`0 "a",1,{"_placeholder":true,"num":0}`, `2 "a",1,{"_placeholder":true,"num":0}`)
	nodes[0].must(nodes[0].Of("/chat").ServerSideEmit("hello"))
	expect("chat 1 ", "chat 2 ")
	nodes[0].must(nodes[0].ServerSideEmit("nobody listens"))
	for _, name := range []string{"connect", "connection", "new_namespace"} {
		if err := nodes[0].ServerSideEmit(name); !errors.Is(err, sio.ErrReservedEvent) {
			t.Errorf("%s: %v, want it reserved", name, err)
		}
	}
	for i := range 20 {
		nodes[0].must(nodes[0].ServerSideEmit("hello", i))
	}
	seen := map[string]int{}
	for range 2 * 20 {
		var node string
		var i int
		s := <-got
		if _, err := fmt.Sscanf(s, "%s %d", &node, &i); err != nil || i != seen[node] {
			t.Fatalf("got %q, want number %d", s, seen[node])
		}
		seen[node]++
	}
	select {
	case s := <-got:
		t.Errorf("got %q, want nothing more", s)
	case <-time.After(quiet):
	}
}

func testServerSideAck(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	for i, n := range nodes {
		n.OnServerSide("who", func(args sio.Args, ack sio.Ack) {
			go func() { // later, and once only
				ack(fmt.Sprintf("node %d %s", i, args.Raw()), "a second argument")
				ack("again")
			}()
		})
	}
	answers, err := nodes[2].ServerSideEmitWithAck(within(t), "who", true)
	if got := texts(t, answers); err != nil || !slices.Equal(got, []string{"node 0 true", "node 1 true"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

func testServerSidePartial(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	nodes[1].OnServerSide("who", func(_ sio.Args, ack sio.Ack) { ack("node 1") })
	nodes[2].OnServerSide("who", func(sio.Args, sio.Ack) {})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	answers, err := nodes[0].ServerSideEmitWithAck(ctx, "who")
	var partial *sio.AckError
	if !errors.As(err, &partial) || partial.Asked != 2 || partial.Answered != 1 {
		t.Errorf("got %v, want 1 of 2", err)
	}
	if got := texts(t, answers); !slices.Equal(got, []string{"node 1"}) {
		t.Errorf("got %q", got)
	}
}

func testServerCount(t *testing.T, c *cluster) {
	nodes := c.start(3, nil)
	nodes[2].must(nodes[2].Close())
	nodes[0].awaitCount("/", 2)
	nodes[1].awaitCount("/", 2)
	client := nodes[1].in()
	nodes[0].must(nodes[0].Emit("still"))
	client.expect(`["still"]`)
	if _, err := nodes[0].To("nobody").EmitWithAck(within(t), "who"); err != nil {
		t.Errorf("with a node less: %v", err)
	}
}
