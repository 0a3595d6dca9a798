package adaptertest

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/sirocco-io/sirocco/sio"
)

// Hub joins the namespaces of servers in one process. The zero value is ready
// to use; its methods may be called from any goroutine.
type Hub struct {
	mu       sync.Mutex
	nodes    map[string][]*hubNode  // guarded by mu: by namespace
	logs     map[string][]sio.Event // guarded by mu: by namespace
	sessions map[string][]byte      // guarded by mu: by pid
}

// Adapter is a [sio.Config.Adapter] for each server to be joined.
func (h *Hub) Adapter(n *sio.Node) sio.Adapter {
	a := &hubNode{hub: h, node: n, nsp: n.Namespace().Name()}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes == nil {
		h.nodes = make(map[string][]*hubNode)
	}
	h.nodes[a.nsp] = append(h.nodes[a.nsp], a)
	return a
}

// hubNode is one node's place at the hub.
type hubNode struct {
	hub  *Hub
	node *sio.Node
	nsp  string

	mu      sync.Mutex
	inbox   []func() // guarded by mu: what other nodes sent
	running bool     // guarded by mu
	closed  bool     // guarded by mu
}

var _ sio.Adapter = (*hubNode)(nil)

// others calls send for every other node, in one order for all senders.
func (a *hubNode) others(send func(o *hubNode)) (n int) {
	a.hub.mu.Lock()
	defer a.hub.mu.Unlock()
	for _, o := range a.hub.nodes[a.nsp] {
		if o != a {
			send(o)
			n++
		}
	}
	return n
}

// put has f called behind what was put before.
func (a *hubNode) put(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return
	}
	a.inbox = append(a.inbox, f)
	if !a.running {
		a.running = true
		go a.deliver() // ends when the inbox is empty
	}
}

func (a *hubNode) deliver() {
	for {
		a.mu.Lock()
		if len(a.inbox) == 0 {
			a.inbox, a.running = nil, false
			a.mu.Unlock()
			return
		}
		f := a.inbox[0]
		a.inbox = a.inbox[1:]
		a.mu.Unlock()
		f()
	}
}

// received is ev as if it had come over a network.
func (a *hubNode) received(ev sio.Event) sio.Event {
	ev.Args = a.receivedArgs(ev.Args)
	return ev
}

func (a *hubNode) receivedArgs(args sio.Args) sio.Args {
	raw := append([]byte(nil), args.Raw()...)
	var attachments [][]byte
	for _, b := range args.Attachments() {
		attachments = append(attachments, append([]byte(nil), b...))
	}
	got, err := a.node.RawArgs(raw, attachments...)
	if err != nil {
		a.node.Report(err)
	}
	return got
}

// Publish implements [sio.Adapter].
func (a *hubNode) Publish(ev sio.Event) error {
	a.others(func(o *hubNode) {
		o.put(func() { o.report(o.node.Deliver(o.received(ev))) })
	})
	return nil
}

// report gives an error, if it is one, to the server.
func (a *hubNode) report(err error) {
	if err != nil {
		a.node.Report(err)
	}
}

// survey gathers what other nodes say.
type survey struct {
	mu      sync.Mutex
	nodes   int        // guarded by mu: those that have not counted
	clients int        // guarded by mu
	answers []sio.Args // guarded by mu
	wake    chan struct{}
}

