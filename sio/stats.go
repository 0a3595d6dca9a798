package sio

import (
	"runtime/metrics"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

// Stats is a snapshot of a server's counters. Totals count from the start and
// never fall. The caller owns the maps. Counters of one loop are consistent
// with each other to within a few milliseconds.
type Stats struct {
	// Connections are the Engine.IO sessions that are open.
	Connections int
	// ConnectionsByTransport are the same by the transport they use now,
	// "polling" and "websocket"; a transport that nobody uses may be missing.
	ConnectionsByTransport map[string]int
	// Sockets are the sockets that are connected, over all namespaces.
	Sockets int
	// SocketsByNamespace are the same by the name of their namespace. The
	// children of a parent (see [Server.OfPattern]) count together, under the
	// name of the parent: clients do not choose the keys.
	SocketsByNamespace map[string]int
	// Namespaces are those that exist, made with Of or for a client.
	Namespaces int
	// Rooms are those with members, not counting the sockets' own. A room
	// counts once for each loop that has members of it.
	Rooms int
	// Paused are the connections that are not read from because their events
	// wait for handlers.
	Paused int
	// Workers are the goroutines that run handlers at the moment.
	Workers int
	// MemoryPerConnection estimates the bytes that one connection costs: what
	// the Go runtime took from the system since NewServer, shared out among
	// Connections. It contains all that the application keeps, so it says
	// little while there are few. 0 without connections.
	MemoryPerConnection int64

	// Handshakes is the total of Engine.IO sessions, Upgrades of those that
	// went from polling to another transport.
	Handshakes, Upgrades uint64
	// HandshakesRefused are the refused requests, by the code of the answer
	// (reference: Server.errors): 0 unknown transport, 1 unknown session id,
	// 2 bad method, 3 bad request, 4 forbidden, 5 unsupported protocol.
	HandshakesRefused map[int]uint64
	// ConnectionsRefused are the TCP connections closed at once, by limit.
	ConnectionsRefused poller.Refused
	// Disconnects are the sockets that ended, by reason.
	Disconnects map[Reason]uint64
	// SlowConsumers are the connections closed because more than their limit
	// was queued for them (poller.OverflowDisconnect).
	SlowConsumers uint64
	// Limits counts how often each limit refused something, by its name: a
	// field of Config, without Max in front where it has that.
	Limits map[string]uint64

	// EventsIn is the total of events received.
	EventsIn uint64
	// AcksIn is the total of acknowledgements received.
	AcksIn uint64
	// AckRoundTrip are the times from sending an event to its acknowledgement.
	AckRoundTrip Histogram
	// Broadcasts is the total of broadcasts, counted on each loop they reach.
	Broadcasts uint64
	// Deliveries is the total of events handed to a socket: a broadcast
	// counts once for each receiver.
	Deliveries uint64
	// Drops are the events that clients were too slow for, by reason: a
	// broadcast counts once for each receiver.
	Drops map[DropReason]uint64
	// Violations is the total of connections closed because the client broke
	// the protocol.
	Violations uint64
	// Panics is the total of handlers that panicked.
	Panics uint64

	// Recovered is the total of sockets that clients got back after a lost
	// connection, NotRecovered of those that they asked for in vain.
	Recovered, NotRecovered uint64
	// RecoverySessions are the sessions that are kept for clients to return;
	// RecoveryPackets and RecoveryBytes is what is kept of events for them.
	RecoverySessions, RecoveryPackets int
	RecoveryBytes                     int64
	// RecoveryDropped is the total of events that went before their time
	// because of [Recovery.MaxPackets] or [Recovery.MaxBytes].
	RecoveryDropped uint64

	// BytesIn and BytesOut are the totals of bytes read from and taken by the
	// kernel, with everything that HTTP and WebSocket add.
	BytesIn, BytesOut uint64
	// LoopLag is the longest that something which was ready had to wait for
	// its loop, of all loops, in the last 5 to 10 seconds; LoopLagMean the
	// mean of the last turns of the slowest loop.
	LoopLag, LoopLagMean time.Duration
}

// Stats returns a snapshot. It takes no lock that a loop waits for and may be
// called often; it costs a look at each loop and each namespace, not at each
// socket.
func (srv *Server) Stats() Stats {
	namespaces := srv.dir.all()
	st := Stats{
		ConnectionsByTransport: make(map[string]int),
		SocketsByNamespace:     make(map[string]int),
		Namespaces:             len(namespaces),
		Disconnects:            make(map[Reason]uint64),
		Drops:                  make(map[DropReason]uint64),
		Limits:                 make(map[string]uint64),
		AckRoundTrip:           newHistogram(),
	}
	for _, n := range namespaces {
		name := n.name
		if n.parent != nil {
			name = n.parent.name
		}
		st.SocketsByNamespace[name] += n.count()
	}
	for _, ls := range *srv.loops.Load() {
		if ls != nil {
			ls.counters.addTo(&st)
			st.Workers += int(ls.work.workers.Load())
		}
	}
	for i := range srv.limited {
		if n := srv.limited[i].Load(); n > 0 {
			st.Limits[limitNames[i]] = n
		}
	}
	srv.recovery.addTo(&st)
	st.addEngine(srv.engine.Stats())
	if st.Connections > 0 {
		st.MemoryPerConnection = max(0, heldMemory()-srv.baseline) / int64(st.Connections)
	}
	return st
}

// addTo adds the counters of one loop.
func (c *counters) addTo(st *Stats) {
	st.Connections += int(c.connections.Load())
	st.Sockets += int(c.sockets.Load())
	st.Rooms += int(c.rooms.Load())
	st.Paused += int(c.paused.Load())
	st.EventsIn += c.eventsIn.Load()
	st.AcksIn += c.acksIn.Load()
	st.Broadcasts += c.broadcasts.Load()
	st.Deliveries += c.deliveries.Load()
	st.addDrops(DropVolatile, c.dropped.Load())
	st.Violations += c.violations.Load()
	st.Panics += c.panics.Load()
	c.ackTimes.addTo(&st.AckRoundTrip)
	for i := range c.disconnects {
		if n := c.disconnects[i].Load(); n > 0 {
			st.Disconnects[reasons[i]] += n
		}
	}
}

// addTo fills in what is counted of recoveries.
func (c *recoveryCounters) addTo(st *Stats) {
	st.Recovered, st.NotRecovered, st.RecoveryDropped = c.recovered.Load(), c.refused.Load(), c.dropped.Load()
	st.RecoverySessions, st.RecoveryPackets = int(c.sessions.Load()), int(c.packets.Load())
	st.RecoveryBytes = c.bytes.Load()
}

// addEngine fills in what the layers below count.
func (st *Stats) addEngine(e eio.Stats) {
	if e.Polling > 0 {
		st.ConnectionsByTransport["polling"] = e.Polling
	}
	if e.WebSocket > 0 {
		st.ConnectionsByTransport["websocket"] = e.WebSocket
	}
	st.Handshakes, st.Upgrades = e.Handshakes, e.Upgrades
	st.HandshakesRefused = e.Refused
	st.ConnectionsRefused = e.Poller.Refused
	st.SlowConsumers = e.Overflows
	if e.Overloaded > 0 {
		st.Limits["PendingHandshakes"] = e.Overloaded
	}
	st.addDrops(DropNewest, e.DroppedNewest)
	st.addDrops(DropOldest, e.DroppedOldest)
	st.addDrops(DropReplaced, e.Replaced)
	st.BytesIn, st.BytesOut = e.Poller.BytesIn, e.Poller.BytesOut
	st.LoopLag, st.LoopLagMean = e.Poller.LoopLagMax, e.Poller.LoopLagMean
}

func (st *Stats) addDrops(why DropReason, n uint64) {
	if n > 0 {
		st.Drops[why] += n
	}
}

// count returns the connected sockets of n.
func (n *Namespace) count() (total int) {
	for _, nl := range *n.loops.Load() {
		if nl != nil {
			total += int(nl.count.Load())
		}
	}
	return total
}

// heldMemory returns the bytes that the runtime has from the system and did
// not give back. It does not stop the world.
func heldMemory() int64 {
	s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(s)
	return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
}

// limit is a limit that refused something; its name is in limitNames.
type limit uint8

const (
	limitNamespaces limit = iota
	limitDynamic
	limitRooms
	limitAcks
	limitConnectTimeout
	limitAttachments
	limitPacket
	limitRate
	limitCount
)

var limitNames = [limitCount]string{
	"Namespaces", "DynamicNamespaces", "Rooms", "PendingAcks", "ConnectTimeout", "Attachments", "HTTPBufferSize", "RateLimit",
}

// hit counts that a limit refused something. Any goroutine: it is rare.
func (srv *Server) hit(l limit) { srv.limited[l].Add(1) }

// hitBy counts a violation that was one of a limit.
func (srv *Server) hitBy(err *ProtocolError) {
	switch err {
	case errTooManyAttached:
		srv.hit(limitAttachments)
	case errPacketTooLarge:
		srv.hit(limitPacket)
	}
}

// reasons are the reasons that are counted; others, of packages that build on
// this one, count as the last.
var reasons = [...]Reason{
	ReasonTransportError, ReasonTransportClose, ReasonPingTimeout, ReasonParseError, ReasonForcedClose,
	ReasonForcedServerClose, ReasonServerShuttingDown, ReasonClientDisconnect, ReasonServerDisconnect, "other",
}

// disconnected counts the end of a socket.
func (c *counters) disconnected(r Reason) {
	for i, known := range reasons {
		if r == known || i == len(reasons)-1 {
			c.disconnects[i].Add(1)
			return
		}
	}
}
