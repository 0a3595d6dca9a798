package sio

import (
	"context"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// Emitter sends to one socket with modifiers. It is a value: each method
// returns a new one. It may be used from any goroutine.
type Emitter struct {
	socket   *Socket
	volatile bool
	timeout  time.Duration
	terms    terms
	report   func(error)
}

// Volatile makes events droppable: they are not sent when the client could not
// be written to at once, nor kept for later.
func (e Emitter) Volatile() Emitter {
	e.volatile = true
	return e
}

// Timeout bounds the wait for acknowledgements. 0 or less means no bound.
func (e Emitter) Timeout(d time.Duration) Emitter {
	e.timeout = d
	return e
}

// Compress sends events uncompressed when it is called with false, where
// [Config.PerMessageDeflate] or [Config.HTTPCompression] would compress them: for
// what is compressed already, or holds secrets beside what others may choose. true
// is the default.
func (e Emitter) Compress(on bool) Emitter {
	e.terms.plain = !on
	return e
}

// Emit sends an event, see [Socket.Emit].
func (e Emitter) Emit(event string, args ...any) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	s := e.socket
	if e.logged() {
		encoded, err := s.nsp.srv.encodeArgs(args)
		if err != nil {
			return err
		}
		return e.emitLogged(event, encoded)
	}
	f, err := s.nsp.srv.eventFrame(s.nsp.name, noAck, event, args)
	if err != nil {
		return err
	}
	return e.send(event, f)
}

// EmitRaw sends an event whose arguments are JSON already, see
// [Socket.EmitRaw].
//
// Ownership: rawArgs and attachments are only read until EmitRaw returns.
func (e Emitter) EmitRaw(event string, rawArgs []byte, attachments ...[]byte) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	n := e.socket.nsp
	if e.logged() {
		return e.emitLogged(event, Args{raw: rawArgs, attachments: attachments, codec: n.srv.codec}.clone())
	}
	f, err := n.srv.rawEventFrame(n.name, noAck, event, rawArgs, attachments)
	if err != nil {
		return err
	}
	return e.send(event, f)
}

func (e Emitter) send(event string, f *frame.Frame) error {
	e.terms.apply(f, e.socket.nsp)
	e.socket.notifyOutgoing(event, f)
	if e.report != nil {
		return e.socket.postReport(&report{f, e.volatile, e.report})
	}
	if e.volatile {
		return e.socket.post(postVolatile, f)
	}
	return e.socket.post(postSend, f)
}

func postSend(a, b any) {
	s, f := a.(*Socket), b.(*frame.Frame)
	if s.state.Load() >= stateClosed {
		f.Release()
		return
	}
	if s.send(f) >= poller.Queued {
		s.loop.counters.deliveries.Add(1)
	}
}

func postVolatile(a, b any) {
	s, f := a.(*Socket), b.(*frame.Frame)
	if s.state.Load() >= stateClosed || !s.sess.Writable() {
		s.dropVolatile(f)
		return
	}
	if s.send(f) >= poller.Queued {
		s.loop.counters.deliveries.Add(1)
	}
}

func postAck(a, b any) {
	s, f := a.(*Socket), b.(*frame.Frame)
	if s.state.Load() >= stateClosed {
		f.Release()
		return
	}
	s.send(f)
}

// Emit encodes an event on the caller's goroutine and queues it for the client.
// It does not wait. []byte values, at any depth, are sent as binary. nil means
// that the event is on its way, not that it arrived: see EmitWithAck.
func (s *Socket) Emit(event string, args ...any) error {
	return Emitter{socket: s}.Emit(event, args...)
}

// Send sends the event "message".
func (s *Socket) Send(args ...any) error { return s.Emit("message", args...) }

// EmitRaw is Emit for arguments that are JSON already: values with commas
// between, without brackets, as [RawEvent.Args] gives them. They are not
// checked. Attachments are numbered by the placeholders in rawArgs. It
// allocates nothing.
//
// Ownership: rawArgs and attachments are only read until EmitRaw returns.
func (s *Socket) EmitRaw(event string, rawArgs []byte, attachments ...[]byte) error {
	return Emitter{socket: s}.EmitRaw(event, rawArgs, attachments...)
}

// EmitWithAck sends an event and waits for its acknowledgement, see
// [Emitter.EmitWithAck].
func (s *Socket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	return Emitter{socket: s}.EmitWithAck(ctx, event, args...)
}

// EmitAck sends an event and has fn called with its acknowledgement, see
// [Emitter.EmitAck].
func (s *Socket) EmitAck(event string, fn func(args Args, err error), args ...any) error {
	return Emitter{socket: s}.EmitAck(event, fn, args...)
}

// Volatile returns an emitter whose events may be dropped.
func (s *Socket) Volatile() Emitter { return Emitter{socket: s, volatile: true} }

// Timeout returns an emitter whose acknowledgements must come within d.
func (s *Socket) Timeout(d time.Duration) Emitter { return Emitter{socket: s, timeout: d} }

// Compress returns an emitter with the flag set, see [Emitter.Compress].
func (s *Socket) Compress(on bool) Emitter { return Emitter{socket: s}.Compress(on) }

// notifyOutgoing calls the outgoing listeners for an event that s itself
// emits, on the caller's goroutine.
func (s *Socket) notifyOutgoing(event string, f *frame.Frame) {
	t := s.ownTable()
	if len(t.outgoing) == 0 {
		return
	}
	args := s.argsOf(f)
	for _, fn := range t.outgoing {
		(*fn)(s, event, args)
	}
}

// argsOf reads the arguments back from an encoded event. The result shares no
// bytes with f.
func (s *Socket) argsOf(f *frame.Frame) Args {
	if s.nsp.srv.cfg.Parser != nil {
		return s.nsp.srv.parseArgs(f)
	}
	var p packet
	// Our own packets have no limits but the scanner's.
	_ = p.decode(f.Payload()[1:], limits{attachments: 1 << 30, depth: maxScanDepth})
	a := Args{raw: p.args, codec: s.nsp.srv.codec}
	for g := f.Next(); g != nil; g = g.Next() {
		a.attachments = append(a.attachments, g.Payload())
	}
	return a.clone()
}

// tapped reports whether s has outgoing listeners.
func (s *Socket) tapped() bool { return len(s.ownTable().outgoing) > 0 }

// passSpecial does what a broadcast must do for a socket that is marked as
// special, and reports whether it is to be sent. Loop only.
func (s *Socket) passSpecial(c *cast) bool {
	if s.behind() != "" && c.offset != "" && !s.catchUp(c.offset) {
		return false
	}
	if s.tapped() {
		s.tapOutgoing(c.event, c.frame)
	}
	return true
}

// tapOutgoing shows a broadcast to the outgoing listeners of s. Loop only.
func (s *Socket) tapOutgoing(event string, f *frame.Frame) {
	args := s.argsOf(f)
	t := getTask()
	t.kind = taskOutgoing
	t.event.name = event
	t.hold(args)
	s.loop.work.stage(s, t)
}

// runOutgoing calls the outgoing listeners for a broadcast. Off the loop.
func (s *Socket) runOutgoing(t *task) {
	defer s.rescue(t.event.name)
	args := t.held(s.nsp.srv.codec)
	for _, fn := range s.ownTable().outgoing {
		(*fn)(s, t.event.name, args)
	}
}
