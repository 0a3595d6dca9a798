package sio

import "slices"

// room is the part of a room that lives on one loop: sockets is what a
// broadcast walks. Loop only.
type room struct {
	name    string
	sockets []*Socket
	links   []*membership // links[i] belongs to sockets[i]
}

// membership ties a socket to a room. The socket's list of them, guarded by
// the mutex of its ext, is what Rooms shows at once; the room's arrays follow
// on the loop, in order with everything that is sent.
type membership struct {
	name string
	slot int   // guarded by ext.mu: place in ext.rooms
	room *room // loop only: nil when not entered yet or left
	pos  int   // loop only: place in room.sockets
	gone bool  // loop only: left, perhaps before it was entered
}

// enter puts s into the room of the membership. Loop only.
func (nl *nspLoop) enter(s *Socket, m *membership) {
	r := nl.rooms[m.name]
	if r == nil {
		if nl.rooms == nil {
			nl.rooms = make(map[string]*room)
		}
		r = &room{name: m.name}
		nl.rooms[m.name] = r
		nl.ls.counters.rooms.Add(1)
	}
	m.room, m.pos = r, len(r.sockets)
	r.sockets = append(r.sockets, s)
	r.links = append(r.links, m)
	if w := nl.nsp.rooms; w != nil {
		w.join(m.name, s)
	}
}

// exit takes the membership of s out of its room; an empty room is dropped.
// Loop only.
func (nl *nspLoop) exit(s *Socket, m *membership) {
	r := m.room
	m.gone = true
	if r == nil {
		return
	}
	m.room = nil
	last := len(r.sockets) - 1
	r.sockets[m.pos], r.links[m.pos] = r.sockets[last], r.links[last]
	r.links[m.pos].pos = m.pos
	r.sockets[last], r.links[last] = nil, nil
	r.sockets, r.links = r.sockets[:last], r.links[:last]
	switch {
	case last == 0:
		delete(nl.rooms, r.name)
		nl.ls.counters.rooms.Add(-1)
	case cap(r.sockets) > minShrink && last < cap(r.sockets)/4:
		r.sockets = slices.Clone(r.sockets)
		r.links = slices.Clone(r.links)
	}
	if w := nl.nsp.rooms; w != nil {
		w.leave(m.name, s)
	}
}

// minShrink is the capacity below which arrays of members keep their memory.
const minShrink = 64

// indexRoomsFrom is the number of rooms of one socket from which on a map
// finds them: below, comparing names is faster and smaller.
const indexRoomsFrom = 16

// Join enters rooms. Broadcasts to them that the same goroutine emits later
// reach s, those that it emitted before do not. Joining a room twice, or after
// the disconnect, does nothing. It returns [ErrTooManyRooms] at
// [Config.MaxRooms]; rooms named before the one too many are joined.
func (s *Socket) Join(rooms ...string) error { return s.join(rooms, enterLater) }

// join adds rooms to the list of s, and has the loop follow by enter, which
// reports false when the loop has closed.
func (s *Socket) join(rooms []string, enter func(*Socket, *membership) bool) error {
	x := s.extend()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range rooms {
		if s.state.Load() >= stateClosed || x.findRoom(name) >= 0 || (looksLikeID(name) || x.name != "") && name == s.ID() {
			continue
		}
		if len(x.rooms) >= s.nsp.srv.cfg.MaxRooms {
			s.nsp.srv.hit(limitRooms)
			return ErrTooManyRooms
		}
		m := &membership{name: name, slot: len(x.rooms)}
		x.rooms = append(x.rooms, m)
		x.indexRoom(m)
		if looksLikeID(name) {
			s.nsp.idRooms.Add(1)
		}
		// Posted under the mutex: the loop sees joins and leaves in the
		// order in which the list changed.
		if !enter(s, m) {
			return ErrServerClosed
		}
	}
	return nil
}

