package sio

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// ackCollector gathers the answers of the clients of this node to one
// broadcast.
type ackCollector struct {
	srv  *Server
	wake chan struct{} // holds one token while there is something new

	mu      sync.Mutex
	loops   int             // guarded by mu: those that have not sent yet
	asked   int             // guarded by mu: clients that were sent to, or should have been
	settled int             // guarded by mu: of them, those that owe nothing any more
	failed  error           // guarded by mu: why one of them did not answer
	fresh   []Args          // guarded by mu: answers that collect has not seen
	pending [][]*pendingAck // guarded by mu: what was sent, by loop
	ended   bool            // guarded by mu: nobody waits any more
}

// question is a broadcast with acknowledgements on its way through the loops.
type question struct {
	Broadcast
	id    int64
	event string
	frame *frame.Frame // one reference for each post
	acks  *ackCollector
}

// ask sends an event to the selected sockets of this node, for acknowledgement.
func (b Broadcast) ask(event string, args Args) (*ackCollector, error) {
	if b.volatile {
		return nil, ErrVolatileAck
	}
	if b.nsp.srv.closed.Load() {
		return nil, ErrServerClosed
	}
	q := &question{
		Broadcast: b, id: b.nsp.ackIDs.Add(1) - 1, event: event,
		acks: &ackCollector{srv: b.nsp.srv, wake: make(chan struct{}, 1), loops: 1},
	}
	var err error
	if q.frame, err = b.nsp.srv.argsFrame(b.nsp.name, q.id, event, args); err != nil {
		return nil, err
	}
	b.compress(q.frame)
	b.eachLoop(func(nl *nspLoop) {
		q.acks.expectLoop()
		q.frame.Retain(1)
		if !nl.ls.loop.Post(postQuestion, nl, q) {
			q.frame.Release()
			q.acks.sent(nil, 0)
		}
	})
	q.frame.Release()
	q.acks.sent(nil, 0) // the one that was there from the beginning
	return q.acks, nil
}

func postQuestion(a, b any) { a.(*nspLoop).ask(b.(*question)) }

// ask sends q to the selected sockets on this loop. Loop only.
func (nl *nspLoop) ask(q *question) {
	sockets := nl.matching(q.Broadcast)
	waiting := make([]*pendingAck, 0, len(sockets))
	for _, s := range sockets {
		x := s.extend()
		if int(x.nacks.Add(1)) > s.nsp.srv.cfg.MaxPendingAcks {
			x.nacks.Add(-1)
			s.nsp.srv.hit(limitAcks)
			continue
		}
		if x.acks == nil {
			x.acks = make(map[int64]*pendingAck)
		}
		p := &pendingAck{socket: s, id: q.id, all: q.acks, sent: s.loop.loop.Now()}
		x.acks[q.id] = p
		waiting = append(waiting, p)
		if s.special && s.tapped() {
			s.tapOutgoing(q.event, q.frame)
		}
		s.send(q.frame.Retain(1))
	}
	nl.ls.counters.deliveries.Add(uint64(len(waiting)))
	nl.ls.counters.broadcasts.Add(1)
	q.frame.Release()
	if q.acks.sent(waiting, len(sockets)-len(waiting)) {
		forgetAll(waiting)
	}
}

func (c *ackCollector) expectLoop() {
	c.mu.Lock()
	c.loops++
	c.mu.Unlock()
}

// sent says that a loop has asked its clients, all but those that have too
// many pending acknowledgements. It reports whether nobody waits any more.
func (c *ackCollector) sent(waiting []*pendingAck, refused int) (ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loops--
	c.asked += len(waiting) + refused
	c.settled += refused
	if refused > 0 {
		c.failed = ErrTooManyAcks
	}
	if len(waiting) > 0 {
		c.pending = append(c.pending, waiting)
	}
	c.signal()
	return c.ended
}

// settle takes the answer of one client, or why there is none. Loop only.
func (c *ackCollector) settle(args Args, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.settled++
	if err != nil {
		c.failed = err
	} else {
		c.fresh = append(c.fresh, args.first())
	}
	c.signal()
}

// signal wakes collect. c.mu held.
func (c *ackCollector) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// collect calls count when all clients have been asked, and answer for each
// answer, until none is owed or ctx ends.
func (c *ackCollector) collect(ctx context.Context, count func(int), answer func(Args)) error {
	for counted := false; ; {
		c.mu.Lock()
		fresh, all, asked := c.fresh, c.loops == 0, c.asked
		done, failed := all && c.settled == asked, c.failed
		c.fresh = nil
		c.mu.Unlock()
		if all && !counted {
			counted = true
			count(asked)
		}
		for _, a := range fresh {
			answer(a)
		}
		if done {
			return failed
		}
		select {
		case <-c.wake:
			continue
		case <-ctx.Done():
			failed = context.Cause(ctx)
		case <-c.srv.ended:
			failed = ErrServerClosed
		}
		for _, a := range c.end() {
			answer(a)
		}
		return failed
	}
}

