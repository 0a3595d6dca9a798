package sio

import (
	"errors"
	"fmt"

	"github.com/sirocco-io/sirocco/poller"
)

// Errors that calls of this package return. Match them with errors.Is.
var (
	// ErrDisconnected is returned when the socket is not connected (any more),
	// and by calls that wait for an acknowledgement when the socket goes away.
	ErrDisconnected = errors.New("sio: socket is disconnected")
	// ErrAckTimeout is returned when an acknowledgement did not come in time.
	ErrAckTimeout = errors.New("sio: operation has timed out")
	// ErrReservedEvent is returned for event names that the protocol keeps
	// for itself, such as "connect" and "disconnect".
	ErrReservedEvent = errors.New("sio: reserved event name")
	// ErrTooManyAcks is returned when [Config.MaxPendingAcks] acknowledgements
	// of a socket are awaited already.
	ErrTooManyAcks = errors.New("sio: too many pending acknowledgements")
	// ErrTooManyRooms is returned by Join above [Config.MaxRooms].
	ErrTooManyRooms = errors.New("sio: too many rooms")
	// ErrServerClosed is returned after Close or Shutdown.
	ErrServerClosed = errors.New("sio: server closed")
	// ErrDropped is reported when an event was dropped because the client does
	// not read fast enough, see [Emitter.Report] and [Emitter.EmitContext].
	ErrDropped = errors.New("sio: event was dropped")
	// ErrSlowConsumer is what a socket is disconnected with when more than the
	// limit was queued for its client. It is poller.ErrOverflow.
	ErrSlowConsumer = poller.ErrOverflow
	// ErrRateLimited is what a socket is disconnected with that sent more than
	// [Config.RateLimit] allows.
	ErrRateLimited = errors.New("sio: rate limit exceeded")
	// ErrOnLoop is returned by calls that wait when they are made on a loop,
	// which would wait for itself.
	ErrOnLoop = errors.New("sio: a loop cannot wait")
	// ErrVolatileAck is returned when an acknowledgement is asked for with a
	// volatile event.
	ErrVolatileAck = errors.New("sio: a volatile event cannot be acknowledged")
)

// AckError is the error of a broadcast, or of an event between nodes, that not
// everybody answered. The answers that came are returned beside it.
type AckError struct {
	// Asked is how many clients, or other nodes, were asked as far as is known.
	Asked int
	// Answered is how many of them answered.
	Answered int
	// Err is why the others are not waited for: [ErrAckTimeout], the error of
	// the context, [ErrDisconnected] when they have gone, [ErrTooManyAcks]
	// when they could not be asked, [ErrServerClosed], or an adapter's.
	Err error
}

// Error tells how many answered, and why not all.
func (e *AckError) Error() string {
	return fmt.Sprintf("sio: %d of %d answers: %v", e.Answered, e.Asked, e.Err)
}

// Unwrap returns Err, for errors.Is and errors.As.
func (e *AckError) Unwrap() error { return e.Err }

// ConnectError refuses a connection with data for the client: return it from
// a middleware (see [Namespace.Use]). Any other error is sent with its text as
// message and no data.
type ConnectError struct {
	// Message is the message of the client's connect_error.
	Message string
	// Data is sent as its data, when not nil.
	Data any
}

// Error returns the message.
func (e *ConnectError) Error() string { return e.Message }

// ProtocolError is the error a socket is disconnected with when its client
// broke the protocol.
type ProtocolError struct {
	// Text is the reference's text for the violation.
	Text string
}

// Error returns the text with the package's prefix.
func (e *ProtocolError) Error() string { return "sio: " + e.Text }

// PanicError reaches [Config.OnError] when a handler panicked. The connection
// of the socket is closed.
type PanicError struct {
	// Socket is the socket whose handler panicked, nil for handlers that
	// belong to none, such as those of [Namespace.OnServerSide].
	Socket *Socket
	// Event is the name of the event, or "connection" and the like.
	Event string
	// Value is what was passed to panic.
	Value any
	// Stack is the stack of the goroutine. The caller owns it.
	Stack []byte
}

// Error describes the panic without its stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("sio: panic in handler of %q: %v", e.Event, e.Value)
}

// HandlerError reaches [Config.OnError] when a typed handler returned an error
// that no acknowledgement could carry, when the arguments of an event did not
// fit the handler's types, or when a packet middleware refused an event.
type HandlerError struct {
	// Socket is the socket that sent the event, nil when another node did.
	Socket *Socket
	// Event is the name of the event.
	Event string
	// Err is the handler's error.
	Err error
}

// Error describes the failure.
func (e *HandlerError) Error() string { return fmt.Sprintf("sio: event %q: %v", e.Event, e.Err) }

// Unwrap returns the handler's error.
func (e *HandlerError) Unwrap() error { return e.Err }
