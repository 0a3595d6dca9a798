package main

import (
	"time"

	"github.com/sirocco-io/sirocco/eio"
)

// What the protocol suites expect of a server.
const (
	pingInterval   = 300 * time.Millisecond
	pingTimeout    = 200 * time.Millisecond
	maxPayload     = 1_000_000
	connectTimeout = time.Second
)

// engineEcho is the Engine.IO endpoint: what comes in goes out.
type engineEcho struct{}

var _ eio.Handler = engineEcho{}

func (engineEcho) OnOpen(*eio.Session)    {}
func (engineEcho) OnUpgrade(*eio.Session) {}
func (engineEcho) OnDrain(*eio.Session)   {}

// OnMessage sends b back. Ownership: b is copied.
func (engineEcho) OnMessage(s *eio.Session, b []byte, binary bool) {
	// It fails when the session has ended: OnClose tells.
	_ = s.Write(b, binary)
}

func (engineEcho) OnClose(*eio.Session, eio.Reason, error) {}

// newEngine returns the server of the Engine.IO endpoint.
func newEngine(eio3 bool) (*eio.Server, error) {
	return eio.NewServer(eio.Config{
		AllowEIO3:         eio3,
		PingInterval:      pingInterval,
		PingTimeout:       pingTimeout,
		MaxHTTPBufferSize: maxPayload,
		CORS:              &eio.CORS{},
		OnError:           report,
	}, engineEcho{})
}
