package sio

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// lookAgain is how often waiting emitters look at a queue that is being
// emptied: only an empty one reports itself.
const lookAgain = 10 * time.Millisecond

// waiter is an event whose emitter waits for room.
type waiter struct {
	frame *frame.Frame
	state atomic.Uint32 // who decides: waiterOpen until the loop or the emitter does
	done  chan error    // written once, by the loop
}

const (
	waiterOpen uint32 = iota
	waiterSent
	waiterGone // the context of the emitter ended
)

// waitList are the waiters of one socket, in order. Loop only.
type waitList struct {
	poller.Timer
	socket *Socket
	list   []*waiter
}

// EmitContext is Emit for an emitter that can wait: while more than half of
// what may be queued for the client waits, it waits for the client to take it,
// or for ctx to end, whose error it returns then. nil means that the event was
// queued, else it is [ErrDropped] or [ErrDisconnected]. A volatile emitter is
// treated as any other. It must not be called on a loop, from inline handlers
// and hooks: it returns [ErrOnLoop] there.
//
// There is no such form of a broadcast: one slow client would hold up all.
func (e Emitter) EmitContext(ctx context.Context, event string, args ...any) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s := e.socket
	if s.nsp.srv.engine.Poller().OnLoop() {
		return ErrOnLoop
	}
	f, err := s.nsp.srv.eventFrame(s.nsp.name, noAck, event, args)
	if err != nil {
		return err
	}
	e.terms.apply(f, s.nsp)
	s.notifyOutgoing(event, f)
	w := &waiter{frame: f, done: make(chan error, 1)}
	if s.state.Load() >= stateLeaving {
		f.Release()
		return ErrDisconnected
	}
	if !s.loop.loop.Post(postWait, s, w) {
		f.Release()
		return ErrServerClosed
	}
	select {
	case err = <-w.done:
		return err
	case <-ctx.Done():
	}
	if w.state.CompareAndSwap(waiterOpen, waiterGone) {
		s.loop.loop.Post(postWake, s, nil)
		return ctx.Err()
	}
	return <-w.done // the loop was faster
}

// EmitContext emits an event and waits for room, see [Emitter.EmitContext].
func (s *Socket) EmitContext(ctx context.Context, event string, args ...any) error {
	return Emitter{socket: s}.EmitContext(ctx, event, args...)
}

func postWait(a, b any) {
	s, w := a.(*Socket), b.(*waiter)
	x := s.extend()
	if x.waiting == nil {
		x.waiting = &waitList{socket: s}
	}
	x.waiting.list = append(x.waiting.list, w)
	x.waiting.wake()
}

func postWake(a, _ any) { a.(*Socket).wakeWaiters() }

// wakeWaiters lets those emit for whom there is room now. Loop only.
func (s *Socket) wakeWaiters() {
	if x := s.ext.Load(); x != nil && x.waiting != nil {
		x.waiting.wake()
	}
}

// OnTimer implements poller.TimerHandler.
func (l *waitList) OnTimer(*poller.Timer) { l.wake() }

// wake sends what there is room for, in order, and forgets those who gave up.
func (l *waitList) wake() {
	s := l.socket
	left := l.list[:0]
	for _, w := range l.list {
		switch {
		case w.state.Load() == waiterGone:
			w.frame.Release()
		case s.state.Load() >= stateClosed:
			l.serve(w, true)
		case len(left) == 0 && s.hasRoom(w.frame.Size()):
			l.serve(w, false)
		default:
			left = append(left, w)
		}
	}
	clear(l.list[len(left):])
	l.list = left
	if len(left) > 0 {
		s.loop.loop.Arm(&l.Timer, l, lookAgain)
		return
	}
	s.loop.loop.Disarm(&l.Timer)
	s.extend().waiting = nil
}

// serve ends the wait of w, unless its emitter does so at this moment.
func (l *waitList) serve(w *waiter, closed bool) {
	switch {
	case !w.state.CompareAndSwap(waiterOpen, waiterSent):
		w.frame.Release()
	case closed:
		w.frame.Release()
		w.done <- ErrDisconnected // buffered, and written once
	default:
		o := l.socket.send(w.frame)
		if o >= poller.Queued {
			l.socket.loop.counters.deliveries.Add(1)
		}
		w.done <- errorOf(o)
	}
}

// hasRoom reports whether n more bytes leave the queue of the client at its
// low-water mark, half of its limit. An empty queue takes anything.
func (s *Socket) hasRoom(n int) bool {
	limit := s.nsp.srv.cfg.Poller.MaxQueueBytes
	if x := s.ext.Load(); x != nil && x.queueBytes != 0 {
		limit = x.queueBytes
	}
	if limit <= 0 {
		limit = defaultQueueBytes
	}
	queued := s.sess.Queued()
	return queued == 0 || queued+n <= limit/2
}

// drained lets emitters that wait go on.
func (c *client) drained() {
	if c.live {
		c.first.wakeWaiters()
	}
	for _, s := range c.more {
		s.wakeWaiters()
	}
}
