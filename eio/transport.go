package eio

import (
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// transportKind names a transport.
type transportKind uint8

const (
	noTransport transportKind = iota
	polling
	websocket
	webtransport
	transportCount
)

var transportNames = [transportCount]string{"", "polling", "websocket", "webtransport"}

// parseTransport returns the kind for the name in a query: a closed set, so
// that no name from outside (CVE-2023-31125) indexes anything. Ownership: name
// is only read.
func parseTransport(name []byte) transportKind {
	switch string(name) {
	case transportNames[polling]:
		return polling
	case transportNames[websocket]:
		return websocket
	case transportNames[webtransport]:
		return webtransport
	}
	return noTransport
}

// transport is all that a session knows of the way to its client. After
// abandon, or after it reported its own end, it must not be used.
type transport interface {
	kind() transportKind
	// attach makes s get what arrives.
	attach(s *Session)
	// send takes over a reference. Control frames are not dropped by policy.
	send(f *frame.Frame, control bool) poller.Outcome
	// queued returns the bytes that the client has not taken yet.
	queued() int
	// setLimit changes the bound of what is queued; 0 or less means none.
	setLimit(maxBytes int, o poller.Overflow)
	// writable reports whether a frame sent now would leave in this turn,
	// with nothing queued before it.
	writable() bool
	// pause and resume stop and start the reading of messages.
	pause()
	resume()
	// close ends the transport from the server's side, and reports whether
	// the client has been told. If not, the transport calls Session.closed
	// when it has. discard drops what is still buffered, and is always true.
	close(discard bool) bool
	// abandon ends the transport of a session that is over. byClient tells
	// that it was the client who said so.
	abandon(byClient bool)
}

// gone stands in for the transport of a session that has none any more.
type gone struct{}

func (gone) kind() transportKind { return noTransport }
func (gone) attach(*Session)     {}
func (gone) send(f *frame.Frame, _ bool) poller.Outcome {
	f.Release()
	return poller.Closed
}
func (gone) queued() int                   { return 0 }
func (gone) setLimit(int, poller.Overflow) {}
func (gone) writable() bool                { return false }
func (gone) pause()                        {}
func (gone) resume()                       {}
func (gone) close(bool) bool               { return true }
func (gone) abandon(bool)                  {}

// responder is an HTTP request that waits for its answer. An Exchange is one.
// It is forgotten with its answer, or when it is cut.
type responder interface {
	// Respond answers. Ownership: header and body are copied.
	Respond(status int, contentType string, header, body []byte)
	// Cut ends the connection without an answer.
	Cut(err error)
}

// clock is what sessions need of their loop. A *poller.Loop is one.
type clock interface {
	// Post runs fn on the loop, later in this turn when called on the loop.
	Post(fn func(a, b any), a, b any) bool
	// Arm and Disarm serve the intrusive timers. Loop only.
	Arm(t *poller.Timer, h poller.TimerHandler, d time.Duration)
	Disarm(t *poller.Timer)
}
