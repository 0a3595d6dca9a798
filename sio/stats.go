package sio

import "time"

// Stats is a snapshot of a server's counters. Totals count from the start.
type Stats struct {
	// Connections are the Engine.IO sessions that are open.
	Connections int
	// Sockets are the sockets that are connected, over all namespaces.
	Sockets int
	// Namespaces are those that were made with Of.
	Namespaces int
	// Rooms are those with members, not counting the sockets' own. A room
	// counts once for each loop that has members of it.
	Rooms int
	// Paused are the connections that are not read from because their events
	// wait for handlers.
	Paused int
	// Workers are the goroutines that run handlers at the moment.
	Workers int

	// EventsIn is the total of events received.
	EventsIn uint64
	// AcksIn is the total of acknowledgements received.
	AcksIn uint64
	// Broadcasts is the total of broadcasts, counted on each loop they reach.
	Broadcasts uint64
	// Deliveries is the total of events handed to a socket: a broadcast
	// counts once for each receiver.
	Deliveries uint64
	// Dropped is the total of volatile events that were not sent.
	Dropped uint64
	// Violations is the total of connections closed because the client broke
	// the protocol.
	Violations uint64
	// Panics is the total of handlers that panicked.
	Panics uint64
	// BytesIn and BytesOut are the totals of bytes read from and written to
	// connections.
	BytesIn, BytesOut uint64
	// LoopLag is the longest turn of any loop in the recent past.
	LoopLag time.Duration
}

// Stats returns a snapshot. It takes no lock that a loop waits for long for,
// and may be called often.
func (srv *Server) Stats() Stats {
	st := Stats{Namespaces: len(*srv.namespaces.Load())}
	for _, ls := range *srv.loops.Load() {
		if ls == nil {
			continue
		}
		c := &ls.counters
		st.Connections += int(c.connections.Load())
		st.Sockets += int(c.sockets.Load())
		st.Rooms += int(c.rooms.Load())
		st.Paused += int(c.paused.Load())
		st.EventsIn += c.eventsIn.Load()
		st.AcksIn += c.acksIn.Load()
		st.Broadcasts += c.broadcasts.Load()
		st.Deliveries += c.deliveries.Load()
		st.Dropped += c.dropped.Load()
		st.Violations += c.violations.Load()
		st.Panics += c.panics.Load()
		ls.work.mu.Lock()
		st.Workers += ls.work.workers
		ls.work.mu.Unlock()
	}
	return st
}
