package contract

import "sync"

// seat is one member's place in a set. at is guarded by the set's mu.
type seat[M any] struct {
	member *Member[M]
	set    *set[M] // nil: not seated
	at     int
}

// set is a set of members that is walked far more often than changed: a room,
// the namespace, or a slot of the wheel.
type set[M any] struct {
	name  string // of the room
	mu    sync.RWMutex
	seats []*seat[M]
}

func (s *set[M]) add(p *seat[M]) {
	s.mu.Lock()
	p.set, p.at = s, len(s.seats)
	s.seats = append(s.seats, p)
	s.mu.Unlock()
}

// remove takes p out, and reports whether the set is empty now.
func (s *set[M]) remove(p *seat[M]) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.seats) - 1
	s.seats[p.at] = s.seats[last]
	s.seats[p.at].at = p.at
	s.seats[last] = nil
	s.seats = s.seats[:last]
	p.set = nil
	return last == 0
}

// each calls f for every member. f must not wait, and not change the set.
func (s *set[M]) each(f func(m *Member[M])) {
	s.mu.RLock()
	for _, p := range s.seats {
		f(p.member)
	}
	s.mu.RUnlock()
}
