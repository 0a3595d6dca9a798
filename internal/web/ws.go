package web

import (
	"errors"
	"time"

	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// WSHandler gets what happens on a WebSocket, on the loop of its connection.
// None of its methods may block. They may call any method of the WSConn, which
// never calls back from inside such a call.
type WSHandler interface {
	// OnWSOpen is called first, when the 101 is queued, from inside
	// Exchange.Upgrade.
	OnWSOpen(c *WSConn)
	// OnWSMessage is called with each whole message; text is valid UTF-8.
	//
	// Ownership: b is valid, and may be written to, until OnWSMessage returns.
	OnWSMessage(c *WSConn, b []byte, binary bool)
	// OnWSDrain is called when what was queued had been held up by a full
	// kernel buffer, and has now been written.
	OnWSDrain(c *WSConn)
	// OnWSClose is called exactly once, and last. When the client closed as it
	// should, code is its close code, 1005 if it gave none, and err is nil.
	// Else code is 1006 and err what happened: io.EOF, a *WSError that names
	// the code the client was told, ErrCloseTimeout, or what Abort was given.
	OnWSClose(c *WSConn, code int, err error)
}

// WSError is a client's violation of the protocol or of a limit.
type WSError = wsframe.Error

// Errors that OnWSClose reports, beside those of package wsframe and of the
// connection.
var (
	// ErrTooLarge (1009) is a message over WSOptions.MaxMessageBytes.
	ErrTooLarge = wsframe.ErrTooLarge
	// ErrMessageTimeout (1008) is a message that was not whole in time.
	ErrMessageTimeout = &WSError{Code: wsframe.CodePolicyViolation, Reason: "message took too long"}
	// ErrCloseTimeout says that the client did not answer our close frame.
	ErrCloseTimeout = errors.New("websocket: no answer to close frame")
)

// WSOptions are the terms of one WebSocket. The zero value is usable.
type WSOptions struct {
	// Header holds further header lines for the 101, each ended by CRLF. It
	// is copied.
	Header []byte
	// Protocols are the subprotocols that the server speaks: the first one
	// the client offers of them is selected. None: none is.
	Protocols []string
	// AnyProtocol selects the client's first offer, whatever it is, as Node's
	// ws package does when it is not told otherwise.
	AnyProtocol bool
	// MaxMessageBytes bounds a message, summed over its fragments; 0 means
	// 1,000,000. The largest limit is 2 GiB less one byte.
	MaxMessageBytes int64
	// MaxFragments bounds the frames of a message; 0 means 16,384.
	MaxFragments int
	// MessageTimeout bounds the time from the first byte of a message to its
	// last, in steps of 10 ms; 0 means 2 minutes.
	MessageTimeout time.Duration
	// CloseTimeout bounds the wait for the answer to our close frame, in
	// steps of 10 ms; 0 means 10 seconds.
	CloseTimeout time.Duration
	// MaxQueueBytes bounds the write queue; 0 means 1 MiB, negative no bound.
	MaxQueueBytes int
	// Overflow is what happens at that bound; the zero value disconnects.
	Overflow poller.Overflow
	// Deflate agrees on permessage-deflate with clients that offer it; nil
	// does not. It is shared by all connections of a server.
	Deflate *WSDeflate
}

// Tuning.
const (
	defaultMessageBytes   = 1_000_000
	maxMessageBytes       = 1<<31 - 1 // lengths must fit an int on 32-bit machines
	defaultFragments      = 16_384    // as ws 8.23
	defaultMessageTimeout = 2 * time.Minute
	defaultCloseTimeout   = 10 * time.Second
	defaultQueueBytes     = 1 << 20
	// timeUnit is what a WSConn keeps its timeouts in, to keep them small.
	timeUnit = 10 * time.Millisecond
	// maxPongs is how many pings are answered one by one while the write
	// queue has not been seen empty. Beyond, only the last ping is answered
	// (RFC 6455 section 5.5.3).
	maxPongs = 64
	// pongTick is how soon an answer that was put off is tried again, and
	// pongRoom what may be queued then.
	pongTick = 20 * time.Millisecond
	pongRoom = 256
	// firstMessageBytes is the least size of a buffer for a partial message.
	firstMessageBytes = 512
)
