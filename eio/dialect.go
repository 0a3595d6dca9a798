package eio

import (
	"time"

	"github.com/sirocco-io/sirocco/internal/web"
)

// dialect is what differs between revisions of the protocol: how packets are
// written, and who pings. The machine of a session is the same for all.
type dialect struct {
	protocol int
	// decode decodes one message of a WebSocket. Ownership: as decodePacket.
	decode func(b []byte, binary bool) packet
	// next decodes the first packet of a payload. Ownership: as nextPacket.
	next func(payload []byte) (p packet, rest []byte, more bool)
	// octets does so for a payload that is not text; nil means that there are
	// none.
	octets func(payload []byte) (p packet, rest []byte, more bool)
	// payload appends packets as the answer to a GET, and reports whether
	// that is text. base64 tells that it has to be. Ownership: the frames
	// are only read; the result is the caller's.
	payload func(dst []byte, packets []queued, base64 bool) (body []byte, text bool)
	// over makes a WebSocket a transport. base64 as above, for its messages.
	over func(c *web.WSConn, base64 bool) transport

	// patience is how long the client may let the server wait for its part of
	// the heartbeat.
	patience func(c *Config) time.Duration
	start    func(s *Session)               // the session opened
	ping     func(s *Session)               // a ping came
	pong     func(s *Session)               // a pong came
	packet   func(s *Session, p packetType) // any packet came, before the two above
	expired  func(s *Session)               // the timer, armed by one of these, fired
}

// revision4 is Engine.IO 4: the server pings.
var revision4 = &dialect{
	protocol: 4,
	decode:   decodePacket,
	next:     nextPacket,
	payload:  encodePayload,
	over:     overWebSocket,
	patience: func(c *Config) time.Duration { return c.PingTimeout },
	start:    (*Session).schedulePing,
	ping:     (*Session).refuseBeat,
	pong:     (*Session).gotPong,
	packet:   (*Session).extendPong,
	expired:  (*Session).heartbeatDue,
}

// revision3 is Engine.IO 3: the client pings.
var revision3 = &dialect{
	protocol: 3,
	decode:   decodePacket3,
	next:     nextPacket3,
	octets:   nextOctets3,
	payload:  encodePayload3,
	over:     overWebSocket3,
	patience: func(c *Config) time.Duration { return c.PingInterval + c.PingTimeout },
	start:    (*Session).awaitPing,
	ping:     (*Session).gotPing,
	pong:     (*Session).refuseBeat,
	packet:   func(*Session, packetType) {},
	expired:  (*Session).heartbeatDue,
}

// speaks returns the revision that a client asked for, or nil.
func (c *Config) speaks(protocol int) *dialect {
	switch {
	case protocol == revision4.protocol:
		return revision4
	case c.AllowEIO3:
		return revision3
	}
	return nil
}
