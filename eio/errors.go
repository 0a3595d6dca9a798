package eio

import (
	"errors"
	"fmt"

	"github.com/sirocco-io/sirocco/poller"
)

// Errors that OnClose may be given. Match them with errors.Is.
var (
	// ErrPollOverlap: a second GET while one was pending.
	ErrPollOverlap = errors.New("eio: overlap from client")
	// ErrDataOverlap: a second POST while one was being read.
	ErrDataOverlap = errors.New("eio: data request overlap from client")
	// ErrPollAborted: the connection of the pending GET went away.
	ErrPollAborted = errors.New("eio: poll connection closed prematurely")
	// ErrDataAborted: the connection of a POST went away.
	ErrDataAborted = errors.New("eio: data request connection closed prematurely")
	// ErrInvalidContent: a binary POST, which Engine.IO 4 does not know.
	ErrInvalidContent = errors.New("eio: invalid content")
	// ErrHeartbeatDirection: a ping from a client that has to send pongs.
	ErrHeartbeatDirection = errors.New("eio: invalid heartbeat direction")
	// ErrOverflow: the client took too little for too long, and the policy
	// for that is to close. It is poller.ErrOverflow, whatever the transport.
	ErrOverflow = poller.ErrOverflow
	// ErrTooManyPackets: above Config.MaxPayloadPackets.
	ErrTooManyPackets = errors.New("eio: too many packets in one payload")
	// ErrInvalidPacket: no packet has that form.
	ErrInvalidPacket = errors.New("eio: invalid packet")
)

var (
	// ErrServerClosed is returned by Listen after Shutdown or Close.
	ErrServerClosed = errors.New("eio: server closed")
	// ErrForbidden, returned by an AllowRequest hook, refuses the handshake
	// with the reference's standard message.
	ErrForbidden = errors.New("Forbidden")
	// ErrClosed is returned by Write when the session is over.
	ErrClosed = errors.New("eio: session closed")
)

// PanicError is what OnError and OnClose get when a method of Handler or a
// hook panics.
type PanicError struct {
	// Value is what was passed to panic.
	Value any
	// Stack is the stack of the goroutine. Ownership: the receiver's.
	Stack []byte
}

// Error returns the panic's value in words.
func (e *PanicError) Error() string { return fmt.Sprintf("eio: panic: %v", e.Value) }

// ConnectionError is a request that was refused, as told to
// Config.OnConnectionError.
type ConnectionError struct {
	// Code is the reference's number, 0 to 5, as in the answer's body.
	Code int
	// Message is the text of the answer.
	Message string
	// Cause is the reference's name for the cause, or empty.
	Cause string
	// URL is the target of the request.
	URL string
	// Address is the address of the client, without port.
	Address string
}

// Error returns message and cause.
func (e *ConnectionError) Error() string {
	if e.Cause == "" {
		return "eio: " + e.Message
	}
	return "eio: " + e.Message + " (" + e.Cause + ")"
}

// Codes of refusals (reference: Server.errors).
const (
	codeUnknownTransport = iota
	codeUnknownSID
	codeBadMethod
	codeBadRequest
	codeForbidden
	codeUnsupportedProtocol
	codeCount
)

var codeText = [codeCount]string{
	"Transport unknown", "Session ID unknown", "Bad handshake method",
	"Bad request", "Forbidden", "Unsupported protocol version",
}
