package sio

import (
	"slices"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// Broadcast selects the sockets that an event is sent to. It is immutable:
// each method returns a new one, so that one can be kept and refined. It may
// be used from any goroutine.
type Broadcast struct {
	nsp      *Namespace
	self     *Socket // not sent to
	rooms    []string
	except   []string
	timeout  time.Duration // for acknowledgements
	volatile bool
	local    bool
	terms    terms
}

// To adds rooms. A socket in several of them is sent one copy.
func (b Broadcast) To(rooms ...string) Broadcast {
	b.rooms = append(slices.Clip(b.rooms), rooms...)
	return b
}

// In is the same as To.
func (b Broadcast) In(rooms ...string) Broadcast { return b.To(rooms...) }

// Except excludes the sockets in the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.except = append(slices.Clip(b.except), rooms...)
	return b
}

// Volatile skips sockets that could not be written to at once: a long-polling
// client without a pending request, a WebSocket with unsent data.
func (b Broadcast) Volatile() Broadcast {
	b.volatile = true
	return b
}

// Local restricts to the sockets of this process. Without an adapter there
// are no others.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Timeout bounds the wait for acknowledgements. 0 or less means no bound.
func (b Broadcast) Timeout(d time.Duration) Broadcast {
	b.timeout = max(0, d)
	return b
}

// Compress sends uncompressed when it is called with false, see
// [Emitter.Compress]. What is compressed is so once, on the goroutine that emits.
func (b Broadcast) Compress(on bool) Broadcast {
	b.terms.plain = !on
	return b
}

// compress compresses a frame for its receivers, if it may.
func (b *Broadcast) compress(f *frame.Frame) {
	if b.terms.plain {
		f.Uncompressed()
		return
	}
	b.nsp.srv.engine.Precompress(f)
}

// Emit encodes the event once and sends it to the selected sockets. The order
// in which one goroutine emits, joins and leaves is the order in which it
// takes effect at each socket.
func (b Broadcast) Emit(event string, args ...any) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	if b.nsp.family != nil {
		return b.eachChild(func(b Broadcast) error { return b.Emit(event, args...) })
	}
	if l := b.nsp.link; l != nil {
		encoded, err := b.nsp.srv.encodeArgs(args)
		if err != nil {
			return err
		}
		return l.emit(b, event, encoded)
	}
	f, err := b.nsp.srv.eventFrame(b.nsp.name, noAck, event, args)
	if err != nil {
		return err
	}
	return b.send(event, f)
}

// EmitRaw is Emit for arguments that are JSON already: values with commas
// between, without brackets, as [RawEvent.Args] gives them. They are not
// checked. Attachments are numbered by the placeholders in rawArgs.
//
// Ownership: rawArgs and attachments are only read until EmitRaw returns.
func (b Broadcast) EmitRaw(event string, rawArgs []byte, attachments ...[]byte) error {
	if reserved(event) {
		return ErrReservedEvent
	}
	if b.nsp.family != nil {
		return b.eachChild(func(b Broadcast) error { return b.EmitRaw(event, rawArgs, attachments...) })
	}
	if l := b.nsp.link; l != nil {
		return l.emit(b, event, Args{raw: rawArgs, attachments: attachments, codec: b.nsp.srv.codec}.clone())
	}
	f, err := b.nsp.srv.rawEventFrame(b.nsp.name, noAck, event, rawArgs, attachments)
	if err != nil {
		return err
	}
	return b.send(event, f)
}

// Send sends the event "message".
func (b Broadcast) Send(args ...any) error { return b.Emit("message", args...) }

// cast is a broadcast on its way through the loops. Immutable when posted, but
// for the frame's references: one for each post.
type cast struct {
	Broadcast
	event  string
	offset string // of an event that can be recovered
	frame  *frame.Frame
}

// send posts the broadcast to every loop that has members. It takes over one
// reference to f.
func (b Broadcast) send(event string, f *frame.Frame) error { return b.sendLogged(event, f, "") }

