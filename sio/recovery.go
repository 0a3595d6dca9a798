package sio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/id"
)

// Connection state recovery (reference: connection-state-recovery.md).
//
// Every event that is not volatile and asks for no acknowledgement goes through
// a log, which gives it an offset, the last argument on the wire. A socket
// whose connection was lost leaves a session in the store. Its client returns
// with a CONNECT that names the session and the offset it saw last:
//
//	  loop                       off the loop
//	CONNECT ──────────────▶ take the session, read what was missed
//	 adopt  ◀──────────────   │ (no session, or not all of it: a new socket)
//	 id, data, rooms;         │
//	 live events are stashed ─▶ middlewares, unless they are skipped;
//	 replay ◀──────────────     read what was missed meanwhile
//	 missed events, stash, CONNECT
//
// An event is missed or stashed or both: it was appended before the second
// reading began or delivered after the stash was opened. Offsets tell which
// are both, and which of those that are delivered later.

// Recovery configures connection state recovery, see
// [Config.ConnectionStateRecovery]. The zero value is the reference's default.
type Recovery struct {
	// MaxDisconnectionDuration is how long a session is kept. 0 means 2 min.
	MaxDisconnectionDuration time.Duration
	// SkipMiddlewares spares recovered sockets the middlewares of
	// [Namespace.Use]. Default eio.On.
	SkipMiddlewares eio.Toggle
	// MaxPackets bounds the events that are kept for each namespace. 0 means
	// 10,000. Older ones go; clients that miss them are not recovered.
	MaxPackets int
	// MaxBytes bounds the same in bytes. 0 means 16 MiB.
	MaxBytes int
	// MaxSessions bounds the sessions that are kept for each namespace. 0
	// means 10,000. The oldest go.
	MaxSessions int
}

const (
	defaultMaxDisconnection = 2 * time.Minute
	defaultMaxLogPackets    = 10_000
	defaultMaxLogBytes      = 16 << 20
	defaultMaxSessions      = 10_000

	// maxKeyBytes bounds the pid and the offset that a client sends.
	maxKeyBytes = 128
)

func (r Recovery) withDefaults() Recovery {
	setDefault(&r.MaxDisconnectionDuration, defaultMaxDisconnection)
	setDefault(&r.SkipMiddlewares, eio.On)
	setDefault(&r.MaxPackets, defaultMaxLogPackets)
	setDefault(&r.MaxBytes, defaultMaxLogBytes)
	setDefault(&r.MaxSessions, defaultMaxSessions)
	return r
}

func (r *Recovery) validate() error {
	for name, value := range map[string]int64{
		"MaxDisconnectionDuration": int64(r.MaxDisconnectionDuration),
		"MaxPackets":               int64(r.MaxPackets),
		"MaxBytes":                 int64(r.MaxBytes),
		"MaxSessions":              int64(r.MaxSessions),
	} {
		if value < 0 {
			return fmt.Errorf("sio: Config.ConnectionStateRecovery.%s is negative", name)
		}
	}
	return nil
}

// recovery is a session on its way back to its client. It is handed from the
// loop to a worker and back.
type recovery struct {
	pid     string
	session Session
	offset  string  // of the last event that was read
	missed  []Event // in order
	bytes   int     // of missed
	stash   []stashed
	full    bool // loop only: more was stashed than may be
}

// stashed is an event that came while the socket was being recovered.
type stashed struct {
	offset string
	frame  *frame.Frame // one reference
}

// recoveryCounters are what [Stats] tells of recoveries.
type recoveryCounters struct {
	recovered, refused, dropped atomic.Uint64
	sessions, packets, bytes    atomic.Int64
}

var errMissedTooMuch = errors.New("sio: more was missed than may be queued for a connection")