// end frees the pending acknowledgements and returns the answers that were not
// seen yet.
func (c *ackCollector) end() []Args {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	for _, list := range c.pending {
		list[0].socket.loop.loop.Post(postForgetAll, list, nil)
	}
	fresh := c.fresh
	c.fresh, c.pending = nil, nil
	return fresh
}

func postForgetAll(a, _ any) { forgetAll(a.([]*pendingAck)) }

// forgetAll frees pending acknowledgements of one loop. Loop only.
func forgetAll(list []*pendingAck) {
	for _, p := range list {
		p.socket.takeAck(p.id)
	}
}

// ackContext returns ctx bounded by the time of Timeout, with ErrAckTimeout as
// the cause of its end then.
func (b Broadcast) ackContext(ctx context.Context) (context.Context, context.CancelFunc) {
	if b.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, b.timeout, ErrAckTimeout)
}

// survey is a broadcast with acknowledgements over all nodes.
type survey struct {
	local  *ackCollector
	remote func() (clients int, answers []Args, err error) // nil without other nodes
}

// survey asks the sockets of b, here and elsewhere, under ctx.
func (b Broadcast) survey(ctx context.Context, event string, args []any) (*survey, error) {
	if b.nsp.family != nil {
		return nil, errParentAck
	}
	if reserved(event) {
		return nil, ErrReservedEvent
	}
	encoded, err := b.nsp.srv.encodeArgs(args)
	if err != nil {
		return nil, err
	}
	s := new(survey)
	if s.local, err = b.ask(event, encoded); err != nil {
		return nil, err
	}
	if a := b.remote(); a != nil {
		ev := Event{Name: event, Args: encoded, Target: b.target()}
		if at, ok := ctx.Deadline(); ok {
			ev.Target.Timeout = max(time.Until(at), 1)
		}
		if s.remote, err = a.PublishWithAck(ctx, ev); err != nil {
			s.local.end()
			return nil, err
		}
	}
	return s, nil
}

// wait returns the answers.
func (s *survey) wait(ctx context.Context) ([]Args, error) {
	answers, asked := []Args{}, 0
	err := s.local.collect(ctx, func(n int) { asked = n }, func(a Args) { answers = append(answers, a) })
	if s.remote != nil {
		clients, more, failed := s.remote()
		asked, answers = asked+clients, append(answers, more...)
		if err == nil {
			err = failed
		}
	}
	if err == nil {
		return answers, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answers, &AckError{Asked: asked, Answered: len(answers), Err: err}
}

// EmitWithAck sends an event to the selected sockets of all nodes and waits
// until each client has acknowledged it, or gone. The result is the first
// argument of each acknowledgement, in the order of arrival: more of them
// would not travel between nodes. Without a client it is empty at once.
//
// When clients are missing at the end of ctx or of the time of
// [Broadcast.Timeout], or have gone, it returns the answers that came with an
// [*AckError]. Without either bound it waits as long as the clients are
// connected. In an inline handler, which is on a loop, it returns [ErrOnLoop].
func (b Broadcast) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	if b.nsp.srv.onLoop() {
		return nil, ErrOnLoop
	}
	ctx, cancel := b.ackContext(ctx)
	defer cancel()
	s, err := b.survey(ctx, event, args)
	if err != nil {
		return nil, err
	}
	return s.wait(ctx)
}

// EmitAck sends an event as EmitWithAck does and does not wait: fn is called
// once, on a goroutine of its own, with what EmitWithAck would return. Set a
// bound with [Broadcast.Timeout].
func (b Broadcast) EmitAck(event string, fn func(answers []Args, err error), args ...any) error {
	ctx, cancel := b.ackContext(context.Background())
	s, err := b.survey(ctx, event, args)
	if err != nil {
		cancel()
		return err
	}
	go func() { // ends when all have answered or gone, at the timeout, or with the server
		defer cancel()
		defer b.nsp.rescue(event)
		fn(s.wait(ctx))
	}()
	return nil
}

// rescue is deferred around handlers that belong to no socket: a panic reaches
// Config.OnError.
func (n *Namespace) rescue(event string) {
	if v := recover(); v != nil {
		n.srv.cfg.OnError(&PanicError{Event: event, Value: v, Stack: debug.Stack()})
	}
}

// first returns the first argument only.
func (a Args) first() Args {
	if a.parsed == nil {
		a.raw, _, _ = nextValue(a.raw)
		return a
	}
	if values, err := a.parsed.view(); err == nil {
		a.parsed = &parsedArgs{args: values[:min(1, len(values))]}
	}
	return a
}
