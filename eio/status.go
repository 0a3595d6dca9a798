package eio

import "time"

// status is what any goroutine may know of a session: one word, written by the
// loop when something in it changes.
//
//	bits 0 to 47    time of the handshake, in Unix milliseconds
//	bits 48 to 51   State
//	bits 52 to 55   transportKind
//	bit  56         the session was upgraded
const (
	statusState     = 48
	statusTransport = 52
	statusUpgraded  = 56

	issuedMask = 1<<statusState - 1
)

// publish makes the loop's view of the session everybody's. Loop only.
func (s *Session) publish() {
	w := s.status.Load()&issuedMask | uint64(s.state)<<statusState | uint64(s.via)<<statusTransport
	if s.flags&flagUpgraded != 0 {
		w |= 1 << statusUpgraded
	}
	s.status.Store(w)
}

// setIssued sets the time of the handshake, before anybody knows the session.
func (s *Session) setIssued(t time.Time) { s.status.Store(uint64(t.UnixMilli()) & issuedMask) }

// issued returns the time of the handshake.
func (s *Session) issued() time.Time { return time.UnixMilli(int64(s.status.Load() & issuedMask)) }

// TransportName returns "polling", "websocket" or "webtransport"; of a session
// that is over, the last one. It may be called from any goroutine.
func (s *Session) TransportName() string {
	return transportNames[s.status.Load()>>statusTransport&0xf]
}

// Upgraded reports whether the session changed its transport. It may be called
// from any goroutine.
func (s *Session) Upgraded() bool { return s.status.Load()>>statusUpgraded&1 != 0 }

// State returns where the session is in its life. It may be called from any
// goroutine.
func (s *Session) State() State { return State(s.status.Load() >> statusState & 0xf) }

// Do has fn called on the loop of the session, where it may use the methods
// that are for the loop only. It may be called from any goroutine and does not
// wait: calls of one goroutine are made in their order. It reports false when
// the server is closed and fn will not be called. fn must not block.
func (s *Session) Do(fn func(s *Session)) bool { return s.shard.Post(doPosted, s, fn) }

func doPosted(a, b any) {
	s := a.(*Session)
	defer s.shard.srv.caught(s)
	b.(func(*Session))(s)
}
