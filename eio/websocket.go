// Hot path: no allocation, no lock, no time.Now.

package eio

import (
	"errors"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
)

// wsTransport is a WebSocket as a transport. Like the three types behind it,
// it is another view of an object that is there anyway, and costs nothing.
type wsTransport web.WSConn

func overWebSocket(c *web.WSConn, _ bool) transport { return (*wsTransport)(c) }

func (t *wsTransport) conn() *web.WSConn   { return (*web.WSConn)(t) }
func (t *wsTransport) kind() transportKind { return websocket }
func (t *wsTransport) attach(s *Session)   { t.conn().SetHandler((*wsSession)(s)) }
func (t *wsTransport) writable() bool      { return t.conn().Queued() == 0 }
func (t *wsTransport) pause()              { t.conn().Pause() }
func (t *wsTransport) resume()             { t.conn().Resume() }

func (t *wsTransport) queued() int { return t.conn().Queued() }

func (t *wsTransport) setLimit(maxBytes int, o poller.Overflow) {
	if maxBytes <= 0 {
		maxBytes = -1
	}
	t.conn().SetLimit(maxBytes, o)
}

func (t *wsTransport) send(f *frame.Frame, control bool) poller.Outcome {
	switch {
	case !control:
		return t.conn().Offer(f)
	case t.conn().SendControl(f):
		return poller.Queued
	}
	return poller.Closed
}

// close sends a close frame without a code behind what is queued, as the
// reference does; the session need not wait for the client's.
func (t *wsTransport) close(bool) bool {
	t.conn().Close(0, "")
	t.conn().SetHandler(wsDone{})
	return true
}

func (t *wsTransport) abandon(bool) { t.close(true) }

// wsSession is a Session as the handler of its WebSocket.
type wsSession Session

func (w *wsSession) OnWSOpen(c *web.WSConn) {
	s := (*Session)(w)
	s.open(s.dialect.over(c, s.facts&wantsBase64 != 0), nil)
}

func (w *wsSession) OnWSMessage(_ *web.WSConn, b []byte, binary bool) {
	(*Session)(w).receive(b, binary)
}

func (w *wsSession) OnWSDrain(*web.WSConn) { (*Session)(w).tellDrain() }

func (w *wsSession) OnWSClose(_ *web.WSConn, _ int, err error) {
	(*Session)(w).lost(reasonOf(err), err)
}

// reasonOf tells a client that broke the rules from one that went away.
func reasonOf(err error) Reason {
	var violation *web.WSError
	if errors.As(err, &violation) || errors.Is(err, poller.ErrOverflow) {
		return TransportError
	}
	return TransportClose
}

// wsProbe is an upgrade as the handler of the new WebSocket.
type wsProbe upgrade

func (w *wsProbe) OnWSOpen(c *web.WSConn) {
	u := (*upgrade)(w)
	u.begin(u.s.dialect.over(c, u.base64))
}

func (w *wsProbe) OnWSMessage(_ *web.WSConn, b []byte, binary bool) {
	(*upgrade)(w).receive(b, binary)
}

func (w *wsProbe) OnWSDrain(*web.WSConn)             {}
func (w *wsProbe) OnWSClose(*web.WSConn, int, error) { (*upgrade)(w).lost() }

// wsDone is the handler of a WebSocket that nobody listens to any more.
type wsDone struct{}

func (wsDone) OnWSOpen(*web.WSConn)                  {}
func (wsDone) OnWSMessage(*web.WSConn, []byte, bool) {}
func (wsDone) OnWSDrain(*web.WSConn)                 {}
func (wsDone) OnWSClose(*web.WSConn, int, error)     {}

// wsRefused accepts a WebSocket to close it: the reference's answer to an
// upgrade request for a transport that is none.
type wsRefused struct{ wsDone }

func (wsRefused) OnWSOpen(c *web.WSConn) { c.Close(0, "") }
