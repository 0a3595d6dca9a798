package sio

// Parser replaces the encoding of Socket.IO packets, see [Config.Parser]. The
// clients must use its counterpart. Methods may be called from any goroutine.
type Parser interface {
	// Encode turns p into the Engine.IO messages that carry it, at least one;
	// they are sent together. A broadcast is encoded once.
	//
	// Ownership: p and all it holds is only read until Encode returns; the
	// result is the caller's.
	Encode(p *Packet) ([]Message, error)
	// NewDecoder returns a decoder for one connection. It is called with the
	// first message of the connection.
	NewDecoder(lim Limits) Decoder
}

// Decoder puts the messages of one connection together to packets. It is used
// by the loop of the connection only, and must not block.
type Decoder interface {
	// Decode takes the next message. It returns true when p is a whole packet,
	// false when more messages belong to it. An error ends the connection; its
	// text is that of a [*ProtocolError].
	//
	// Ownership: msg is only valid until Decode returns, and p must not refer
	// to it; p is empty, and the decoder must not keep it.
	Decode(p *Packet, msg []byte, binary bool) (done bool, err error)
}

// Limits is what a [Decoder] has to expect from honest clients. What comes out
// of it is checked against them as well.
type Limits struct {
	// MaxBytes bounds the messages of one packet together, in bytes:
	// [Config.MaxHTTPBufferSize].
	MaxBytes int64
	// MaxAttachments bounds the messages that follow the first of a packet:
	// [Config.MaxAttachments].
	MaxAttachments int
	// MaxDepth bounds the nesting of arrays and objects: [Config.MaxJSONDepth].
	MaxDepth int
}

// Message is one message of Engine.IO.
type Message struct {
	// Data is the message, without the type digit of Engine.IO.
	Data []byte
	// Binary tells bytes from text.
	Binary bool
}

// PacketType is the type of a Socket.IO packet. Whether a packet holds binary
// data makes no difference here.
type PacketType uint8

// Types of packets, with the numbers of the protocol.
const (
	// PacketConnect joins a namespace, or confirms that.
	PacketConnect PacketType = PacketType(packetConnect)
	// PacketDisconnect leaves a namespace. It has no payload.
	PacketDisconnect PacketType = PacketType(packetDisconnect)
	// PacketEvent is an event.
	PacketEvent PacketType = PacketType(packetEvent)
	// PacketAck acknowledges an event.
	PacketAck PacketType = PacketType(packetAck)
	// PacketConnectError refuses a PacketConnect.
	PacketConnectError PacketType = PacketType(packetConnectError)
)

// Packet is a Socket.IO packet in the form that a [Parser] sees. The values in
// it are those of encoding/json with []byte and time.Time added: nil, bool,
// float64, string, []byte, time.Time, []any and map[string]any; what is to be
// encoded may hold int64 and uint64 too.
type Packet struct {
	// Type is the type of the packet.
	Type PacketType
	// Namespace is the name of the namespace, "/" for the main one.
	Namespace string
	// ID is the id of the acknowledgement, when HasID is true.
	ID int64
	// HasID tells an id from none: in events that the sender wants to see
	// acknowledged, and in acknowledgements.
	HasID bool
	// Event is the name of a PacketEvent.
	Event string
	// Args are the arguments of a PacketEvent or a PacketAck.
	Args []any
	// Load, from a decoder, stands for Args that are decoded only when a
	// handler asks for them. It may be called several times, from any
	// goroutine; each result is the caller's. nil means that Args count.
	Load func() ([]any, error)
	// Data is the payload of a PacketConnect (a map[string]any, or nil) and of
	// a PacketConnectError (a map[string]any with message and data; any value
	// for clients that [Config.AllowEIO3] let in).
	Data any
}
