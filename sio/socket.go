package sio

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/id"
)

// States of a socket, in order of life:
//
//	connecting ──▶ connected ──▶ leaving ──▶ kicked
//	     └──────────────┴──▶ closed
const (
	// stateConnecting: middlewares run. Leaves to connected, or to closed
	// when they refuse or the connection ends.
	stateConnecting uint32 = iota
	// stateConnected: the client was told. Leaves to leaving by Disconnect
	// or a panic, to closed when the client or the connection goes.
	stateConnected
	// stateLeaving: Disconnect was called, its packet is on the way to the
	// loop. Leaves to kicked.
	stateLeaving
	// stateClosed is terminal: the loop has forgotten the socket. Events that
	// came before are still handled.
	stateClosed
	// stateKicked is terminal too: this side ended the socket, and events that
	// wait are dropped.
	stateKicked
)

// Socket is one client in one namespace. Its methods may be called from any
// goroutine.
type Socket struct {
	// What a broadcast touches comes first, to share cache lines.
	sess   *eio.Session // immutable
	mark   uint64       // loop only: epoch of the broadcast that has been here
	state  atomic.Uint32
	member uint32     // loop only: place among the members of its nspLoop
	nsp    *Namespace // immutable
	loop   *loopState // immutable

	ext    atomic.Pointer[socketExt] // what few sockets need
	tasks  *task                     // guarded by the dispatcher's mutex: last of a circular list
	issued int64                     // immutable: Unix time in milliseconds

	queuedCount atomic.Int32 // tasks that wait or run
	queuedBytes atomic.Int32

	held    atomic.Uint32 // 1 while the connection is paused for s
	id      id.ID         // written once by the table
	special bool          // loop only: broadcasts must look closer, see passSpecial
	traced  bool          // loop only: packets are logged
	busy    bool          // guarded by the dispatcher's mutex: waits for a worker or has one
}

// socketExt holds what few sockets need; it is made on first use.
type socketExt struct {
	mu        sync.Mutex
	data      any                    // guarded by mu
	rooms     []*membership          // guarded by mu
	roomIndex map[string]*membership // guarded by mu: nil while rooms is short
	left      bool                   // guarded by mu: rooms are gone for good
	ctx       context.Context        // guarded by mu
	cancel    context.CancelFunc     // guarded by mu

	authJSON []byte // immutable: what came with the CONNECT
	name     string // immutable: the id of a socket of revision 4, "" for others
	reg      registry
	acks     map[int64]*pendingAck // loop only
	nacks    atomic.Int32          // len(acks), with those on their way to the loop

	events, bytes bucket // loop only: see Config.RateLimit

	waiting    *waitList // loop only: emitters that wait for room; usually nil
	queueBytes int       // loop only: what SetQueue set

	pid       string      // immutable once connected: the key of the session, "" without recovery
	recovered bool        // immutable once connected
	recovery  *recovery   // loop only: while it is under way
	replayed  string      // loop only: offset of the last event that was replayed, while this node may be behind it
	lost      atomic.Bool // the client may return for s
}

// extend returns the ext of s, made if there was none.
func (s *Socket) extend() *socketExt {
	if x := s.ext.Load(); x != nil {
		return x
	}
	x := new(socketExt)
	if s.ext.CompareAndSwap(nil, x) {
		return x
	}
	return s.ext.Load()
}

func idOf(s *Socket) *id.ID { return &s.id }

// ID returns the id of the socket: 20 characters that cannot be guessed. It is
// the name of a room that holds only s. With a client that [Config.AllowEIO3]
// let in it is made of the id of its session, as the reference has it.
func (s *Socket) ID() string {
	if x := s.ext.Load(); x != nil && x.name != "" {
		return x.name
	}
	return s.id.String()
}

// Namespace returns the namespace that s belongs to.
func (s *Socket) Namespace() *Namespace { return s.nsp }

// Server returns the server that s belongs to.
func (s *Socket) Server() *Server { return s.nsp.srv }

// Conn returns the Engine.IO session that s shares with the client's sockets in
// other namespaces. Its name of the transport, state, protocol and handshake
// may be read from any goroutine; what is for the loop only can be done in a
// function given to its method Do. What it carries must be left to this
// package.
func (s *Socket) Conn() *eio.Session { return s.sess }

// Connected reports whether s is connected: not in middlewares any more and
// not disconnected yet.
func (s *Socket) Connected() bool { return s.state.Load() == stateConnected }

