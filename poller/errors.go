package poller

import (
	"errors"
	"fmt"
)

// Reasons with which connections end. OnClose gets io.EOF when the peer
// closed, one of these, a system call's error, or what was given to Close.
var (
	// ErrClosed is the reason when the poller is closed or shut down, and the
	// result of using one that is.
	ErrClosed = errors.New("poller: closed")
	// ErrOverflow is the reason when a connection did not read what was
	// queued for it, and its policy is to disconnect.
	ErrOverflow = errors.New("poller: write queue overflow")
	// ErrTooManyConns is returned when a limit on connections refuses one.
	ErrTooManyConns = errors.New("poller: too many connections")
	// ErrNotSocket is returned for a net.Conn without a descriptor.
	ErrNotSocket = errors.New("poller: connection has no descriptor of its own")
)

// PanicError is what is reported when a handler panicked. The connection that
// was being handled, if any, is closed with it.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // of the goroutine, at the panic
}

// Error returns the panic's value. The stack is not part of it.
func (e *PanicError) Error() string { return fmt.Sprintf("poller: handler panicked: %v", e.Value) }

// Unwrap returns the value that was given to panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}
