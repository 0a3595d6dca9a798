package contract

import (
	"errors"
	"io"
)

// ErrNotText is for a message that is no text: the contract knows none.
var ErrNotText = errors.New("contract: not a text message")

// Conn is a connection of a library that takes one writer at a time, and that
// one goroutine reads.
type Conn[M any] interface {
	Writer[M]
	// Next waits for the next message. What is no text message is an error, as
	// is the end of the connection.
	Next() (io.Reader, error)
}

// Serve reads c until the connection is over. What is sent to it goes through
// an [Outbox].
func Serve[M any](s *Server[M], c Conn[M]) {
	out := new(Outbox[M])
	out.Bind(c)
	defer c.Close()
	member := s.Open(out)
	defer member.End()
	for {
		r, err := c.Next()
		if err != nil {
			return
		}
		b, err := ReadMessage(r)
		if err == nil {
			err = member.Receive(b.Bytes())
		}
		b.Free()
		if err != nil {
			return
		}
	}
}