// Data returns what SetData stored, or nil.
func (s *Socket) Data() any {
	x := s.ext.Load()
	if x == nil {
		return nil
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.data
}

// SetData stores v with the socket, for the application.
func (s *Socket) SetData(v any) {
	x := s.extend()
	x.mu.Lock()
	x.data = v
	x.mu.Unlock()
}

// Context returns a context that is cancelled when s is disconnected, for the
// work that is done on its behalf.
func (s *Socket) Context() context.Context {
	x := s.extend()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.ctx == nil {
		x.ctx, x.cancel = context.WithCancel(context.Background())
		if s.state.Load() >= stateClosed {
			x.cancel()
		}
	}
	return x.ctx
}

// Disconnect ends the socket: the client is told, and its handlers get
// [ReasonServerDisconnect]. What was emitted before is still sent. With
// closeTransport the same happens to the client's sockets in all namespaces,
// and then the connection is closed. Events of the client that have not been
// handled yet are dropped.
func (s *Socket) Disconnect(closeTransport bool) {
	if !s.state.CompareAndSwap(stateConnected, stateLeaving) {
		return
	}
	if closeTransport {
		s.loop.loop.Post(postDisconnectAll, s, nil)
		return
	}
	s.loop.loop.Post(postDisconnect, s, nil)
}

func postDisconnect(a, _ any) {
	s := a.(*Socket)
	if s.state.Load() >= stateClosed {
		return
	}
	s.sendDisconnect()
	clientOf(s.sess).forget(s)
	s.finish(ReasonServerDisconnect, nil)
}

// sendDisconnect tells the client that s is over. Loop only.
func (s *Socket) sendDisconnect() {
	f, err := s.nsp.srv.disconnectFrame(s.nsp.name)
	if err != nil {
		s.nsp.srv.cfg.OnError(err)
		return
	}
	s.traceControl(f)
	s.sess.SendControl(f)
}

func postDisconnectAll(a, _ any) {
	s := a.(*Socket)
	if s.state.Load() >= stateClosed {
		return
	}
	clientOf(s.sess).kick(nil)
}

// On registers a handler for events of this socket only, behind those of its
// namespace. See [Namespace.On].
func (s *Socket) On(event string, fn func(s *Socket, args []any, ack Ack), opts ...HandlerOption) (off func()) {
	return register(s, event, dynamic(fn), opts)
}

// OnRaw registers a raw handler for events of this socket only. See
// [Namespace.OnRaw].
func (s *Socket) OnRaw(event string, fn func(e *RawEvent), opts ...HandlerOption) (off func()) {
	return register(s, event, fn, opts)
}

// Off removes the handlers of the event that were registered on s.
func (s *Socket) Off(event string) { s.registry().off(event, nil) }

func (s *Socket) registry() *registry { return &s.extend().reg }

// ownTable returns what is registered on s itself.
func (s *Socket) ownTable() *handlerTable {
	if x := s.ext.Load(); x != nil {
		return x.reg.load()
	}
	return &noHandlers
}

// OnDisconnecting registers fn for the moment before s leaves its rooms.
func (s *Socket) OnDisconnecting(fn func(reason Reason, err error)) {
	s.registry().change(func(t *handlerTable) {
		t.disconnecting = append(t.disconnecting, func(_ *Socket, r Reason, err error) { fn(r, err) })
	})
}

// OnDisconnect registers fn for the end of s, after all its events.
func (s *Socket) OnDisconnect(fn func(reason Reason, err error)) {
	s.registry().change(func(t *handlerTable) {
		t.disconnect = append(t.disconnect, func(_ *Socket, r Reason, err error) { fn(r, err) })
	})
}

// Use registers a middleware that sees every event of s before its handlers,
// behind those of [Namespace.UsePacket].
func (s *Socket) Use(fn func(event string, args Args) error) {
	s.registry().change(func(t *handlerTable) {
		t.packet = append(t.packet, func(_ *Socket, event string, args Args) error { return fn(event, args) })
	})
}

// To returns an operator for the sockets in any of the rooms, except s.
func (s *Socket) To(rooms ...string) Broadcast { return s.Broadcast().To(rooms...) }

// In is the same as To.
func (s *Socket) In(rooms ...string) Broadcast { return s.To(rooms...) }

// Except returns an operator for all sockets of the namespace except s and
// those in the rooms.
func (s *Socket) Except(rooms ...string) Broadcast { return s.Broadcast().Except(rooms...) }

// Local returns an operator for the other sockets of the namespace in this
// process.
func (s *Socket) Local() Broadcast { return s.Broadcast().Local() }

// Broadcast returns an operator for all sockets of the namespace except s.
func (s *Socket) Broadcast() Broadcast { return Broadcast{nsp: s.nsp, self: s} }

// post hands a frame to the loop of s, which runs fn with it. It takes over
// one reference.
func (s *Socket) post(fn func(a, b any), f *frame.Frame) error {
	if s.state.Load() >= stateLeaving {
		f.Release()
		return ErrDisconnected
	}
	if !s.loop.loop.Post(fn, s, f) {
		f.Release()
		return ErrServerClosed
	}
	return nil
}

// connect ends the CONNECT of s well. Loop only.
func (s *Socket) connect() {
	f, err := s.connectFrame()
	if err != nil {
		s.nsp.srv.cfg.OnError(err)
		clientOf(s.sess).close()
		return
	}
	s.traced = s.matched()
	s.traceControl(f)
	s.sess.Send(f)
	s.state.Store(stateConnected)
	if !s.Recovered() { // else it is one already
		s.nsp.on(s.loop).add(s)
	}
	s.announce()
}

// finish is the end of s, whatever its cause; the client has forgotten it
// already. Loop only.
func (s *Socket) finish(reason Reason, err error) {
	to := stateClosed
	if reason == ReasonServerDisconnect || s.state.Load() == stateLeaving {
		to = stateKicked
	}
	if to == stateClosed && recoverable(reason) {
		if x := s.ext.Load(); x != nil && x.pid != "" {
			x.lost.Store(true)
		}
	}
	was := s.state.Swap(to)
	if was >= stateClosed {
		return
	}
	s.nsp.srv.forget(s)
	s.exitAll()
	defer s.nsp.leave()
	if was == stateConnecting {
		s.abandon(false)
		s.forgetRooms()
		s.cancelContext()
		return
	}
	s.nsp.on(s.loop).remove(s)
	s.loop.counters.disconnected(reason)
	s.wakeWaiters()
	s.dropAcks()
	s.farewell(reason, err)
}

// cancelContext ends the context of s, if it was asked for.
func (s *Socket) cancelContext() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	if x.cancel != nil {
		x.cancel()
	}
	x.mu.Unlock()
}

// report gives an error of a handler to Config.OnError.
func (s *Socket) report(event string, err error) {
	s.nsp.srv.cfg.OnError(&HandlerError{Socket: s, Event: event, Err: err})
}

// now is the time of a connection, as the handshake shows it.
func now() int64 { return time.Now().UnixMilli() }
