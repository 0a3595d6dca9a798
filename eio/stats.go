package eio

import (
	"github.com/sirocco-io/sirocco/poller"
)

// Stats are counters since the start, and the sessions of the moment.
type Stats struct {
	// Polling, WebSocket and WebTransport are the sessions that use the
	// transport now.
	Polling, WebSocket, WebTransport int
	// Handshakes are the sessions that there have been; Upgrades how many of
	// them changed their transport.
	Handshakes, Upgrades uint64
	// PacketsIn and PacketsOut count all packets, those that only keep a
	// session alive included.
	PacketsIn, PacketsOut uint64
	// MessagesIn and MessagesOut count messages.
	MessagesIn, MessagesOut uint64
	// BytesIn and BytesOut are the bytes of messages, without what HTTP and
	// the kernel add.
	BytesIn, BytesOut uint64
	// DroppedNewest and DroppedOldest are the messages, with what belongs to
	// them, that the policies at the limit dropped; Replaced those that a
	// later one of the same key made void.
	DroppedNewest, DroppedOldest, Replaced uint64
	// Deflated are the messages that were compressed for WebSockets, those to
	// several sessions once; Inflated those that came compressed.
	Deflated, Inflated uint64
	// Overflows are sessions closed because more than the limit was buffered
	// for them, on any transport.
	Overflows uint64
	// Closes are the sessions that ended, by reason.
	Closes map[Reason]uint64
	// Refused are the requests that were refused, by the code of the answer.
	Refused map[int]uint64
	// Overloaded are handshakes above Config.MaxPendingHandshakes.
	Overloaded uint64
	// Poller are the counters of the reactor, which may serve others too.
	Poller poller.Stats
}

// Stats returns the counters.
func (srv *Server) Stats() Stats {
	st := Stats{Closes: make(map[Reason]uint64), Refused: make(map[int]uint64)}
	srv.mu.Lock()
	p := srv.poller
	srv.mu.Unlock()
	if p == nil {
		return st
	}
	for _, sh := range srv.shards {
		sh.count.addTo(&st)
	}
	st.Poller = p.Stats()
	if srv.deflate != nil {
		st.Deflated, st.Inflated = srv.deflate.Counts()
	}
	st.Overflows += st.Poller.Overflows
	st.DroppedOldest += st.Poller.Oldest
	st.Replaced += st.Poller.Replaced
	return st
}

func (c *counters) addTo(st *Stats) {
	st.Polling += int(c.sessions[polling].Load())
	st.WebSocket += int(c.sessions[websocket].Load())
	st.WebTransport += int(c.sessions[webtransport].Load())
	st.Handshakes += c.handshakes.Load()
	st.Upgrades += c.upgrades.Load()
	st.PacketsIn += c.packetsIn.Load()
	st.PacketsOut += c.packetsOut.Load()
	st.MessagesIn += c.messagesIn.Load()
	st.MessagesOut += c.messagesOut.Load()
	st.BytesIn += c.bytesIn.Load()
	st.BytesOut += c.bytesOut.Load()
	st.DroppedNewest += c.newest.Load()
	st.DroppedOldest += c.oldest.Load()
	st.Replaced += c.replaced.Load()
	st.Overflows += c.overflows.Load()
	st.Overloaded += c.overloaded.Load()
	for r := range c.closes {
		if n := c.closes[r].Load(); n > 0 {
			st.Closes[Reason(r)] += n
		}
	}
	for code := range c.refused {
		if n := c.refused[code].Load(); n > 0 {
			st.Refused[code] += n
		}
	}
}
