package sio

import (
	"cmp"
	"container/list"
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memoryStore is the [SessionStore] of one namespace of one node. Whatever it
// keeps is bounded in number, in bytes and in time; what a bound has taken is
// missing for sure, never silently: a client that needs it is not recovered.
type memoryStore struct {
	node  *Node
	cfg   Recovery // with defaults
	keep  time.Duration
	nonce string // in front of offsets: those of another process are unknown

	mu       sync.Mutex               // lock order: in front of a loop's mailbox
	log      []logged                 // guarded by mu
	head     int                      // guarded by mu: where log begins
	first    uint64                   // guarded by mu: number of the event at head
	bytes    int64                    // guarded by mu: of the log
	sessions map[string]*list.Element // guarded by mu
	order    list.List                // guarded by mu: *savedSession of sessions, the oldest in front
	timer    *time.Timer              // guarded by mu: nil while nothing is kept
	closed   bool                     // guarded by mu
}

// logged is an event of the log.
type logged struct {
	ev   Event
	at   time.Time
	size int64
}

type savedSession struct {
	Session
	until time.Time
}

// eventOverhead is what an event of the log counts for besides its bytes.
const eventOverhead = 256

// maxLogWaste is how many used places the log may begin with.
const maxLogWaste = 256

// newMemoryStore returns an empty store. Events are kept for longer than
// sessions: those of the time in which a lost connection is not noticed may be
// missed as well.
func newMemoryStore(n *Node, cfg Recovery, unnoticed time.Duration) *memoryStore {
	var nonce [3]byte
	_, _ = rand.Read(nonce[:]) // never fails
	return &memoryStore{
		node: n, cfg: cfg, keep: cfg.MaxDisconnectionDuration + unnoticed,
		nonce:    base64.RawURLEncoding.EncodeToString(nonce[:]) + ".",
		sessions: make(map[string]*list.Element),
	}
}

// Append implements [SessionStore]. Under the mutex events reach the loops in
// the order of their offsets: a client has seen all that is in front of the
// last it saw.
func (m *memoryStore) Append(ev Event) error {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed { // the namespace has gone: its sockets with it
		_, err := m.node.deliver(ev)
		return err
	}
	ev.Offset = m.nonce + strconv.FormatUint(m.first+uint64(len(m.log)-m.head), 36)
	size, err := m.node.deliver(ev)
	if err != nil {
		return err
	}
	e := logged{ev: ev, at: now, size: int64(size) + eventOverhead}
	for _, list := range [...][]string{ev.Target.Rooms, ev.Target.Except} {
		for _, room := range list {
			e.size += int64(len(room))
		}
	}
	m.log = append(m.log, e)
	m.count(1, e.size)
	for len(m.log)-m.head > m.cfg.MaxPackets || m.bytes > int64(m.cfg.MaxBytes) {
		m.counters().dropped.Add(1)
		m.shift()
	}
	m.expire(now)
	m.watch()
	return nil
}

func (m *memoryStore) counters() *recoveryCounters { return &m.node.nsp.srv.recovery }

// count notes a change of the log. m.mu held.
func (m *memoryStore) count(events, size int64) {
	m.bytes += size
	m.counters().packets.Add(events)
	m.counters().bytes.Add(size)
}

// shift drops the oldest event. m.mu held.
func (m *memoryStore) shift() {
	e := &m.log[m.head]
	m.count(-1, -e.size)
	*e = logged{}
	m.head++
	m.first++
	switch {
	case m.head == len(m.log):
		m.log, m.head = nil, 0
	case m.head >= maxLogWaste && m.head*2 >= len(m.log):
		m.log, m.head = append([]logged(nil), m.log[m.head:]...), 0
	}
}

// expire drops what is too old. m.mu held.
func (m *memoryStore) expire(now time.Time) {
	for m.head < len(m.log) && now.Sub(m.log[m.head].at) > m.keep {
		m.shift()
	}
	for e := m.order.Front(); e != nil && now.After(e.Value.(*savedSession).until); e = m.order.Front() {
		m.forget(e)
	}
}

// forget drops a session. m.mu held.
func (m *memoryStore) forget(e *list.Element) {
	delete(m.sessions, m.order.Remove(e).(*savedSession).PID)
	m.counters().sessions.Add(-1)
}

// watch sees to it that what is kept goes in time, also when nothing happens
// any more. m.mu held.
func (m *memoryStore) watch() {
	if m.timer == nil && !m.closed && len(m.log)-m.head+len(m.sessions) > 0 {
		m.timer = time.AfterFunc(m.cfg.MaxDisconnectionDuration/2+time.Millisecond, m.tick)
	}
}

func (m *memoryStore) tick() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.timer = nil
	m.expire(time.Now())
	m.watch()
}

// close lets go of everything.
func (m *memoryStore) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for m.head < len(m.log) {
		m.shift()
	}
	for m.order.Len() > 0 {
		m.forget(m.order.Front())
	}
	if m.timer != nil {
		m.timer.Stop()
		m.timer = nil
	}
}

// SaveSession implements [SessionStore].
func (m *memoryStore) SaveSession(_ context.Context, s Session, d time.Duration) error {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	if old := m.sessions[s.PID]; old != nil {
		m.forget(old)
	}
	m.sessions[s.PID] = m.order.PushBack(&savedSession{s, now.Add(d)})
	m.counters().sessions.Add(1)
	if len(m.sessions) > m.cfg.MaxSessions {
		m.forget(m.order.Front())
	}
	m.expire(now)
	m.watch()
	return nil
}

// TakeSession implements [SessionStore].
func (m *memoryStore) TakeSession(_ context.Context, pid string) (Session, bool, error) {
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expire(now)
	e := m.sessions[pid]
	if e == nil {
		return Session{}, false, nil
	}
	s := e.Value.(*savedSession).Session
	m.forget(e)
	return s, true, nil
}

// EventsSince implements [SessionStore].
func (m *memoryStore) EventsSince(_ context.Context, offset string, yield func(Event) bool) error {
	seen, ok := m.number(offset)
	if !ok {
		return ErrUnknownOffset
	}
	var batch [64]Event // yield is called without the mutex
	for next := seen + 1; ; {
		n, err := m.copyFrom(next, batch[:])
		if err != nil {
			return err
		}
		for _, ev := range batch[:n] {
			if !yield(ev) {
				return nil
			}
		}
		if n < len(batch) {
			return nil
		}
		next += uint64(n)
	}
}

// number returns the number of the event with this offset.
func (m *memoryStore) number(offset string) (n uint64, ok bool) {
	text, ok := strings.CutPrefix(offset, m.nonce)
	n, err := strconv.ParseUint(text, 36, 64)
	return n, ok && err == nil
}

// Compare implements [SessionStore].
func (m *memoryStore) Compare(a, b string) int {
	i, _ := m.number(a)
	j, _ := m.number(b)
	return cmp.Compare(i, j)
}

// copyFrom copies the events from number next on, as many as batch holds.
func (m *memoryStore) copyFrom(next uint64, batch []Event) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := m.first + uint64(len(m.log)-m.head)
	if next < m.first || next > end || next == 0 {
		return 0, ErrUnknownOffset
	}
	for _, e := range m.log[m.head+int(next-m.first):] {
		if n == len(batch) {
			break
		}
		batch[n] = e.ev
		n++
	}
	return n, nil
}
