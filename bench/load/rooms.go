package load

import (
	"context"
	"fmt"
	"slices"
)

// prepareRooms puts client i of the run into rooms i*each, i*each+1, ... so
// that all rooms are of nearly one size. Stream k is room k, sent by its first
// member.
func (l *castLoad) prepareRooms(ctx context.Context) error {
	cfg := &l.f.cfg
	l.spread, l.members = true, l.f.clients
	l.msg = newMessage(l.f.dialect.words("room", roomName(0)), cfg.Payload)
	sizes := cfg.roomSizes()
	l.streams = make([]stream, len(sizes[0]))
	l.audience = func(room int) int { return int(sizes[cfg.Part][room]) }
	l.parts = func(room int) (n int) {
		for _, of := range sizes {
			if of[room] > 0 {
				n++
			}
		}
		return n
	}
	return l.f.fenceAll(ctx, l.members, func(c *client) {
		whole := cfg.whole(int(c.index))
		for _, room := range cfg.roomsOf(whole) {
			c.rooms = append(c.rooms, uint32(room))
			if cfg.sender(room) == whole {
				s := &l.streams[room]
				s.from, s.msg = c, newMessage(l.f.dialect.words("room", roomName(room)), cfg.Payload)
				l.mine = append(l.mine, room)
			}
			l.f.dialect.join(c, roomName(room))
		}
		c.last = make([]uint32, len(c.rooms))
	})
}

func roomName(room int) string { return fmt.Sprintf("r%05d", room) }

// roomsOf returns the rooms of client i of the run, each once.
func (c *Config) roomsOf(i int) []int {
	out := make([]int, 0, c.RoomsEach)
	for j := range c.RoomsEach {
		if room := (i*c.RoomsEach + j) % c.Rooms; !slices.Contains(out, room) {
			out = append(out, room)
		}
	}
	return out
}

// roomSizes counts, for each process, its members of each room that has any.
func (c *Config) roomSizes() [][]uint32 {
	sizes := make([][]uint32, c.Procs)
	for k := range sizes {
		sizes[k] = make([]uint32, min(c.Rooms, c.Clients*c.RoomsEach))
	}
	for i := range c.Clients {
		for _, room := range c.roomsOf(i) {
			sizes[i%c.Procs][room]++
		}
	}
	return sizes
}
