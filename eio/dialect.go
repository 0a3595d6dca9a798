package eio

// dialect is what differs between revisions of the protocol: how packets are
// written, and who pings. The machine of a session is the same for all.
type dialect struct {
	protocol int
	// decode decodes one message of a WebSocket. Ownership: as decodePacket.
	decode func(b []byte, binary bool) packet
	// next decodes the first packet of a payload. Ownership: as nextPacket.
	next func(payload []byte) (p packet, rest []byte, more bool)

	start   func(s *Session)               // the session opened
	ping    func(s *Session)               // a ping came
	pong    func(s *Session)               // a pong came
	packet  func(s *Session, p packetType) // any packet came, before the two above
	expired func(s *Session)               // the timer, armed by one of these, fired
}

// revision4 is Engine.IO 4: the server pings.
var revision4 = &dialect{
	protocol: 4,
	decode:   decodePacket,
	next:     nextPacket,
	start:    (*Session).schedulePing,
	ping:     (*Session).refusePing,
	pong:     (*Session).gotPong,
	packet:   (*Session).extendPong,
	expired:  (*Session).heartbeatDue,
}
