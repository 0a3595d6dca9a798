package sio

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/internal/id"
)

// Namespace is one channel of communication over a connection; "/" is the one
// that every server has. Handlers registered on it are shared by its sockets.
// All methods may be called from any goroutine.
type Namespace struct {
	srv  *Server
	name string

	reg         registry
	middlewares atomic.Pointer[[]func(*Socket) error]
	link        *link      // immutable once linked: nil for a namespace of this process only
	rooms       *roomWatch // immutable once linked: nil when nobody asks for room events
	nodeEvents  nodeEvents
	ackIDs      atomic.Int64 // one counter for emits and broadcasts
	idRooms     atomic.Int64 // memberships of rooms that are named like an id
	loops       atomic.Pointer[[]*nspLoop]
	trace       atomic.Pointer[func(*Socket) bool] // nil: nobody is traced

	family *family    // immutable: nil unless n is a parent
	parent *Namespace // immutable: nil unless n is a child
	birth  *birth     // immutable: nil when nothing had to be waited for
	users  int        // guarded by directory.mu: sockets of a child, connected or on the way
}

// nspLoop is the part of a namespace that lives on one loop.
type nspLoop struct {
	nsp   *Namespace
	ls    *loopState
	count atomic.Int32 // len(members), for other goroutines

	// loop only
	members []*Socket
	rooms   map[string]*room
}

func newNamespace(srv *Server, name string) *Namespace {
	n := &Namespace{srv: srv, name: name}
	n.loops.Store(new([]*nspLoop))
	return n
}

// on returns the part of n on a loop, made on first use. Loop only.
func (n *Namespace) on(ls *loopState) *nspLoop {
	if all := *n.loops.Load(); ls.index < len(all) && all[ls.index] != nil {
		return all[ls.index]
	}
	n.srv.mu.Lock()
	defer n.srv.mu.Unlock()
	old := *n.loops.Load()
	grown := make([]*nspLoop, max(len(old), ls.index+1))
	copy(grown, old)
	nl := &nspLoop{nsp: n, ls: ls}
	grown[ls.index] = nl
	n.loops.Store(&grown)
	return nl
}

// add makes s a member: broadcasts reach it from now on.
func (nl *nspLoop) add(s *Socket) {
	s.member = uint32(len(nl.members))
	nl.members = append(nl.members, s)
	nl.count.Add(1)
	nl.ls.counters.sockets.Add(1)
	if w := nl.nsp.rooms; w != nil {
		w.join(s.ID(), s)
	}
}

// remove ends the membership of s.
func (nl *nspLoop) remove(s *Socket) {
	last := len(nl.members) - 1
	nl.members[s.member] = nl.members[last]
	nl.members[s.member].member = s.member
	nl.members[last] = nil
	nl.members = nl.members[:last]
	if cap(nl.members) > minShrink && last < cap(nl.members)/4 {
		nl.members = slices.Clone(nl.members)
	}
	nl.count.Add(-1)
	nl.ls.counters.sockets.Add(-1)
	if w := nl.nsp.rooms; w != nil {
		w.leave(s.ID(), s)
	}
}

// looksLikeID reports whether a room's name could be the id of a socket.
func looksLikeID(name string) bool { return len(name) == id.TextSize }

// forgetName keeps the count of rooms that are named like an id.
func (n *Namespace) forgetName(room string) {
	if looksLikeID(room) {
		n.idRooms.Add(-1)
	}
}

// named reports whether a packet's name is that of n; nil names "/".
func (n *Namespace) named(name []byte) bool {
	return string(name) == n.name || name == nil && n == n.srv.Namespace
}

// Name returns the name of the namespace, with its slash.
func (n *Namespace) Name() string { return n.name }

// Server returns the server that n belongs to.
func (n *Namespace) Server() *Server { return n.srv }

func (n *Namespace) registry() *registry { return &n.reg }

// On registers a handler that gets decoded values: what [Args.Values] returns.
// Typed handlers are registered by the function [On]. The returned function
// removes the handler.
func (n *Namespace) On(event string, fn func(s *Socket, args []any, ack Ack), opts ...HandlerOption) (off func()) {
	return register(n, event, dynamic(fn), opts)
}

// OnRaw registers a handler that gets the event as it came in. The returned
// function removes the handler.
func (n *Namespace) OnRaw(event string, fn func(e *RawEvent), opts ...HandlerOption) (off func()) {
	return register(n, event, fn, opts)
}

// Off removes all handlers of the event that were registered on n.
func (n *Namespace) Off(event string) { n.reg.off(event, nil) }

// OnAny registers fn for every event that arrives, in front of middlewares and
// handlers; [Args.Ack] answers the event. The returned function removes it.
func (n *Namespace) OnAny(fn func(s *Socket, event string, args Args)) (off func()) {
	return n.reg.listen(anyList, fn, false)
}

// PrependAny is OnAny in front of the listeners that are there.
func (n *Namespace) PrependAny(fn func(s *Socket, event string, args Args)) (off func()) {
	return n.reg.listen(anyList, fn, true)
}

