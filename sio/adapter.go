package sio

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// Adapter joins a namespace with the namespaces of the same name on other
// nodes. [Config.Adapter] makes one for each namespace; without it a server is
// alone, and its broadcasts cost nothing more.
//
// An adapter is about other nodes only: what its own node has to do for a
// call has been done before the adapter is called, in order with all that the
// caller does. What comes from other nodes it gives to its [Node]. An adapter
// that implements [SessionStore] keeps the sessions of disconnected sockets,
// and the events they miss, for all nodes; one that implements [RoomObserver]
// is told which rooms its node has.
//
// Methods may be called from any goroutine, event loops included: those
// without a context must not wait for other nodes. The calls of one goroutine
// must reach each other node in their order. Package adaptertest has the tests
// that an adapter must pass.
type Adapter interface {
	// Publish sends an event to the sockets that its target selects on other
	// nodes.
	//
	// Ownership: the adapter may keep ev; nobody modifies it.
	Publish(ev Event) error
	// PublishWithAck is Publish for an event that the clients acknowledge. It
	// sends before it returns. wait collects what [Node.DeliverWithAck] tells
	// the other nodes: how many clients were asked and their answers, until
	// all have come or ctx ends. With an error it returns what came so far.
	PublishWithAck(ctx context.Context, ev Event) (wait func() (clients int, answers []Args, err error), err error)
	// SocketsJoin makes the selected sockets of other nodes join rooms.
	SocketsJoin(t Target, rooms []string) error
	// SocketsLeave makes the selected sockets of other nodes leave rooms.
	SocketsLeave(t Target, rooms []string) error
	// DisconnectSockets disconnects the selected sockets of other nodes, see
	// [Socket.Disconnect].
	DisconnectSockets(t Target, closeTransport bool) error
	// FetchSockets describes the selected sockets of other nodes. With an
	// error, that of ctx for example, it returns what came so far.
	FetchSockets(ctx context.Context, t Target) ([]SocketInfo, error)
	// ServerSideEmit sends an event to the other nodes themselves.
	ServerSideEmit(event string, args Args) error
	// ServerSideEmitWithAck does so and returns one answer for each other
	// node. With an error, usually an [*AckError], it returns what came so
	// far.
	ServerSideEmitWithAck(ctx context.Context, event string, args Args) ([]Args, error)
	// ServerCount returns the number of nodes, this one included.
	ServerCount(ctx context.Context) (int, error)
	// Close ends the adapter: nothing is delivered to its node any more. It
	// is called once, when the server is closed.
	Close() error
}

// RoomObserver is implemented by an [Adapter] that wants to know the rooms of
// its node.
type RoomObserver interface {
	// OnRoom is called as [Config.OnRoom] is.
	OnRoom(ev RoomEvent)
}

// Event is an event on its way between nodes.
type Event struct {
	// Name is the name of the event.
	Name string
	// Args are its arguments: JSON with placeholders and the attachments they
	// number ([Args.Raw], [Args.Attachments]), or values ([Args.Values]).
	Args Args
	// Target selects the sockets that it is for.
	Target Target
	// Offset is the event's place in the log of a [SessionStore]. "" in an
	// event that cannot be missed and recovered.
	Offset string

	terms terms // of this node only
}

// Target selects sockets of a namespace, as a [Broadcast] does.
type Target struct {
	// Rooms are those whose members are selected. None means the namespace.
	Rooms []string
	// Except are the rooms whose members are left out. The id of a socket is
	// a room.
	Except []string
	// Volatile leaves out sockets that could not be written to at once.
	Volatile bool
	// Uncompressed has clients be sent the event as it is.
	Uncompressed bool
	// Timeout is how long acknowledgements are waited for. 0 means for ever.
	Timeout time.Duration
}

// Selects reports whether a socket that is in the rooms, its id among them, is
// selected.
func (t Target) Selects(rooms []string) bool {
	in := func(room string) bool { return slices.Contains(rooms, room) }
	return (len(t.Rooms) == 0 || slices.ContainsFunc(t.Rooms, in)) && !slices.ContainsFunc(t.Except, in)
}

// SocketInfo is what nodes tell each other of a socket. Its JSON is the
// reference's.
type SocketInfo struct {
	// ID is the id of the socket.
	ID string `json:"id"`
	// Handshake is what is known of its client.
	Handshake Handshake `json:"handshake"`
	// Rooms are the rooms it is in, its id among them.
	Rooms []string `json:"rooms"`
	// Data is the JSON of its data, nil for none or when it has no JSON.
	Data json.RawMessage `json:"data,omitempty"`
}

// link is what a namespace has beyond its own sockets. A namespace of a server
// that is alone and does not recover sockets has none.
type link struct {
	node     *Node
	adapter  Adapter      // nil for none
	store    SessionStore // nil without recovery
	memory   *memoryStore // the store when it is this node's own, else nil
	recovery Recovery     // with defaults
}

// newLink connects n with other nodes and its sessions, if the configuration
// says so.
func (n *Namespace) newLink() {
	cfg := &n.srv.cfg
	if cfg.Adapter == nil && cfg.ConnectionStateRecovery == nil {
		return
	}
	l := &link{node: &Node{nsp: n}}
	if cfg.Adapter != nil {
		l.adapter = cfg.Adapter(l.node)
	}
	if r := cfg.ConnectionStateRecovery; r != nil {
		l.recovery = r.withDefaults()
		if shared, ok := l.adapter.(SessionStore); ok {
			l.store = shared
		} else {
			l.memory = newMemoryStore(l.node, l.recovery, cfg.unnoticed())
			l.store = l.memory
		}
	}
	n.link = l
}

// close ends what newLink began.
func (l *link) close() error {
	if l == nil {
		return nil
	}
	if l.memory != nil {
		l.memory.close()
	}
	if l.adapter != nil {
		return l.adapter.Close()
	}
	return nil
}

// emit sends an event to the sockets of b, here and elsewhere.
func (l *link) emit(b Broadcast, event string, args Args) error {
	if b.nsp.srv.closed.Load() {
		return ErrServerClosed
	}
	ev := Event{Name: event, Args: args, Target: b.target(), terms: b.terms}
	var err error
	switch logged := l.store != nil && !b.volatile; {
	case logged && l.memory != nil:
		err = l.memory.Append(ev)
	case logged && !b.local:
		return l.store.Append(ev)
	default:
		_, err = l.node.deliver(ev)
	}
	if err != nil || b.local || l.adapter == nil {
		return err
	}
	return l.adapter.Publish(ev)
}

// eventFrame encodes an event for the sockets of this node, with its offset.
func (n *Namespace) eventFrame(ev Event) (*frame.Frame, error) {
	if ev.Offset != "" {
		ev.Args = ev.Args.with(ev.Offset)
	}
	return n.srv.argsFrame(n.name, noAck, ev.Name, ev.Args)
}

// remote returns the adapter when b concerns other nodes, else nil.
func (b Broadcast) remote() Adapter {
	if b.local || b.nsp.link == nil {
		return nil
	}
	return b.nsp.link.adapter
}

// target is b as other nodes see it.
func (b Broadcast) target() Target {
	t := Target{Rooms: b.rooms, Except: b.except, Volatile: b.volatile, Uncompressed: b.terms.plain, Timeout: b.timeout}
	if b.self != nil {
		t.Except = append(slices.Clip(t.Except), b.self.ID())
	}
	return t
}
