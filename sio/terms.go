package sio

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// terms are what an event says about the way it is sent, above all to a client
// that does not take it at once. The zero terms are the connection's.
type terms struct {
	key    string
	policy uint8 // see poller.Overflow.Term
	plain  bool  // see Emitter.Compress
}

// apply puts the terms onto a frame that nobody shares yet. Keys of different
// namespaces, which may share a connection, are different keys.
func (t terms) apply(f *frame.Frame, n *Namespace) {
	if t == (terms{}) {
		return
	}
	if t.plain {
		f.Uncompressed()
	}
	f.SetPolicy(t.policy)
	if t.key != "" && n.name != "/" {
		t.key = n.name + "," + t.key
	}
	f.SetKey(t.key)
}

// Latest makes events replace those of the same key that have not been sent to
// the client yet: of prices or cursors, a client that is behind gets only the
// newest. The names of the events do not matter, the namespace does. "" is no
// key.
//
// Order: an event takes the place of the one that it replaces, and may overtake
// events of other keys so, but it never overtakes an event without a key: with
// one of these in between it goes to the end. Without a replacement everything
// keeps the order of the calls.
func (e Emitter) Latest(key string) Emitter {
	e.terms.key = key
	return e
}

// Overflow replaces, for these events, the policy of the connection for a
// client for whom too much is queued, see [Socket.SetQueue].
func (e Emitter) Overflow(o poller.Overflow) Emitter {
	e.terms.policy = o.Term()
	return e
}

// Latest makes events replace those of the same key that have not been sent
// yet, for each receiver on its own, see [Emitter.Latest]. To the sockets of
// other nodes they are events like any other.
func (b Broadcast) Latest(key string) Broadcast {
	b.terms.key = key
	return b
}

// Overflow replaces, for these events, the policy of the connections for a
// client for whom too much is queued, see [Socket.SetQueue]. It does not reach
// other nodes.
func (b Broadcast) Overflow(o poller.Overflow) Broadcast {
	b.terms.policy = o.Term()
	return b
}

// Latest returns an emitter whose events replace each other until they are
// sent, see [Emitter.Latest].
func (s *Socket) Latest(key string) Emitter { return Emitter{socket: s}.Latest(key) }

// Overflow returns an emitter with its own policy, see [Emitter.Overflow].
func (s *Socket) Overflow(o poller.Overflow) Emitter { return Emitter{socket: s}.Overflow(o) }

// Latest returns an operator whose events replace each other until they are
// sent, see [Emitter.Latest].
func (n *Namespace) Latest(key string) Broadcast { return Broadcast{nsp: n}.Latest(key) }

// Overflow returns an operator with its own policy, see [Broadcast.Overflow].
func (n *Namespace) Overflow(o poller.Overflow) Broadcast { return Broadcast{nsp: n}.Overflow(o) }
