package sio

import "sync"

// RoomChange says what happened to a room, in the words of the reference.
type RoomChange string

// What can happen to a room, in the order in which it does.
const (
	// RoomCreated: the room got its first member of this node.
	RoomCreated RoomChange = "create-room"
	// RoomJoined: a socket entered.
	RoomJoined RoomChange = "join-room"
	// RoomLeft: a socket left.
	RoomLeft RoomChange = "leave-room"
	// RoomDeleted: the last member of this node left.
	RoomDeleted RoomChange = "delete-room"
)

// RoomEvent tells of a change to a room of one node.
type RoomEvent struct {
	// Namespace is the namespace of the room.
	Namespace *Namespace
	// Change is what happened.
	Change RoomChange
	// Room is the name of the room.
	Room string
	// ID is the id of the socket that joined or left, "" for other changes.
	ID string
}

// roomWatch tells of the rooms of a namespace over all loops. It exists only
// when somebody asks.
type roomWatch struct {
	nsp   *Namespace
	tell  []func(RoomEvent)
	mu    sync.Mutex
	count map[string]int // guarded by mu: members of each room
}

// watchRooms begins to tell of rooms, if anybody asks.
func (n *Namespace) watchRooms() {
	var tell []func(RoomEvent)
	if fn := n.srv.cfg.OnRoom; fn != nil {
		tell = append(tell, fn)
	}
	if n.link != nil {
		if o, ok := n.link.adapter.(RoomObserver); ok {
			tell = append(tell, o.OnRoom)
		}
	}
	if tell != nil {
		n.rooms = &roomWatch{nsp: n, tell: tell, count: make(map[string]int)}
	}
}

// join tells that s has entered the room. Loop only, one of several.
func (w *roomWatch) join(room string, s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count[room]++; w.count[room] == 1 {
		w.say(RoomEvent{w.nsp, RoomCreated, room, ""})
	}
	w.say(RoomEvent{w.nsp, RoomJoined, room, s.ID()})
}

// leave tells that s has left the room. Loop only, one of several.
func (w *roomWatch) leave(room string, s *Socket) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.say(RoomEvent{w.nsp, RoomLeft, room, s.ID()})
	if w.count[room]--; w.count[room] == 0 {
		delete(w.count, room)
		w.say(RoomEvent{w.nsp, RoomDeleted, room, ""})
	}
}

// say calls everybody who asked. w.mu held.
func (w *roomWatch) say(ev RoomEvent) {
	for _, fn := range w.tell {
		fn(ev)
	}
}