// OnConnection registers fn for new sockets of the namespace. It runs behind
// the middlewares, before any event of the socket, and may block.
func (n *Namespace) OnConnection(fn func(s *Socket), opts ...HandlerOption) {
	h := newHandler(func(e *RawEvent) { fn(e.socket) }, opts)
	n.reg.change(func(t *handlerTable) { t.connection = append(t.connection, h) })
}

// OnDisconnecting registers fn for sockets that are about to leave their
// rooms. err says more about the reason where there is more to say.
func (n *Namespace) OnDisconnecting(fn func(s *Socket, reason Reason, err error)) {
	n.reg.change(func(t *handlerTable) { t.disconnecting = append(t.disconnecting, fn) })
}

// OnDisconnect registers fn for sockets that have gone: exactly once for each
// that OnConnection was called for, after all its events.
func (n *Namespace) OnDisconnect(fn func(s *Socket, reason Reason, err error)) {
	n.reg.change(func(t *handlerTable) { t.disconnect = append(t.disconnect, fn) })
}

// Use registers a middleware that runs, in order of registration, before a
// socket is connected. It may block. An error refuses the socket: the client's
// connect_error has its text, and data if it is a [*ConnectError].
func (n *Namespace) Use(fn func(s *Socket) error) {
	n.reg.mu.Lock()
	defer n.reg.mu.Unlock()
	list := []func(*Socket) error{fn}
	if old := n.middlewares.Load(); old != nil {
		list = append(slices.Clip(*old), fn)
	}
	n.middlewares.Store(&list)
}

// UsePacket registers a middleware that sees every event before its handlers.
// An error drops the event and reaches [Config.OnError] as a [*HandlerError].
func (n *Namespace) UsePacket(fn func(s *Socket, event string, args Args) error) {
	n.reg.change(func(t *handlerTable) { t.packet = append(t.packet, fn) })
}

// Emit sends an event to every socket of the namespace.
func (n *Namespace) Emit(event string, args ...any) error {
	return Broadcast{nsp: n}.Emit(event, args...)
}

// EmitRaw is Emit for arguments that are JSON already, see [Broadcast.EmitRaw].
//
// Ownership: rawArgs and attachments are only read until EmitRaw returns.
func (n *Namespace) EmitRaw(event string, rawArgs []byte, attachments ...[]byte) error {
	return Broadcast{nsp: n}.EmitRaw(event, rawArgs, attachments...)
}

// Send sends the event "message".
func (n *Namespace) Send(args ...any) error { return n.Emit("message", args...) }

// To returns an operator for the sockets in any of the rooms. The id of a
// socket is a room with that socket in it.
func (n *Namespace) To(rooms ...string) Broadcast { return Broadcast{nsp: n}.To(rooms...) }

// In is the same as To.
func (n *Namespace) In(rooms ...string) Broadcast { return n.To(rooms...) }

// Except returns an operator for all sockets but those in the rooms.
func (n *Namespace) Except(rooms ...string) Broadcast { return Broadcast{nsp: n}.Except(rooms...) }

// Volatile returns an operator whose events may be dropped, see
// [Broadcast.Volatile].
func (n *Namespace) Volatile() Broadcast { return Broadcast{nsp: n}.Volatile() }

// Compress returns an operator with the flag set, see [Broadcast.Compress].
func (n *Namespace) Compress(on bool) Broadcast { return Broadcast{nsp: n}.Compress(on) }

// Local returns an operator for the sockets of this process.
func (n *Namespace) Local() Broadcast { return Broadcast{nsp: n}.Local() }

// Timeout returns an operator whose acknowledgements must come within d, see
// [Broadcast.Timeout].
func (n *Namespace) Timeout(d time.Duration) Broadcast { return Broadcast{nsp: n}.Timeout(d) }

// EmitWithAck sends an event to every socket of the namespace and waits for
// the clients' answers, see [Broadcast.EmitWithAck].
func (n *Namespace) EmitWithAck(ctx context.Context, event string, args ...any) ([]Args, error) {
	return Broadcast{nsp: n}.EmitWithAck(ctx, event, args...)
}

// EmitAck sends an event to every socket of the namespace and has fn called
// with the clients' answers, see [Broadcast.EmitAck].
func (n *Namespace) EmitAck(event string, fn func(answers []Args, err error), args ...any) error {
	return Broadcast{nsp: n}.EmitAck(event, fn, args...)
}

// Socket returns the connected socket with this id, or nil.
func (n *Namespace) Socket(id string) *Socket {
	s := n.srv.socket(id)
	if s == nil || !n.isOrHolds(s.nsp) || !s.Connected() {
		return nil
	}
	return s
}

// Sockets returns the connected sockets of this process, for a parent those of
// its children. The caller owns the result.
func (n *Namespace) Sockets() []*Socket {
	var all []*Socket
	n.srv.sockets.Range(func(s *Socket) bool {
		if n.isOrHolds(s.nsp) && s.Connected() {
			all = append(all, s)
		}
		return true
	})
	return all
}
