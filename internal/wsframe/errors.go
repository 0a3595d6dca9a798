package wsframe

// Close codes that this package answers with (RFC 6455 section 7.4.1).
const (
	CodeNormal          = 1000
	CodeGoingAway       = 1001
	CodeProtocolError   = 1002
	CodeNoStatus        = 1005 // never on the wire: a close frame without a code
	CodeAbnormal        = 1006 // never on the wire: the connection broke
	CodeInvalidPayload  = 1007
	CodePolicyViolation = 1008
	CodeTooBig          = 1009
)

// Error is a violation of the protocol or of a limit. Code is the close code
// to answer with, Reason the text for the close frame. The errors of this
// package are the variables below: compare with errors.Is, or take the code
// with errors.As.
type Error struct {
	Code   int
	Reason string
}

// Error returns the reason, prefixed by "websocket: ".
func (e *Error) Error() string { return "websocket: " + e.Reason }

// Violations of the framing (RFC 6455 section 5). All but the named ones carry
// code 1002.
var (
	ErrReservedBits      = &Error{CodeProtocolError, "reserved bit set"}
	ErrReservedOpcode    = &Error{CodeProtocolError, "reserved opcode"}
	ErrFragmentedControl = &Error{CodeProtocolError, "fragmented control frame"}
	ErrControlTooLong    = &Error{CodeProtocolError, "control frame over 125 bytes"}
	ErrNotMasked         = &Error{CodeProtocolError, "frame from client not masked"}
	ErrMasked            = &Error{CodeProtocolError, "frame from server masked"}
	ErrLengthForm        = &Error{CodeProtocolError, "length not in its shortest form"}
	ErrLengthSign        = &Error{CodeProtocolError, "length over 63 bits"}
	ErrOrphan            = &Error{CodeProtocolError, "continuation of no message"}
	ErrInterleaved       = &Error{CodeProtocolError, "new message inside a fragmented one"}
	ErrCloseLength       = &Error{CodeProtocolError, "close payload of one byte"}
	ErrCloseCode         = &Error{CodeProtocolError, "invalid close code"}

	// ErrUTF8 (1007) is text that is not UTF-8.
	ErrUTF8 = &Error{CodeInvalidPayload, "invalid UTF-8"}
	// ErrTooLarge (1009) is a message over the limit in bytes.
	ErrTooLarge = &Error{CodeTooBig, "message too big"}
	// ErrTooManyFragments (1008) is a message of more frames than allowed.
	ErrTooManyFragments = &Error{CodePolicyViolation, "too many fragments"}
)