func (s *survey) add(nodes, clients int, answers ...sio.Args) {
	s.mu.Lock()
	s.nodes += nodes
	s.clients += clients
	s.answers = append(s.answers, answers...)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// wait waits until each client has answered, or ctx ends.
func (s *survey) wait(ctx context.Context) (clients int, answers []sio.Args, err error) {
	for {
		s.mu.Lock()
		done := s.nodes == 0 && len(s.answers) == s.clients
		clients, answers = s.clients, s.answers
		s.mu.Unlock()
		if done || err != nil {
			return clients, answers, err
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			err = context.Cause(ctx) // and one more look
		}
	}
}

// PublishWithAck implements [sio.Adapter].
func (a *hubNode) PublishWithAck(ctx context.Context, ev sio.Event) (func() (int, []sio.Args, error), error) {
	s := &survey{wake: make(chan struct{}, 1)}
	a.others(func(o *hubNode) {
		s.add(1, 0)
		o.put(func() { o.ask(ctx, ev, s) })
	})
	return func() (int, []sio.Args, error) { return s.wait(ctx) }, nil
}

// ask asks the clients of a for another node.
func (a *hubNode) ask(ctx context.Context, ev sio.Event, s *survey) {
	wait, err := a.node.DeliverWithAck(a.received(ev))
	if err != nil {
		a.node.Report(err)
		return
	}
	go func() { // ends when the clients have answered or gone, or with ctx
		// Which clients are missing, and why, is for the asking node to
		// notice: it knows the count.
		_ = wait(ctx, func(clients int) { s.add(-1, clients) }, func(answer sio.Args) { s.add(0, 0, a.receivedArgs(answer)) })
	}()
}

// SocketsJoin implements [sio.Adapter].
func (a *hubNode) SocketsJoin(t sio.Target, rooms []string) error {
	a.others(func(o *hubNode) { o.put(func() { o.node.SocketsJoin(t, rooms) }) })
	return nil
}

// SocketsLeave implements [sio.Adapter].
func (a *hubNode) SocketsLeave(t sio.Target, rooms []string) error {
	a.others(func(o *hubNode) { o.put(func() { o.node.SocketsLeave(t, rooms) }) })
	return nil
}

// DisconnectSockets implements [sio.Adapter].
func (a *hubNode) DisconnectSockets(t sio.Target, closeTransport bool) error {
	a.others(func(o *hubNode) { o.put(func() { o.node.DisconnectSockets(t, closeTransport) }) })
	return nil
}

// FetchSockets implements [sio.Adapter].
func (a *hubNode) FetchSockets(ctx context.Context, t sio.Target) ([]sio.SocketInfo, error) {
	found := make(chan []byte, a.count())
	n := a.others(func(o *hubNode) {
		o.put(func() {
			infos, err := o.node.Sockets(ctx, t)
			o.report(err)
			text, err := json.Marshal(infos)
			o.report(err)
			found <- text
		})
	})
	var all []sio.SocketInfo
	for range n {
		select {
		case text := <-found:
			var some []sio.SocketInfo
			if err := json.Unmarshal(text, &some); err != nil {
				return all, err
			}
			all = append(all, some...)
		case <-ctx.Done():
			return all, ctx.Err()
		}
	}
	return all, nil
}

// ServerSideEmit implements [sio.Adapter].
func (a *hubNode) ServerSideEmit(event string, args sio.Args) error {
	a.others(func(o *hubNode) { o.put(func() { o.node.ServerSide(event, o.receivedArgs(args), nil) }) })
	return nil
}

// ServerSideEmitWithAck implements [sio.Adapter].
func (a *hubNode) ServerSideEmitWithAck(ctx context.Context, event string, args sio.Args) ([]sio.Args, error) {
	answers := make(chan sio.Args, a.count())
	n := a.others(func(o *hubNode) {
		o.put(func() {
			o.node.ServerSide(event, o.receivedArgs(args), func(answer sio.Args) { answers <- a.receivedArgs(answer) })
		})
	})
	all := []sio.Args{}
	for range n {
		select {
		case answer := <-answers:
			all = append(all, answer)
		case <-ctx.Done():
			return all, &sio.AckError{Asked: n, Answered: len(all), Err: ctx.Err()}
		}
	}
	return all, nil
}

func (a *hubNode) count() int {
	a.hub.mu.Lock()
	defer a.hub.mu.Unlock()
	return len(a.hub.nodes[a.nsp])
}

// ServerCount implements [sio.Adapter].
func (a *hubNode) ServerCount(context.Context) (int, error) { return a.count(), nil }

// Close implements [sio.Adapter].
func (a *hubNode) Close() error {
	a.hub.mu.Lock()
	nodes := a.hub.nodes[a.nsp]
	for i, o := range nodes {
		if o == a {
			a.hub.nodes[a.nsp] = append(append([]*hubNode(nil), nodes[:i]...), nodes[i+1:]...)
		}
	}
	a.hub.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed, a.inbox = true, nil
	return nil
}
