package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// apart keeps two packets out of one segment: the suite waits for one message,
// then begins to wait for the next, and misses what came with the first.
const apart = 3 * time.Millisecond

// newSocketIO returns the server of the Socket.IO endpoint, with the namespaces
// and events of its protocol suite.
func newSocketIO(eio3 bool) (*sio.Server, error) {
	io, err := sio.NewServer(sio.Config{
		AllowEIO3:         eio3,
		PingInterval:      pingInterval,
		PingTimeout:       pingTimeout,
		ConnectTimeout:    connectTimeout,
		MaxHTTPBufferSize: maxPayload,
		CORS:              &sio.CORS{},
		OnError:           report,
	})
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"/", "/custom"} {
		n := io.Of(name)
		n.OnConnection(func(s *sio.Socket) {
			time.Sleep(apart)
			report(s.EmitRaw("auth", s.Handshake().Auth))
		})
		n.OnRaw("message", func(e *sio.RawEvent) {
			report(e.Socket().EmitRaw("message-back", e.Args(), e.Attachments()...))
		}, sio.Inline)
		n.OnRaw("message-with-ack", func(e *sio.RawEvent) { report(e.Ack(e.Args(), e.Attachments()...)) }, sio.Inline)
	}
	return io, nil
}

// report writes an error to the standard error. That a client has gone is none.
func report(err error) {
	if err != nil && !errors.Is(err, sio.ErrDisconnected) && !errors.Is(err, sio.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "conformance:", err)
	}
}
