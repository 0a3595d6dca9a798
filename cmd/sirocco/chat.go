package main

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/sirocco-io/sirocco/sio"
)

// What the chat lets its users do. Everything that a client can make grow has an end.
const (
	maxName    = 24      // characters of a name, of a person or a room
	maxText    = 2_000   // characters of a message
	maxImage   = 950_000 // bytes
	maxRooms   = 200
	maxHistory = 50 // messages that a newcomer is shown
)

// The events, and what they carry. The names of the fields are the page's.
type (
	joinRequest struct {
		Name string `json:"name"`
		Room string `json:"room"`
	}
	joinReply struct {
		Error   string     `json:"error,omitempty"`
		You     person     `json:"you"`
		Room    string     `json:"room"`
		Members []person   `json:"members"`
		Rooms   []roomInfo `json:"rooms"`
		History []message  `json:"history"`
	}
	person struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	roomInfo struct {
		Name  string `json:"name"`
		Count int    `json:"count"`
	}
	textRequest struct {
		Text string `json:"text"`
	}
	message struct {
		ID   string `json:"id"`
		From person `json:"from"`
		Text string `json:"text"`
		At   int64  `json:"at"` // milliseconds since 1970
	}
	imageInfo struct {
		ID   string `json:"id"`
		From person `json:"from"`
		Name string `json:"name"`
		Type string `json:"type"`
		At   int64  `json:"at"`
	}
	receipt struct {
		Error string `json:"error,omitempty"`
		ID    string `json:"id,omitempty"`
		At    int64  `json:"at,omitempty"`
	}
	presence struct {
		Room    string   `json:"room"`
		Members []person `json:"members"`
		Joined  *person  `json:"joined,omitempty"`
		Left    *person  `json:"left,omitempty"`
	}
)

// chat is the application: rooms with the people in them.
type chat struct {
	io *sio.Server

	mu    sync.Mutex
	rooms map[string]*room // guarded by mu
	next  int64            // number of the next message; guarded by mu
}

// room is guarded by chat.mu.
type room struct {
	permanent bool // stays when everybody has left
	members   []person
	history   []message
}

// seat is what a socket carries: who it is, and where. Handlers of one socket run one after the other,
// so they read it without a lock.
type seat struct {
	person
	room string
}

func newChat(io *sio.Server) *chat {
	c := &chat{io: io, rooms: map[string]*room{}, next: time.Now().UnixMilli()}
	for _, name := range []string{"lobby", "dunes", "oasis"} {
		c.rooms[name] = newRoom(true)
	}
	return c
}

func newRoom(permanent bool) *room {
	return &room{permanent: permanent, history: []message{}} // not nil: the page gets a list, not null
}

// channel is the room on the server that carries a room of the chat. Each socket is also alone in a
// room named for its id: the prefix keeps people from choosing that name.
func channel(room string) string { return "chat:" + room }

// register hangs the handlers on the server: once for all sockets, none is kept for each.
func (c *chat) register() {
	sio.OnAck(c.io, "join", c.onJoin)
	sio.OnAck(c.io, "message", c.onMessage)
	sio.OnAck2(c.io, "image", c.onImage)
	c.io.On("typing", c.onTyping)
	c.io.OnDisconnect(c.onDisconnect)
}

