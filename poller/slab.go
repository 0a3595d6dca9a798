package poller

const (
	chunkBits = 8
	chunkSize = 1 << chunkBits
)

// slab holds the connections of one loop in chunks: the collector sees one
// object for 256 connections, and a slot number finds its connection by two
// loads. Chunks are never given back, so that a stale *Conn points at a
// connection, if another one's, and not at freed memory.
type slab struct {
	chunks []*[chunkSize]Conn
	free   []uint32
	live   int
}

// get returns an unused connection.
func (s *slab) get(l *Loop) *Conn {
	if len(s.free) == 0 {
		s.grow(l)
	}
	slot := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.live++
	return s.at(slot)
}

// grow adds a chunk. Its lowest slot is handed out first.
func (s *slab) grow(l *Loop) {
	chunk := new([chunkSize]Conn)
	base := uint32(len(s.chunks)) << chunkBits
	s.chunks = append(s.chunks, chunk)
	for i := chunkSize - 1; i >= 0; i-- {
		c := &chunk[i]
		c.loop, c.slot, c.gen, c.fd = l, base+uint32(i), 1, -1
		s.free = append(s.free, c.slot)
	}
}

// put takes back a closed connection. Its generation changes, so that events
// which are still on their way miss it.
func (s *slab) put(c *Conn) {
	gen := c.gen + 1
	if gen == 0 {
		gen = 1 // 0 is no generation
	}
	*c = Conn{loop: c.loop, slot: c.slot, gen: gen, fd: -1}
	s.free = append(s.free, c.slot)
	s.live--
}

// at returns the connection of a slot.
func (s *slab) at(slot uint32) *Conn {
	return &s.chunks[slot>>chunkBits][slot&(chunkSize-1)]
}

// find returns the connection of an event's key, nil if it is gone.
func (s *slab) find(key uint64) *Conn {
	slot := uint32(key)
	if int(slot>>chunkBits) >= len(s.chunks) {
		return nil
	}
	c := s.at(slot)
	if c.gen != uint32(key>>32) || c.fd < 0 {
		return nil
	}
	return c
}

// each calls f for every open connection.
func (s *slab) each(f func(c *Conn)) {
	for _, chunk := range s.chunks {
		for i := range chunk {
			if chunk[i].fd >= 0 {
				f(&chunk[i])
			}
		}
	}
}
