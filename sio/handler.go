package sio

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// HandlerOption changes how a registered handler is called. Options are
// combined by passing several.
type HandlerOption uint8

const (
	// Inline calls the handler on the event loop, at once and without a copy.
	// It must not block: it holds up every connection of its loop. Inline
	// handlers see events in the order of arrival among themselves; they do
	// not wait for queued handlers of earlier events. An event that passes
	// through packet middlewares or any-listeners, which may block, reaches
	// its inline handlers behind them, off the loop.
	Inline HandlerOption = 1 << iota
	// Once removes the handler when it is called for the first time, over all
	// sockets it is shared by.
	Once
	// Prepend puts the handler in front of those that are there.
	Prepend
)

// Registrar is where handlers are registered: a [*Server] (its namespace "/"),
// a [*Namespace], or a single [*Socket].
type Registrar interface {
	registry() *registry
}

// handler is one registered handler in the form all three kinds come down to.
type handler struct {
	run    func(*RawEvent)
	inline bool
	once   bool
	front  bool
	fired  atomic.Bool
}

func newHandler(run func(*RawEvent), opts []HandlerOption) *handler {
	h := &handler{run: run}
	for _, o := range opts {
		h.inline = h.inline || o&Inline != 0
		h.once = h.once || o&Once != 0
		h.front = h.front || o&Prepend != 0
	}
	return h
}

// eventHandlers are the handlers of one event.
type eventHandlers struct {
	name   string
	list   []*handler
	inline int // how many of list are inline
}

type (
	anyFunc        = func(s *Socket, event string, args Args)
	packetFunc     = func(s *Socket, event string, args Args) error
	disconnectFunc = func(s *Socket, reason Reason, err error)
	upgradeFunc    = func(s *Socket, transport string)
)

// handlerTable is what a namespace or a socket has registered. It is immutable:
// a registration replaces it.
type handlerTable struct {
	events        map[string]*eventHandlers
	any, outgoing []*anyFunc
	packet        []packetFunc
	connection    []*handler
	disconnecting []disconnectFunc
	disconnect    []disconnectFunc
	upgrade       []upgradeFunc
}

// taps reports whether every event must be shown to something first.
func (t *handlerTable) taps() bool { return len(t.any)+len(t.packet) > 0 }

// find returns the handlers of the event, or nil.
func (t *handlerTable) find(name []byte) *eventHandlers { return t.events[string(name)] }

var noHandlers handlerTable

// registry holds a handlerTable that is read without a lock.
type registry struct {
	mu    sync.Mutex
	table atomic.Pointer[handlerTable]
}

func (r *registry) load() *handlerTable {
	if r == nil {
		return &noHandlers
	}
	if t := r.table.Load(); t != nil {
		return t
	}
	return &noHandlers
}

// change replaces the table by a copy that f has changed. Slices of the copy
// may be appended to (they are clipped), not written to.
func (r *registry) change(f func(t *handlerTable)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := *r.load()
	t.events = maps.Clone(t.events)
	t.any, t.outgoing = slices.Clip(t.any), slices.Clip(t.outgoing)
	t.packet, t.connection = slices.Clip(t.packet), slices.Clip(t.connection)
	t.disconnecting, t.disconnect = slices.Clip(t.disconnecting), slices.Clip(t.disconnect)
	t.upgrade = slices.Clip(t.upgrade)
	f(&t)
	r.table.Store(&t)
}

func (r *registry) add(event string, h *handler) {
	r.change(func(t *handlerTable) {
		if t.events == nil {
			t.events = make(map[string]*eventHandlers)
		}
		e := &eventHandlers{name: event}
		if old := t.events[event]; old != nil {
			*e = *old
		}
		if h.front {
			e.list = append([]*handler{h}, e.list...)
		} else {
			e.list = append(slices.Clip(e.list), h)
		}
		if h.inline {
			e.inline++
		}
		t.events[event] = e
	})
}

// off removes the handlers of event; h nil means all of them.
func (r *registry) off(event string, h *handler) {
	r.change(func(t *handlerTable) {
		old := t.events[event]
		if old == nil {
			return
		}
		e := &eventHandlers{name: event}
		for _, x := range old.list {
			if h == nil || x == h {
				continue
			}
			e.list = append(e.list, x)
			if x.inline {
				e.inline++
			}
		}
		if len(e.list) == 0 {
			delete(t.events, event)
			return
		}
		t.events[event] = e
	})
}

// listen adds an any-listener to the list that pick selects and returns what
// removes it.
func (r *registry) listen(pick func(*handlerTable) *[]*anyFunc, fn anyFunc, front bool) (off func()) {
	entry := &fn
	r.change(func(t *handlerTable) {
		list := pick(t)
		if front {
			*list = append([]*anyFunc{entry}, *list...)
		} else {
			*list = append(*list, entry)
		}
	})
	return func() {
		r.change(func(t *handlerTable) {
			list := pick(t)
			*list = slices.DeleteFunc(slices.Clone(*list), func(x *anyFunc) bool { return x == entry })
		})
	}
}

func anyList(t *handlerTable) *[]*anyFunc      { return &t.any }
func outgoingList(t *handlerTable) *[]*anyFunc { return &t.outgoing }

// Ack answers the event a handler was called for. It is never nil; when the
// client wants no answer it does nothing, and only the first call sends. It
// may be called after the handler returned, from any goroutine.
type Ack func(args ...any)

// dynamic returns the common form of a handler that takes decoded values.
func dynamic(fn func(*Socket, []any, Ack)) func(*RawEvent) {
	return func(e *RawEvent) {
		args, err := e.view().Values()
		if err != nil {
			e.socket.report(e.name, err)
			return
		}
		fn(e.socket, args, e.detachAck())
	}
}

func noAnswer(...any) {}

// detachAck makes the acknowledgement of e usable at any later time.
func (e *RawEvent) detachAck() Ack {
	if !e.HasAck() {
		return noAnswer
	}
	if e.sent == nil {
		e.sent = new(atomic.Bool)
	}
	s, name, id, sent := e.socket, e.name, e.id, e.sent
	return func(args ...any) {
		if !sent.Swap(true) {
			s.answer(name, id, args)
		}
	}
}

// answer sends the acknowledgement id.
func (s *Socket) answer(event string, id int64, args []any) {
	f, err := s.nsp.srv.ackFrame(s.nsp.name, id, args)
	if err != nil {
		s.report(event, err)
		return
	}
	_ = s.post(postAck, f) // an answer to a socket that has gone is dropped
}
