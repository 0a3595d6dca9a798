package sio

import (
	"maps"
	"slices"
)

// OnAny registers fn for every event of s, in front of middlewares and
// handlers; [Args.Ack] answers the event. The returned function removes it.
func (s *Socket) OnAny(fn func(event string, args Args)) (off func()) {
	return s.registry().listen(anyList, func(_ *Socket, event string, args Args) { fn(event, args) }, false)
}

// PrependAny is OnAny in front of the listeners that are there.
func (s *Socket) PrependAny(fn func(event string, args Args)) (off func()) {
	return s.registry().listen(anyList, func(_ *Socket, event string, args Args) { fn(event, args) }, true)
}

// OnAnyOutgoing registers fn for every event that is sent to s, acknowledgements
// not included. For what s itself emits it runs before the event is sent, on
// the caller's goroutine; for broadcasts in order with the events of s. The
// returned function removes it.
func (s *Socket) OnAnyOutgoing(fn func(event string, args Args)) (off func()) {
	return s.listenOutgoing(fn, false)
}

// PrependAnyOutgoing is OnAnyOutgoing in front of the listeners that are there.
func (s *Socket) PrependAnyOutgoing(fn func(event string, args Args)) (off func()) {
	return s.listenOutgoing(fn, true)
}

func (s *Socket) listenOutgoing(fn func(event string, args Args), front bool) func() {
	off := s.registry().listen(outgoingList, func(_ *Socket, event string, args Args) { fn(event, args) }, front)
	s.loop.loop.Post(postTap, s, nil)
	return func() {
		off()
		s.loop.loop.Post(postTap, s, nil)
	}
}

func postTap(a, _ any) {
	s := a.(*Socket)
	s.special = s.tapped() || s.behind() != ""
}

// OffAny removes the listeners of OnAny and PrependAny from s.
func (s *Socket) OffAny() { s.registry().change(func(t *handlerTable) { t.any = nil }) }

// OffAnyOutgoing removes the listeners of OnAnyOutgoing and PrependAnyOutgoing
// from s.
func (s *Socket) OffAnyOutgoing() {
	s.registry().change(func(t *handlerTable) { t.outgoing = nil })
	s.loop.loop.Post(postTap, s, nil)
}

// ListenersAny returns the listeners of OnAny and PrependAny on s, in the order
// of their calls. The caller owns the result.
func (s *Socket) ListenersAny() []func(event string, args Args) { return s.bound(s.ownTable().any) }

// ListenersAnyOutgoing returns the listeners of OnAnyOutgoing and
// PrependAnyOutgoing on s, in the order of their calls. The caller owns the
// result.
func (s *Socket) ListenersAnyOutgoing() []func(event string, args Args) {
	return s.bound(s.ownTable().outgoing)
}

// bound returns listeners as those who registered them on s know them.
func (s *Socket) bound(list []*anyFunc) []func(event string, args Args) {
	all := make([]func(event string, args Args), len(list))
	for i, fn := range list {
		all[i] = func(event string, args Args) { (*fn)(s, event, args) }
	}
	return all
}

// OffAny removes the listeners of OnAny and PrependAny from n.
func (n *Namespace) OffAny() { n.reg.change(func(t *handlerTable) { t.any = nil }) }

// EventNames returns the events that handlers are registered for on s itself,
// sorted. The caller owns the result.
func (s *Socket) EventNames() []string { return s.ownTable().names() }

// EventNames returns the events that handlers are registered for on n, sorted.
// The caller owns the result.
func (n *Namespace) EventNames() []string { return n.reg.load().names() }

// HandlerCount returns the number of handlers for the event on s itself.
func (s *Socket) HandlerCount(event string) int { return s.ownTable().count(event) }

// HandlerCount returns the number of handlers for the event on n.
func (n *Namespace) HandlerCount(event string) int { return n.reg.load().count(event) }

// OffAll removes all handlers of events that were registered on s.
func (s *Socket) OffAll() { s.registry().change(dropEvents) }

// OffAll removes all handlers of events that were registered on n.
func (n *Namespace) OffAll() { n.reg.change(dropEvents) }

func dropEvents(t *handlerTable) { t.events = nil }

func (t *handlerTable) names() []string {
	return slices.Sorted(maps.Keys(t.events))
}

func (t *handlerTable) count(event string) int {
	if e := t.events[event]; e != nil {
		return len(e.list)
	}
	return 0
}