// recoveryOf returns what the auth of a CONNECT asks to recover, or nil.
func (n *Namespace) recoveryOf(auth []byte) *recovery {
	if n.link == nil || n.link.store == nil || auth == nil {
		return nil
	}
	var asked struct {
		PID    any `json:"pid"`
		Offset any `json:"offset"`
	}
	if json.Unmarshal(auth, &asked) != nil {
		return nil
	}
	pid, _ := asked.PID.(string)
	offset, _ := asked.Offset.(string)
	if pid == "" || offset == "" || len(pid) > maxKeyBytes || len(offset) > maxKeyBytes {
		return nil
	}
	return &recovery{pid: pid, offset: offset}
}

// stageRecovery has a worker go on with r.
func (s *Socket) stageRecovery(kind taskKind, r *recovery) {
	t := getTask()
	t.kind, t.recovery = kind, r
	s.loop.work.stage(s, t)
}

// runTake takes the session and reads what was missed. Off the loop.
func (s *Socket) runTake(r *recovery) {
	defer s.rescue("recovery")
	l := s.nsp.link
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	session, ok, err := l.store.TakeSession(ctx, r.pid)
	if ok && err == nil {
		r.session = session
		err = r.read(ctx, l)
	}
	if !ok || err != nil {
		s.nsp.srv.recovery.refused.Add(1)
		s.loop.loop.Post(postFresh, s, nil)
		return
	}
	if !s.loop.loop.Post(postAdopt, s, r) {
		l.save(session)
	}
}

// read adds the events behind r.offset that the session missed.
func (r *recovery) read(ctx context.Context, l *link) error {
	limit, over := l.node.nsp.srv.replayLimit(), false
	err := l.store.EventsSince(ctx, r.offset, func(ev Event) bool {
		r.offset = ev.Offset
		if !ev.Target.Selects(r.session.Rooms) {
			return true
		}
		r.missed = append(r.missed, ev)
		r.bytes += ev.Args.size() + len(ev.Name) + len(ev.Offset)
		over = limit > 0 && r.bytes > limit
		return !over
	})
	if over {
		return errMissedTooMuch
	}
	return err
}

// replayLimit is how many bytes may be sent to a client that returns, half of
// what may be queued for a connection. 0 means no limit.
func (srv *Server) replayLimit() int {
	switch n := srv.cfg.Poller.MaxQueueBytes; {
	case n < 0:
		return 0
	case n == 0:
		return 512 << 10 // the default of package poller is 1 MiB
	default:
		return n / 2
	}
}

// postFresh goes on without a recovery.
func postFresh(a, _ any) {
	s := a.(*Socket)
	if s.state.Load() == stateConnecting {
		clientOf(s.sess).begin(s)
	}
}

// postAdopt gives s the identity of the session; from here on, live events for
// it are stashed.
func postAdopt(a, b any) {
	s, r := a.(*Socket), b.(*recovery)
	if s.state.Load() != stateConnecting {
		s.stageRecovery(taskReturn, r)
		return
	}
	d, ok := id.Parse(r.session.SID)
	if !ok || !s.nsp.srv.sockets.AddAs(s, d) {
		s.nsp.srv.recovery.refused.Add(1)
		postFresh(s, nil)
		return
	}
	x := s.extend()
	x.pid, x.recovered, x.recovery = r.pid, true, r
	s.SetData(r.session.Data)
	nl := s.nsp.on(s.loop)
	nl.add(s)
	if err := s.join(r.session.Rooms, nl.enterNow); err != nil {
		s.report("recovery", err)
	}
	s.stageRecovery(taskReplay, r)
}

// runReplay has the middlewares run, unless they are skipped, and reads what
// was missed since the first reading. Off the loop.
func (s *Socket) runReplay(r *recovery) {
	defer s.rescue("recovery")
	l := s.nsp.link
	if l.recovery.SkipMiddlewares == eio.Off && !s.passMiddlewares() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := r.read(ctx, l); err != nil {
		s.report("recovery", err)
		s.loop.loop.Post(postGiveUp, s, nil)
		return
	}
	s.loop.loop.Post(postReplay, s, r)
}

// postGiveUp closes the connection of a socket that cannot be recovered
// completely any more: its client asks for a new one.
func postGiveUp(a, _ any) {
	if s := a.(*Socket); s.state.Load() == stateConnecting {
		clientOf(s.sess).close()
	}
}

