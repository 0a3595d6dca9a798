package main

import (
	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/web"
)

// maxEchoBytes is the longest message of the plain WebSocket endpoint. Its
// queue holds a few of them: the suites send one at a time.
const (
	maxEchoBytes = 16 << 20
	maxEchoQueue = 8 * maxEchoBytes
	// maxEchoFragments: the suites cut 4 MiB into pieces of 64 bytes, which is
	// beyond the usual limit.
	maxEchoFragments = 1 << 20
)

// echo is the plain WebSocket endpoint: what comes in goes out.
type echo struct {
	deflate *web.WSDeflate // nil: none
}

// newEcho returns the endpoint. With permessage-deflate it agrees on all that it
// is offered, and compresses every message.
func newEcho(compress bool) echo {
	if !compress {
		return echo{}
	}
	return echo{web.NewWSDeflate(web.WSDeflateOptions{
		Policy: deflate.Policy{ServerTakeover: true, ClientTakeover: true},
		Level:  deflate.DefaultLevel,
	})}
}

var (
	_ web.Handler   = echo{}
	_ web.WSHandler = echo{}
)

// OnRequest accepts WebSockets, and answers everything else as their handshake
// asks.
func (e echo) OnRequest(x *web.Exchange) {
	// What is wrong with a handshake has been answered.
	_ = x.Upgrade(e, web.WSOptions{
		MaxMessageBytes: maxEchoBytes,
		MaxFragments:    maxEchoFragments,
		MaxQueueBytes:   maxEchoQueue,
		AnyProtocol:     true,
		Deflate:         e.deflate,
	})
}

func (echo) OnBody(*web.Exchange, []byte) {}
func (echo) OnAbort(*web.Exchange)        {}

func (echo) OnWSOpen(*web.WSConn) {}

// OnWSMessage sends b back. Ownership: b is copied.
func (echo) OnWSMessage(c *web.WSConn, b []byte, binary bool) {
	f := frame.New()
	f.B = append(f.B, b...)
	if binary {
		c.Send(f.SealBinary())
	} else {
		c.Send(f.SealText())
	}
}

func (echo) OnWSDrain(*web.WSConn)             {}
func (echo) OnWSClose(*web.WSConn, int, error) {}
