package sio

import (
	"context"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// pendingAck is an acknowledgement that the client owes.
type pendingAck struct {
	poller.Timer // loop only: armed with a timeout
	socket       *Socket
	id           int64
	frame        *frame.Frame // until the loop has it
	timeout      time.Duration
	sent         int64             // loop only: when the loop sent it
	done         chan ackResult    // for a caller that waits
	all          *ackCollector     // of a broadcast
	fn           func(Args, error) // else
}

type ackResult struct {
	args Args
	err  error
}

// request sends an event with an acknowledgement id and registers p for it.
func (s *Socket) request(e Emitter, p *pendingAck, event string, args []any) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	if e.volatile {
		return ErrVolatileAck
	}
	x := s.extend()
	if int(x.nacks.Add(1)) > s.nsp.srv.cfg.MaxPendingAcks {
		x.nacks.Add(-1)
		s.nsp.srv.hit(limitAcks)
		return ErrTooManyAcks
	}
	p.socket, p.timeout = s, e.timeout
	p.id = s.nsp.ackIDs.Add(1) - 1
	f, err := s.nsp.srv.eventFrame(s.nsp.name, p.id, event, args)
	if err == nil {
		e.terms.apply(f, s.nsp)
		s.notifyOutgoing(event, f)
		p.frame = f
		err = s.postRequest(p)
	}
	if err != nil {
		x.nacks.Add(-1)
	}
	return err
}

func (s *Socket) postRequest(p *pendingAck) error {
	if s.state.Load() >= stateLeaving {
		p.frame.Release()
		return ErrDisconnected
	}
	if !s.loop.loop.Post(postRequest, s, p) {
		p.frame.Release()
		return ErrServerClosed
	}
	return nil
}

func postRequest(a, b any) {
	s, p := a.(*Socket), b.(*pendingAck)
	f := p.frame
	p.frame = nil
	x := s.extend()
	if s.state.Load() >= stateClosed {
		f.Release()
		x.nacks.Add(-1)
		p.settle(Args{}, ErrDisconnected)
		return
	}
	if x.acks == nil {
		x.acks = make(map[int64]*pendingAck)
	}
	x.acks[p.id] = p
	p.sent = s.loop.loop.Now()
	if p.timeout > 0 {
		s.loop.loop.Arm(&p.Timer, p, p.timeout)
	}
	if s.send(f) >= poller.Queued {
		s.loop.counters.deliveries.Add(1)
	}
}

// OnTimer implements poller.TimerHandler.
func (p *pendingAck) OnTimer(*poller.Timer) {
	if p.socket.takeAck(p.id) != nil {
		p.settle(Args{}, ErrAckTimeout)
	}
}

// takeAck removes a pending acknowledgement, or returns nil. Loop only.
func (s *Socket) takeAck(id int64) *pendingAck {
	x := s.ext.Load()
	if x == nil {
		return nil
	}
	p := x.acks[id]
	if p == nil {
		return nil
	}
	delete(x.acks, id)
	if len(x.acks) == 0 {
		x.acks = nil // a map does not shrink
	}
	x.nacks.Add(-1)
	s.loop.loop.Disarm(&p.Timer)
	return p
}

// acknowledged handles an acknowledgement of the client; one that nobody waits
// for is ignored. Loop only.
func (s *Socket) acknowledged(p *packet, t *task) {
	s.loop.counters.acksIn.Add(1)
	w := s.takeAck(p.id)
	if w == nil {
		return
	}
	s.loop.counters.ackTimes.observe(time.Duration(s.loop.loop.Now() - w.sent))
	args := Args{raw: p.args, codec: s.nsp.srv.codec, parsed: p.parsed}
	if t != nil {
		args.attachments = t.parts
	}
	w.settle(args.clone(), nil)
}

// settle ends the wait for p. Callbacks run in order with the socket's events.
// Loop only.
func (p *pendingAck) settle(args Args, err error) {
	if p.done != nil {
		p.done <- ackResult{args, err} // buffered, and written once
		return
	}
	if p.all != nil {
		p.all.settle(args, err)
		return
	}
	t := getTask()
	t.kind, t.ack, t.err = taskAck, p.fn, err
	t.hold(args)
	p.socket.loop.work.stage(p.socket, t)
}

// runAck calls the callback of an acknowledgement. Off the loop.
func (s *Socket) runAck(t *task) {
	defer s.rescue("acknowledgement")
	t.ack(t.held(s.nsp.srv.codec), t.err)
}

// dropAcks tells all that wait that the socket has gone. Loop only.
func (s *Socket) dropAcks() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	for id := range x.acks {
		s.takeAck(id).settle(Args{}, ErrDisconnected)
	}
}

// EmitWithAck sends an event and waits for the client's acknowledgement. It
// returns the error of ctx when that ends first, [ErrAckTimeout] after the
// time of [Emitter.Timeout], and [ErrDisconnected] when the socket goes. It
// must not be called from an inline handler: the loop would wait for itself.
func (e Emitter) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	p := &pendingAck{done: make(chan ackResult, 1)}
	if err := e.socket.request(e, p, event, args); err != nil {
		return Args{}, err
	}
	select {
	case r := <-p.done:
		return r.args, r.err
	case <-ctx.Done():
		e.socket.loop.loop.Post(postForgetAck, e.socket, p)
		return Args{}, ctx.Err()
	}
}

func postForgetAck(a, b any) { a.(*Socket).takeAck(b.(*pendingAck).id) }

// EmitAck sends an event; fn is called once, with the acknowledgement's
// arguments or with the error that EmitWithAck would return. It runs as a
// handler does: off the loop, in order with the events of the socket.
func (e Emitter) EmitAck(event string, fn func(args Args, err error), args ...any) error {
	return e.socket.request(e, &pendingAck{fn: fn}, event, args)
}
