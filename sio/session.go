package sio

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// ErrUnknownOffset is returned by [SessionStore.EventsSince] when events behind
// the offset are not kept any more, or when it is none.
var ErrUnknownOffset = errors.New("sio: unknown offset")

// Session is what is kept of a socket whose connection was lost, so that its
// client can have it back (connection state recovery).
type Session struct {
	// PID is the key of the session: a secret of server and client.
	PID string `json:"pid"`
	// SID is the id of the socket.
	SID string `json:"sid"`
	// Rooms are the rooms it was in, its id among them.
	Rooms []string `json:"rooms"`
	// Data is what [Socket.SetData] stored: the value itself as long as it
	// stays on its node. An adapter sends its JSON and gives back a
	// json.RawMessage; see [Socket.BindData].
	Data any `json:"data,omitempty"`
}

// SessionStore is implemented by an [Adapter] that keeps, for all nodes, the
// sessions of lost connections and a log of the events that their clients may
// miss. Without one each node keeps its own, and a client gets its session
// back when it returns to the same node. Methods may be called from any
// goroutine.
type SessionStore interface {
	// Append puts an event at the end of the log of the namespace. Each node,
	// the one that appends included, is then given the event by
	// [Node.Deliver], with its offset and in the order of the log. What one
	// goroutine appends comes in its order. It must not wait for other nodes.
	//
	// Ownership: the store may keep ev; nobody modifies it.
	Append(ev Event) error
	// SaveSession keeps a session for the given time.
	SaveSession(ctx context.Context, s Session, d time.Duration) error
	// TakeSession returns the session with this pid and forgets it, so that
	// nobody else gets it. ok is false when there is none.
	TakeSession(ctx context.Context, pid string) (s Session, ok bool, err error)
	// EventsSince calls yield for the events of the log behind offset, in its
	// order, until yield returns false. It returns [ErrUnknownOffset] when it
	// cannot tell all of them.
	EventsSince(ctx context.Context, offset string, yield func(Event) bool) error
	// Compare tells the order of two offsets in the log, as cmp.Compare does.
	// It is called on the loops and must not block. An offset that is none
	// may come anywhere.
	Compare(a, b string) int
}

// recoverable reports whether a client may have its session back after a
// disconnect for this reason (reference: RECOVERABLE_DISCONNECT_REASONS).
func recoverable(r Reason) bool {
	switch r {
	case ReasonTransportError, ReasonTransportClose, ReasonPingTimeout, ReasonForcedClose, ReasonForcedServerClose, ReasonServerShuttingDown:
		return true
	}
	return false
}

// Recovered reports whether s has the id, the rooms and the data of a socket
// whose connection was lost: see [Config.ConnectionStateRecovery].
func (s *Socket) Recovered() bool {
	x := s.ext.Load()
	return x != nil && x.recovered
}

// BindData decodes what SetData stored into v, by way of its JSON. Data of a
// socket that was recovered from another node is JSON; Data of others is the
// value itself: BindData hides the difference. Without data it leaves v alone.
func (s *Socket) BindData(v any) error {
	text, err := s.dataJSON()
	if err != nil || text == nil {
		return err
	}
	return s.nsp.srv.codec.Unmarshal(text, v)
}

// dataJSON returns the JSON of the socket's data, nil for none.
func (s *Socket) dataJSON() (json.RawMessage, error) {
	switch data := s.Data().(type) {
	case nil:
		return nil, nil
	case json.RawMessage:
		return data, nil
	default:
		return s.nsp.srv.codec.Append(nil, data)
	}
}

// storeTimeout bounds the wait for a store that an adapter keeps elsewhere.
const storeTimeout = 10 * time.Second

// saveSession keeps the session of s, whose connection was lost. Off the loop.
func (s *Socket) saveSession(reason Reason) {
	l, x := s.nsp.link, s.ext.Load()
	if l == nil || l.store == nil || x == nil || x.pid == "" || !recoverable(reason) {
		return
	}
	l.save(Session{PID: x.pid, SID: s.ID(), Rooms: s.Rooms(), Data: s.Data()})
}

// save keeps a session. Off the loop.
func (l *link) save(session Session) {
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	err := l.store.SaveSession(ctx, session, l.recovery.MaxDisconnectionDuration)
	if err != nil && !l.node.nsp.srv.closed.Load() {
		l.node.Report(err)
	}
}
