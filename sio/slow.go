package sio

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// DropReason says why an event was dropped.
type DropReason string

// Reasons for dropping events. Those that are sent give up only what the
// client was too slow for.
const (
	// DropVolatile: a volatile event that could not be sent at once.
	DropVolatile DropReason = "volatile"
	// DropNewest: no room for it (poller.OverflowDropNewest).
	DropNewest DropReason = "newest"
	// DropOldest: dropped to make room (poller.OverflowDropOldest). What goes
	// may be an event of another socket of the same client.
	DropOldest DropReason = "oldest"
	// DropReplaced: a later event of the same key replaced it, see
	// [Emitter.Latest].
	DropReplaced DropReason = "replaced"
)

// SetQueue changes what bounds the bytes that wait for this client, on any
// transport, and what happens there:
//
//   - poller.OverflowDisconnect ends the connection; the reason is "transport
//     error", the error [ErrSlowConsumer];
//   - poller.OverflowDropNewest drops the event that there is no room for;
//   - poller.OverflowDropOldest drops the oldest events for it.
//
// A packet and its attachments are dropped together, and packets of the
// protocol itself never. 0 bytes means the limit of [Config.Poller]. It concerns
// the connection, which the client's sockets in other namespaces share.
func (s *Socket) SetQueue(maxBytes int, o poller.Overflow) {
	s.loop.loop.Post(postQueue, s, &queueTerms{maxBytes, o})
}

// queueTerms are posted by SetQueue.
type queueTerms struct {
	maxBytes int
	overflow poller.Overflow
}

func postQueue(a, b any) {
	s, q := a.(*Socket), b.(*queueTerms)
	s.extend().queueBytes = q.maxBytes
	s.sess.SetLimit(q.maxBytes, q.overflow)
}

// send gives f to the connection, and takes over one reference. Loop only.
//
// Hot path: no allocation, no lock.
func (s *Socket) send(f *frame.Frame) poller.Outcome {
	var o poller.Outcome
	if s.traced {
		o = s.sendTraced(f)
	} else {
		o = s.sess.Offer(f)
	}
	if o != poller.Queued {
		s.slow(o)
	}
	return o
}

// slow tells the hook what was not simply queued.
//
//go:noinline
func (s *Socket) slow(o poller.Outcome) {
	switch o {
	case poller.Dropped:
		s.drop(DropNewest)
	case poller.MadeRoom:
		s.drop(DropOldest)
	case poller.Replaced:
		s.drop(DropReplaced)
	}
}

// drop calls the hook.
func (s *Socket) drop(why DropReason) {
	if hook := s.nsp.srv.cfg.OnDrop; hook != nil {
		defer s.rescue("OnDrop")
		hook(s, why)
	}
}

// dropVolatile counts and releases an event that could not be sent at once.
func (s *Socket) dropVolatile(f *frame.Frame) {
	s.loop.counters.dropped.Add(1)
	f.Release()
	s.drop(DropVolatile)
}

// errorOf returns what Report and EmitContext say about an outcome.
func errorOf(o poller.Outcome) error {
	switch o {
	case poller.Closed:
		return ErrDisconnected
	case poller.Dropped:
		return ErrDropped
	}
	return nil
}

// report is an event whose emitter wants to know what became of it.
type report struct {
	frame    *frame.Frame
	volatile bool
	fn       func(error)
}

// Report makes fn be told, once for each event of the emitter, what became of
// it: nil when it was queued for the client (not that it arrived: see
// EmitWithAck), [ErrDropped], or [ErrDisconnected]. It is called on the loop
// and must not block; it is not called when Emit itself returns an error. It
// has no effect on events with acknowledgement.
func (e Emitter) Report(fn func(error)) Emitter {
	e.report = fn
	return e
}

// Report returns an emitter that tells what became of its events, see
// [Emitter.Report].
func (s *Socket) Report(fn func(error)) Emitter { return Emitter{socket: s}.Report(fn) }

// postReport is post for an event that is reported.
func (s *Socket) postReport(r *report) error {
	if s.state.Load() >= stateLeaving {
		r.frame.Release()
		return ErrDisconnected
	}
	if !s.loop.loop.Post(postReported, s, r) {
		r.frame.Release()
		return ErrServerClosed
	}
	return nil
}

func postReported(a, b any) {
	s, r := a.(*Socket), b.(*report)
	defer s.rescue("Report")
	switch {
	case s.state.Load() >= stateClosed:
		r.frame.Release()
		r.fn(ErrDisconnected)
	case r.volatile && !s.sess.Writable():
		s.dropVolatile(r.frame)
		r.fn(ErrDropped)
	default:
		o := s.send(r.frame)
		if o >= poller.Queued {
			s.loop.counters.deliveries.Add(1)
		}
		r.fn(errorOf(o))
	}
}