// onJoin lets a socket in, or moves it from the room where it is. The result is the acknowledgement.
func (c *chat) onJoin(s *sio.Socket, r joinRequest) (joinReply, error) {
	me := seat{person: person{ID: s.ID(), Name: clean(r.Name)}, room: strings.ToLower(clean(r.Room))}
	if me.Name == "" || me.room == "" {
		return joinReply{Error: "A name and a room are needed."}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rooms[me.room] == nil && len(c.rooms) >= maxRooms {
		return joinReply{Error: "There are too many rooms."}, nil
	}
	c.leave(s)
	if err := s.Join(channel(me.room)); err != nil {
		return joinReply{}, err
	}
	s.SetData(me)
	return c.enter(s, me), nil
}

// enter adds somebody to a room, and tells the others. Sending only queues, so it may happen under the
// lock, and then all see the same order of comings and goings. c.mu held.
func (c *chat) enter(s *sio.Socket, me seat) joinReply {
	r := c.rooms[me.room]
	if r == nil {
		r = newRoom(false)
		c.rooms[me.room] = r
	}
	r.members = append(r.members, me.person)
	list := c.list()
	s.To(channel(me.room)).Emit("presence", presence{Room: me.room, Members: r.members, Joined: &me.person})
	s.Broadcast().Emit("rooms", list)
	return joinReply{You: me.person, Room: me.room, Members: r.members, Rooms: list, History: r.history}
}

// leave takes the socket out of its room, if it is in one. c.mu held.
func (c *chat) leave(s *sio.Socket) {
	me, ok := s.Data().(seat)
	if !ok {
		return
	}
	s.SetData(nil)
	s.Leave(channel(me.room))
	r := c.rooms[me.room]
	r.members = slices.DeleteFunc(slices.Clone(r.members), func(p person) bool { return p.ID == me.ID })
	if len(r.members) == 0 && !r.permanent {
		delete(c.rooms, me.room)
	}
	c.io.To(channel(me.room)).Emit("presence", presence{Room: me.room, Members: r.members, Left: &me.person})
	c.io.Emit("rooms", c.list())
}

// onDisconnect is called once for each socket that was connected, whatever ended it.
func (c *chat) onDisconnect(s *sio.Socket, _ sio.Reason, _ error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(s)
}

// onMessage passes a text on to everybody else in the room.
func (c *chat) onMessage(s *sio.Socket, r textRequest) (receipt, error) {
	me, ok := s.Data().(seat)
	text := strings.TrimSpace(r.Text)
	switch {
	case !ok:
		return receipt{Error: "you are in no room"}, nil
	case text == "" || utf8.RuneCountInString(text) > maxText:
		return receipt{Error: "too short or too long"}, nil
	}
	m := message{From: me.person, Text: text, At: time.Now().UnixMilli()}
	c.mu.Lock()
	defer c.mu.Unlock()
	m.ID = c.id()
	room := c.rooms[me.room]
	if len(room.history) == maxHistory {
		room.history = slices.Clone(room.history[1:])
	}
	room.history = append(room.history, m)
	return receipt{ID: m.ID, At: m.At}, s.To(channel(me.room)).Emit("message", m)
}

// onImage passes a picture on. Its bytes are an attachment of the event, never text.
func (c *chat) onImage(s *sio.Socket, info imageInfo, picture []byte) (receipt, error) {
	me, ok := s.Data().(seat)
	switch {
	case !ok:
		return receipt{Error: "you are in no room"}, nil
	case len(picture) == 0 || len(picture) > maxImage:
		return receipt{Error: "too large"}, nil
	case !strings.HasPrefix(info.Type, "image/"):
		return receipt{Error: "not an image"}, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	info = imageInfo{ID: c.id(), From: me.person, Name: clean(info.Name), Type: info.Type, At: time.Now().UnixMilli()}
	return receipt{ID: info.ID, At: info.At}, s.To(channel(me.room)).Emit("image", info, picture)
}

// onTyping tells the room; whoever cannot take it right now does not need it later.
func (c *chat) onTyping(s *sio.Socket, _ []any, _ sio.Ack) {
	if me, ok := s.Data().(seat); ok {
		s.To(channel(me.room)).Volatile().Emit("typing", me.person)
	}
}

// occupied returns how many rooms have somebody in them.
func (c *chat) occupied() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, r := range c.rooms {
		if len(r.members) > 0 {
			n++
		}
	}
	return n
}

// id returns a number no message had before, also not before a restart. c.mu held.
func (c *chat) id() string {
	c.next++
	return strconv.FormatInt(c.next, 36)
}

// list returns the rooms by name, the permanent ones first. c.mu held.
func (c *chat) list() []roomInfo {
	names := make([]string, 0, len(c.rooms))
	for name := range c.rooms {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c.rooms[a].permanent != c.rooms[b].permanent {
			if c.rooms[a].permanent {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	list := make([]roomInfo, len(names))
	for i, name := range names {
		list[i] = roomInfo{Name: name, Count: len(c.rooms[name].members)}
	}
	return list
}

// clean shortens what a person typed to one line of at most maxName characters.
func clean(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > maxName {
		s = string(r[:maxName])
	}
	return s
}
