package sio

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
)

// serverSideFunc handles an event of another node.
type serverSideFunc = func(args Args, ack Ack)

// nodeEvents are the handlers of events between nodes and the events that wait
// for them. They run in order, on a goroutine that exists while there are any.
type nodeEvents struct {
	mu       sync.Mutex
	handlers map[string][]serverSideFunc // guarded by mu; the slices are replaced, not changed
	waiting  []func()                    // guarded by mu
	running  bool                        // guarded by mu
}

var errTooManyNodeEvents = errors.New("too many events of other nodes wait for handlers")

// reservedServerSide reports whether the reference keeps the name for itself.
func reservedServerSide(event string) bool {
	return event == "connect" || event == "connection" || event == "new_namespace"
}

// OnServerSide registers fn for events that other nodes emit with
// [Namespace.ServerSideEmit]. Handlers run one after the other, in the order
// of the events; they may block, and hold up only each other. What waits is
// bounded by [Config.MaxPendingEvents]. ack answers the node that asked, when
// it did; only its first argument travels.
func (n *Namespace) OnServerSide(event string, fn func(args Args, ack Ack)) {
	e := &n.nodeEvents
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handlers == nil {
		e.handlers = make(map[string][]serverSideFunc)
	}
	e.handlers[event] = append(slices.Clip(e.handlers[event]), fn)
}

// ServerSideEmit sends an event to all other nodes, for their handlers
// registered with [Namespace.OnServerSide]. Without an adapter there are none.
func (n *Namespace) ServerSideEmit(event string, args ...any) error {
	a, encoded, err := n.prepareServerSide(event, args)
	if err != nil || a == nil {
		return err
	}
	return a.ServerSideEmit(event, encoded)
}

// ServerSideEmitWithAck is ServerSideEmit that waits for one answer from each
// other node. When ctx ends, or after the time that the adapter allows, it
// returns the answers so far with an [*AckError].
func (n *Namespace) ServerSideEmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	a, encoded, err := n.prepareServerSide(event, args)
	if err != nil || a == nil {
		return nil, err
	}
	return a.ServerSideEmitWithAck(ctx, event, encoded)
}

// prepareServerSide returns the adapter, nil for none, and the arguments.
func (n *Namespace) prepareServerSide(event string, args []any) (Adapter, Args, error) {
	if reservedServerSide(event) {
		return nil, Args{}, ErrReservedEvent
	}
	encoded, err := n.srv.encodeArgs(args)
	if n.link == nil {
		return nil, encoded, err
	}
	return n.link.adapter, encoded, err
}

// serverSide queues an event of another node for the handlers.
func (n *Namespace) serverSide(event string, args Args, answer func(Args)) {
	e := &n.nodeEvents
	e.mu.Lock()
	defer e.mu.Unlock()
	handlers := e.handlers[event]
	if len(handlers) == 0 {
		return
	}
	if len(e.waiting) >= n.srv.cfg.MaxPendingEvents {
		n.srv.cfg.OnError(&HandlerError{Event: event, Err: errTooManyNodeEvents})
		return
	}
	ack := n.answerOnce(event, answer)
	for _, fn := range handlers {
		e.waiting = append(e.waiting, func() { n.callServerSide(event, fn, args, ack) })
	}
	if !e.running {
		e.running = true
		go e.run() // ends when no event waits
	}
}

// run calls what waits, in order.
func (e *nodeEvents) run() {
	done := false
	defer func() {
		if !done {
			go e.run() // ends as this one would have: a handler ended the goroutine (runtime.Goexit)
		}
	}()
	for {
		e.mu.Lock()
		if len(e.waiting) == 0 {
			e.waiting, e.running, done = nil, false, true
			e.mu.Unlock()
			return
		}
		call := e.waiting[0]
		e.waiting[0] = nil
		e.waiting = e.waiting[1:]
		e.mu.Unlock()
		call()
	}
}

// callServerSide runs one handler and survives its panic.
func (n *Namespace) callServerSide(event string, fn serverSideFunc, args Args, ack Ack) {
	defer n.rescue(event)
	fn(args, ack)
}

// answerOnce returns the Ack that calls answer with the first argument.
func (n *Namespace) answerOnce(event string, answer func(Args)) Ack {
	if answer == nil {
		return noAnswer
	}
	sent := new(atomic.Bool)
	return func(args ...any) {
		if sent.Swap(true) {
			return
		}
		encoded, err := n.srv.encodeArgs(args[:min(1, len(args))])
		if err != nil {
			n.srv.cfg.OnError(&HandlerError{Event: event, Err: err})
			return
		}
		answer(encoded)
	}
}
