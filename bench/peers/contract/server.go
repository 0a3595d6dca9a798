package contract

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Wire is one connection of a library. M is what the library has for a message
// that goes to many.
type Wire[M any] interface {
	// Reply sends one packet as a text message. The goroutine that reads the
	// connection calls it; it may wait for the client.
	// Ownership: packet is only valid until Reply returns.
	Reply(packet []byte)
	// Deliver queues a prepared message. It never waits, and any goroutine
	// calls it.
	Deliver(m M)
	// Close ends the connection without waiting for the client, so that the
	// goroutine that reads it returns. It may be called more than once.
	Close()
}

// Fanout is a library's own help for sending one message to many.
type Fanout[M any] interface {
	// Prepare makes a message of packet.
	// Ownership: packet is only valid until Prepare returns.
	Prepare(packet []byte) M
	// Release is called when the last delivery of m was queued.
	Release(m M)
}

// Server is the rooms, the namespace and the heartbeats of a server.
type Server[M any] struct {
	fanout  Fanout[M]
	options Options
	space   set[M] // everybody in the namespace
	wheel   *wheel[M]

	mu    sync.RWMutex // guards rooms
	rooms map[string]*set[M]
}

// NewServer returns a server whose heartbeats run until the process ends.
func NewServer[M any](o Options, f Fanout[M]) *Server[M] {
	s := newServer(o, f)
	go s.wheel.run() // ends with the process
	return s
}

func newServer[M any](o Options, f Fanout[M]) *Server[M] {
	s := &Server[M]{fanout: f, options: o, rooms: map[string]*set[M]{}}
	s.wheel = newWheel(f, o)
	return s
}

// Member is one client. The goroutine that reads its connection owns it.
type Member[M any] struct {
	server *Server[M]
	wire   Wire[M]
	space  seat[M]
	beat   seat[M]
	rooms  []*seat[M]
	asked  atomic.Int64 // the turn of the wheel in which a ping went out; 0: it was answered
}

// Open greets a new connection and lets its heartbeats begin.
func (s *Server[M]) Open(w Wire[M]) *Member[M] {
	m := &Member[M]{server: s, wire: w}
	m.space.member, m.beat.member = m, m
	w.Reply(fmt.Appendf(nil, `0{"sid":"%.20s","upgrades":[],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`, rand.Text(),
		s.options.PingInterval.Milliseconds(), s.options.PingTimeout.Milliseconds(), MaxPayload))
	s.wheel.add(&m.beat)
	return m
}

var (
	errPacket = errors.New("contract: a packet that the load does not send")
	errLeft   = errors.New("contract: the client said that it closes")
)

// Receive handles one text message. The caller ends the connection on an error.
// Ownership: Receive may write over p, until it returns.
func (m *Member[M]) Receive(p []byte) error {
	switch {
	case len(p) == 1 && p[0] == '3': // pong
		m.asked.Store(0)
		return nil
	case len(p) == 1 && p[0] == '1': // close
		return errLeft
	case string(p) == "40" || bytes.HasPrefix(p, []byte("40{")): // CONNECT, the default namespace
		if m.space.set != nil {
			return errPacket
		}
		m.wire.Reply(fmt.Appendf(nil, `40{"sid":"%.20s"}`, rand.Text()))
		m.server.space.add(&m.space)
		return nil
	case m.space.set == nil:
		return errPacket
	}
	e, err := parseEvent(p)
	if err != nil {
		return fmt.Errorf("%w: %.80q", err, p)
	}
	return m.handle(p, e)
}

// handle does what an event asks for.
func (m *Member[M]) handle(p []byte, e event) error {
	switch string(e.name) {
	case "echo":
		m.wire.Reply(p)
	case "bcast":
		m.server.cast(&m.server.space, p)
	case "ack":
		if len(e.id) == 0 {
			return errPacket
		}
		m.wire.Reply(ackPacket(p, e, e.at))
	case "room":
		name, n, err := cutRoom(e.args)
		if err != nil {
			return err
		}
		if room := m.server.room(name); room != nil {
			m.server.cast(room, roomPacket(p, e.at+n))
		}
	case "join", "leave":
		name, _, err := cutRoom(e.args)
		if err != nil {
			return err
		}
		if e.name[0] == 'j' {
			m.join(string(name))
		} else {
			m.leave(string(name))
		}
		if len(e.id) > 0 {
			m.wire.Reply(ackPacket(p, e, len(p)-1))
		}
	default:
		return errPacket
	}
	return nil
}

// cast sends packet to everybody in a set.
func (s *Server[M]) cast(to *set[M], packet []byte) {
	message := s.fanout.Prepare(packet)
	to.each(func(m *Member[M]) { m.wire.Deliver(message) })
	s.fanout.Release(message)
}

// room returns the room of that name; nil when nobody is in it.
func (s *Server[M]) room(name []byte) *set[M] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.rooms[string(name)]
}

func (m *Member[M]) join(name string) {
	if slices.ContainsFunc(m.rooms, func(p *seat[M]) bool { return p.set.name == name }) {
		return
	}
	s := m.server
	s.mu.Lock()
	defer s.mu.Unlock()
	room := s.rooms[name]
	if room == nil {
		room = &set[M]{name: name}
		s.rooms[name] = room
	}
	p := &seat[M]{member: m}
	room.add(p)
	m.rooms = append(m.rooms, p)
}

func (m *Member[M]) leave(name string) {
	i := slices.IndexFunc(m.rooms, func(p *seat[M]) bool { return p.set.name == name })
	if i < 0 {
		return
	}
	m.server.vacate(m.rooms[i])
	m.rooms = slices.Delete(m.rooms, i, i+1)
}

// vacate takes a seat out of its room, and the room away when it was the last.
func (s *Server[M]) vacate(p *seat[M]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := p.set; room.remove(p) {
		delete(s.rooms, room.name)
	}
}

// End takes a member whose connection is over out of everything.
func (m *Member[M]) End() {
	for _, p := range m.rooms {
		m.server.vacate(p)
	}
	m.rooms = nil
	if m.space.set != nil {
		m.space.set.remove(&m.space)
	}
	m.beat.set.remove(&m.beat)
}

// MaxPayload is the longest message that a client may send, in bytes.
const MaxPayload = 1_000_000

// defaults of Engine.IO.
const (
	pingInterval = 25 * time.Second
	pingTimeout  = 20 * time.Second
)