// postReplay sends what was missed and connects s.
func postReplay(a, b any) {
	s, r := a.(*Socket), b.(*recovery)
	if s.state.Load() != stateConnecting {
		return // finish has taken care of r
	}
	if r.full {
		postGiveUp(s, nil)
		return
	}
	l := s.nsp.link
	s.ext.Load().recovery = nil
	for _, ev := range r.missed {
		f, err := s.nsp.eventFrame(ev)
		if err != nil {
			s.report(ev.Name, err) // it was encoded before: a parser that is not deterministic
			continue
		}
		s.replay(f)
	}
	for _, e := range r.stash {
		if l.store.Compare(e.offset, r.offset) <= 0 {
			e.frame.Release()
			continue
		}
		s.replay(e.frame)
	}
	if l.memory == nil {
		s.ext.Load().replayed, s.special = r.offset, true
	}
	s.nsp.srv.recovery.recovered.Add(1)
	clientOf(s.sess).joined()
	s.connect()
}

// behind returns the offset up to which events have been replayed, "" when the
// node has passed it: an adapter delivers later than it appends to the log.
func (s *Socket) behind() string {
	if x := s.ext.Load(); x != nil {
		return x.replayed
	}
	return ""
}

// catchUp reports whether the event at the offset is one that s has not seen;
// then all that follow are. Loop only.
func (s *Socket) catchUp(offset string) bool {
	x := s.ext.Load()
	if s.nsp.link.store.Compare(offset, x.replayed) <= 0 {
		return false
	}
	x.replayed = ""
	s.special = s.tapped()
	return true
}

func (s *Socket) replay(f *frame.Frame) {
	s.loop.counters.deliveries.Add(1)
	s.traceControl(f)
	s.sess.SendControl(f) // the policy at the limit of the queue would make a hole
}

// keep stashes an event for a socket that is being recovered. Loop only.
func (s *Socket) keep(c *cast, epoch uint64) {
	x := s.ext.Load()
	if x == nil || x.recovery == nil {
		return
	}
	s.mark = epoch
	r := x.recovery
	if r.full || len(r.stash) >= s.nsp.link.recovery.MaxPackets {
		r.full = true
		return
	}
	r.stash = append(r.stash, stashed{c.offset, c.frame.Retain(1)})
}

// abandon ends a recovery that was under way, because the connection is gone or
// a middleware refused. Loop only.
func (s *Socket) abandon(refused bool) {
	x := s.ext.Load()
	if x == nil || x.recovery == nil {
		return
	}
	r := x.recovery
	x.recovery = nil
	s.nsp.on(s.loop).remove(s)
	for _, e := range r.stash {
		e.frame.Release()
	}
	if !refused {
		s.stageRecovery(taskReturn, r)
	}
}

// newPID gives s the key of its session, if it can be recovered. Loop only.
func (s *Socket) newPID() string {
	if l := s.nsp.link; l == nil || l.store == nil {
		return ""
	}
	x := s.extend()
	if x.pid == "" {
		x.pid = id.Random()
	}
	return x.pid
}

// logged reports whether events of e go through the log.
func (e Emitter) logged() bool {
	l := e.socket.nsp.link
	return l != nil && l.store != nil && !e.volatile && e.report == nil
}

// emitLogged sends an event to one socket through the log, also when its
// connection was lost: the client may return for it.
func (e Emitter) emitLogged(event string, args Args) error {
	s := e.socket
	if st := s.state.Load(); st == stateLeaving || st == stateKicked || st == stateClosed && !s.lost() {
		return ErrDisconnected
	}
	l := s.nsp.link
	// Without a common store the client can only return to this node.
	b := Broadcast{nsp: s.nsp, rooms: []string{s.ID()}, local: l.memory != nil, terms: e.terms}
	return l.emit(b, event, args)
}

// lost reports whether the connection of s was lost, so that the client may
// return for it.
func (s *Socket) lost() bool {
	x := s.ext.Load()
	return x != nil && x.lost.Load()
}
