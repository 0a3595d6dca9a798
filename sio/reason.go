package sio

// Reason says why a socket was disconnected, in the words of the reference.
type Reason string

// Reasons a [Socket] can be disconnected for.
const (
	// ReasonTransportError: the connection failed: protocol error, oversize
	// message, reset.
	ReasonTransportError Reason = "transport error"
	// ReasonTransportClose: the peer closed the connection.
	ReasonTransportClose Reason = "transport close"
	// ReasonPingTimeout: the client did not answer a ping in time.
	ReasonPingTimeout Reason = "ping timeout"
	// ReasonParseError: an Engine.IO packet could not be decoded.
	ReasonParseError Reason = "parse error"
	// ReasonForcedClose: the server closed the connection, for example after
	// a malformed Socket.IO packet.
	ReasonForcedClose Reason = "forced close"
	// ReasonForcedServerClose: as ReasonForcedClose, when the connection
	// could not be closed at once.
	ReasonForcedServerClose Reason = "forced server close"
	// ReasonServerShuttingDown: [Server.Close] or [Server.Shutdown].
	ReasonServerShuttingDown Reason = "server shutting down"
	// ReasonClientDisconnect: the client left the namespace.
	ReasonClientDisconnect Reason = "client namespace disconnect"
	// ReasonServerDisconnect: [Socket.Disconnect].
	ReasonServerDisconnect Reason = "server namespace disconnect"
)