func (b Broadcast) sendLogged(event string, f *frame.Frame, offset string) error {
	if b.nsp.srv.closed.Load() {
		f.Release()
		return ErrServerClosed
	}
	b.terms.apply(f, b.nsp)
	b.compress(f)
	c := &cast{Broadcast: b, event: event, offset: offset, frame: f}
	if only := b.onlyTarget(); only != nil {
		f.Retain(1)
		c.post(b.nsp, only.loop.index)
	} else {
		for i := range *b.nsp.loops.Load() {
			f.Retain(1)
			c.post(b.nsp, i)
		}
	}
	f.Release()
	return nil
}

// post sends c to one loop. It takes over one reference to the frame.
func (c *cast) post(n *Namespace, loop int) {
	all := *n.loops.Load()
	if loop >= len(all) || all[loop] == nil || all[loop].count.Load() == 0 || !all[loop].ls.loop.Post(postCast, all[loop], c) {
		c.frame.Release()
	}
}

// onlyTarget returns the one socket that b names by its id, when no other can
// be meant.
func (b Broadcast) onlyTarget() *Socket {
	if len(b.rooms) != 1 || b.nsp.idRooms.Load() != 0 || !looksLikeID(b.rooms[0]) {
		return nil
	}
	return b.nsp.Socket(b.rooms[0])
}

func postCast(a, b any) {
	a.(*nspLoop).deliver(b.(*cast))
}

// deliver sends c to the members on this loop: no lock, and nothing allocated
// for a receiver. Sockets that must not be sent to (again) carry the mark of
// this broadcast's epoch.
func (nl *nspLoop) deliver(c *cast) {
	ls := nl.ls
	nl.exclude(&c.Broadcast)
	sent := 0
	if len(c.rooms) == 0 {
		sent = nl.pass(c, nl.members)
	}
	for _, name := range c.rooms {
		if r := nl.rooms[name]; r != nil {
			sent += nl.pass(c, r.sockets)
		}
		if s := nl.own(name); s != nil {
			one := [1]*Socket{s}
			sent += nl.pass(c, one[:])
		}
	}
	ls.counters.deliveries.Add(uint64(sent))
	ls.counters.broadcasts.Add(1)
	c.frame.Release()
}

// exclude begins an epoch, and marks the sockets that b leaves out. Loop only.
func (nl *nspLoop) exclude(b *Broadcast) {
	ls := nl.ls
	ls.epoch++
	if b.self != nil && b.self.loop == ls {
		b.self.mark = ls.epoch
	}
	for _, name := range b.except {
		if r := nl.rooms[name]; r != nil {
			for _, s := range r.sockets {
				s.mark = ls.epoch
			}
		}
		if s := nl.own(name); s != nil {
			s.mark = ls.epoch
		}
	}
}

// own returns the socket on this loop whose id is the room's name.
func (nl *nspLoop) own(room string) *Socket {
	s := nl.nsp.srv.socket(room)
	if s == nil || s.loop != nl.ls || s.nsp != nl.nsp {
		return nil
	}
	return s
}

// pass sends c to those of sockets that are not marked, and marks them.
//
// Hot path: one turn of the loop per receiver.
func (nl *nspLoop) pass(c *cast, sockets []*Socket) int {
	if len(sockets) == 0 {
		return 0
	}
	f, epoch, sent, lost := c.frame, nl.ls.epoch, 0, 0
	f.Retain(len(sockets)) // once, not once for each
	for _, s := range sockets {
		if s.mark == epoch {
			continue
		}
		if s.state.Load() != stateConnected {
			if c.offset != "" {
				s.keep(c, epoch)
			}
			continue
		}
		s.mark = epoch
		if s.special && !s.passSpecial(c) {
			continue
		}
		if c.volatile && !s.sess.Writable() {
			nl.ls.counters.dropped.Add(1)
			s.drop(DropVolatile)
			continue
		}
		if s.send(f) < poller.Queued {
			lost++
		}
		sent++
	}
	f.Retain(sent - len(sockets)) // the references that nobody took
	return sent - lost
}