// enterLater posts the entry of s into a room.
func enterLater(s *Socket, m *membership) bool { return s.loop.loop.Post(postJoin, s, m) }

func postJoin(a, b any) {
	s, m := a.(*Socket), b.(*membership)
	s.nsp.on(s.loop).enterNow(s, m)
}

// enterNow is enter, unless s has left or gone. Loop only.
func (nl *nspLoop) enterNow(s *Socket, m *membership) bool {
	if s.state.Load() < stateClosed && !m.gone {
		nl.enter(s, m)
	}
	return true
}

// Leave leaves rooms. Rooms that s is not in are skipped.
func (s *Socket) Leave(rooms ...string) { s.leave(rooms, exitLater) }

// leave drops rooms from the list of s, and has the loop follow by exit.
func (s *Socket) leave(rooms []string, exit func(*Socket, *membership)) {
	x := s.ext.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, name := range rooms {
		i := x.findRoom(name)
		if i < 0 {
			continue
		}
		m := x.rooms[i]
		x.dropRoom(i)
		s.nsp.forgetName(name)
		exit(s, m)
	}
}

// exitLater posts the exit of s from a room; a closed loop has no rooms.
func exitLater(s *Socket, m *membership) { s.loop.loop.Post(postLeave, s, m) }

func postLeave(a, b any) {
	s := a.(*Socket)
	s.nsp.on(s.loop).exit(s, b.(*membership))
}

// Rooms returns the rooms s is in, first the one that is named by its own id.
// It still lists all of them while `disconnecting` handlers run, and nothing
// after that. The caller owns the result.
func (s *Socket) Rooms() []string {
	x := s.ext.Load()
	if x == nil {
		if s.state.Load() >= stateClosed {
			return nil
		}
		return []string{s.ID()}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.left {
		return nil
	}
	names := make([]string, 1, 1+len(x.rooms))
	names[0] = s.ID()
	for _, m := range x.rooms {
		names = append(names, m.name)
	}
	return names
}

// exitAll takes s out of the arrays of its rooms; what Rooms shows stays. Loop
// only.
func (s *Socket) exitAll() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	nl := s.nsp.on(s.loop)
	x.mu.Lock()
	for _, m := range x.rooms {
		nl.exit(s, m)
	}
	x.mu.Unlock()
}

// forgetRooms empties what Rooms shows.
func (s *Socket) forgetRooms() {
	x := s.ext.Load()
	if x == nil {
		return
	}
	x.mu.Lock()
	for _, m := range x.rooms {
		s.nsp.forgetName(m.name)
	}
	x.rooms, x.roomIndex, x.left = nil, nil, true
	x.mu.Unlock()
}

// findRoom returns the place of the room in x.rooms, or -1. x.mu held.
func (x *socketExt) findRoom(name string) int {
	if x.roomIndex != nil {
		if m := x.roomIndex[name]; m != nil {
			return m.slot
		}
		return -1
	}
	for i, m := range x.rooms {
		if m.name == name {
			return i
		}
	}
	return -1
}

// indexRoom keeps the index of a long list. x.mu held.
func (x *socketExt) indexRoom(m *membership) {
	if x.roomIndex != nil {
		x.roomIndex[m.name] = m
		return
	}
	if len(x.rooms) < indexRoomsFrom {
		return
	}
	x.roomIndex = make(map[string]*membership, 2*indexRoomsFrom)
	for _, m := range x.rooms {
		x.roomIndex[m.name] = m
	}
}

// dropRoom removes x.rooms[i]. x.mu held.
func (x *socketExt) dropRoom(i int) {
	last := len(x.rooms) - 1
	delete(x.roomIndex, x.rooms[i].name)
	x.rooms[i] = x.rooms[last]
	x.rooms[i].slot = i
	x.rooms[last] = nil
	x.rooms = x.rooms[:last]
	if last == 0 {
		x.rooms, x.roomIndex = nil, nil
	}
}
