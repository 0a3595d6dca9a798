package eio

// Reason says why a session ended, in the reference server's words.
type Reason uint8

// The reasons.
const (
	// TransportClose: the client closed its connection, or said so.
	TransportClose Reason = iota + 1
	// TransportError: the client broke the rules of a transport, or a
	// connection broke in the middle of a request. err says how.
	TransportError
	// PingTimeout: no pong came in time.
	PingTimeout
	// ParseError: the client sent what is no Engine.IO packet.
	ParseError
	// ForcedClose: the server closed the session.
	ForcedClose
)

// reasonCount is the number of values, the unused zero included.
const reasonCount = int(ForcedClose) + 1

var reasonText = [reasonCount]string{
	"", "transport close", "transport error", "ping timeout", "parse error", "forced close",
}

// String returns the reference server's words for the reason.
func (r Reason) String() string {
	if int(r) >= reasonCount {
		return "unknown reason"
	}
	return reasonText[r]
}
