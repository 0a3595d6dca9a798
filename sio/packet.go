package sio

// packetType is the first digit of a Socket.IO packet (protocol v5, "Packet
// encoding").
type packetType uint8

const (
	packetConnect packetType = iota
	packetDisconnect
	packetEvent
	packetAck
	packetConnectError
	packetBinaryEvent
	packetBinaryAck
	packetTypes // number of types
)

// noAck is the id of a packet that asks for no acknowledgement.
const noAck = -1

// maxAckID is the largest id a JavaScript client can count to (2^53).
const maxAckID = 1 << 53

// packet is a decoded Socket.IO packet. All slices are views into the text it
// was decoded from.
type packet struct {
	kind        packetType
	attachments int    // announced; 0 for packets without
	nsp         []byte // nil stands for "/"
	query       []byte // behind the namespace's name, in revision 4
	id          int64  // noAck when absent
	payload     []byte // JSON as received, nil when absent
	name        []byte // events: the unescaped name, or the digits of a number
	args        []byte // events and acks: the arguments without brackets and name

	parsed *parsedArgs // events and acks: instead of payload and args, with Config.Parser
}

// reserved reports whether the protocol keeps the event name for itself.
func reserved(name string) bool {
	switch name {
	case "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener":
		return true
	}
	return false
}
