package web

import (
	"crypto/tls"
	"net/http"
	"net/netip"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// Handler gets the requests of a server, on the loop of their connection. None
// of its methods may block.
type Handler interface {
	// OnRequest is called when the head was read. It may answer, upgrade,
	// cut or move the exchange; otherwise the body is read.
	OnRequest(x *Exchange)
	// OnBody is called with the whole body, which may be empty. It answers,
	// or keeps x to answer later: x is parked then.
	OnBody(x *Exchange, body []byte)
	// OnAbort is called when the exchange ends unanswered: the client left,
	// or sent its body wrongly or too slowly. x must be forgotten. It is
	// called at most once, and last.
	OnAbort(x *Exchange)
}

// TooLargeHandler is a Handler that wants to know of bodies above the limit.
// OnTooLarge is called instead of OnBody and OnAbort, and last; it may answer,
// else the answer is a 413 with no body.
type TooLargeHandler interface {
	Handler
	// OnTooLarge is the last that is heard of x.
	OnTooLarge(x *Exchange)
}

// Exchange is one request until it is answered. It must not be used after the
// answer, after Cut, or after OnAbort: the object then serves another request.
// Within the callback in which that happened it is still safe to read.
type Exchange struct {
	c       *conn  // nil for a guest
	g       *guest // nil for a request of the reactor's own
	front   *front // of c: nil unless net/http had the request in between
	h       Handler
	data    any
	maxBody int64
}

// Request returns the head. It is valid until OnBody returns. In a parked
// exchange it is nil, unless KeepRequest was called or the request asks for an
// upgrade: then it is valid until the answer.
func (x *Exchange) Request() *http1.Request {
	if x.g != nil {
		return x.g.parser.Request()
	}
	if x.c.work == nil {
		return nil
	}
	return x.c.work.parser.Request()
}

// KeepRequest makes Request valid until the answer, at the price of a buffer.
// It may be called until OnBody returns.
func (x *Exchange) KeepRequest() {
	if x.c != nil {
		x.c.flags |= flagKeepHead
	}
}

// HTTPRequest returns the request in the form of net/http, without a body, for
// hooks that want that. It is a copy; of a request that went through handlers of
// net/http with what they have put in its context. It must be called while
// Request is valid.
func (x *Exchange) HTTPRequest() (*http.Request, error) {
	had := x.had()
	if had == nil {
		r, err := NewHTTPRequest(x.Request(), x.RemoteAddr(), nil)
		if err == nil {
			r.TLS = x.TLS()
		}
		return r, err
	}
	r := had.WithContext(had.Context())
	r.Body = http.NoBody
	return r, nil
}

// Passed reports whether handlers of net/http have seen the request: those in
// front of ServeGuest, Hijack or Rejoin.
func (x *Exchange) Passed() bool { return x.had() != nil }

// had returns the request as the last of these handlers saw it, or nil.
func (x *Exchange) had() *http.Request {
	switch {
	case x.g != nil:
		return x.g.req
	case x.front != nil:
		return x.front.req
	}
	return nil
}

// TLS returns what was agreed on with a client that speaks TLS, as far as
// net/http has it for a request that came from there; nil for any other. The
// result must not be modified; it stays valid.
func (x *Exchange) TLS() *tls.ConnectionState {
	if r := x.had(); r != nil {
		return r.TLS
	}
	return x.c.pc.TLS()
}

// SetMaxBody sets the limit of this exchange's body. It may be called in
// OnRequest.
func (x *Exchange) SetMaxBody(n int64) { x.maxBody = n }

// SetHandler makes h get the further calls of this exchange; the next request
// of the connection begins with the server's handler again.
func (x *Exchange) SetHandler(h Handler) { x.h = h }

// SetData attaches v to the exchange, until it is answered.
func (x *Exchange) SetData(v any) { x.data = v }

// Data returns what SetData attached, or nil.
func (x *Exchange) Data() any { return x.data }

// Loop returns the loop that everything of x happens on.
func (x *Exchange) Loop() *poller.Loop {
	if x.g != nil {
		return x.g.loop.Load()
	}
	return x.c.pc.Loop()
}

// RemoteAddr returns the address of the client; it is not valid for one that
// came through a Unix socket. For a request that handlers of net/http have seen
// it is what they made of it.
func (x *Exchange) RemoteAddr() netip.AddrPort {
	switch {
	case x.g != nil:
		return x.g.remote
	case x.front != nil:
		return x.front.remote
	}
	return x.c.pc.RemoteAddr()
}

// Move hands the connection and this request over to another loop, where
// OnRequest is called again. Only in OnRequest, and as the last thing done
// with x; nothing happens when x is on that loop already.
func (x *Exchange) Move(to *poller.Loop) {
	switch {
	case to == x.Loop():
	case x.g != nil:
		x.g.moveTo = to
	default:
		x.c.moveTo = to
		x.c.flags &^= flagActive
	}
}

// Cut ends the connection without an answer; x is forgotten, OnAbort is not
// called.
func (x *Exchange) Cut(err error) {
	if x.g != nil {
		x.g.cut()
		return
	}
	c := x.c
	if c.flags&flagActive == 0 {
		return
	}
	c.flags &^= flagActive
	c.state = stateClosing
	c.disarm()
	c.pc.Close(err)
	if c.flags&flagInCall == 0 {
		c.dropWork()
	}
}

// sendRaw queues a sealed frame as it is. It takes over the reference.
func (x *Exchange) sendRaw(f *frame.Frame) bool { return x.c.pc.SendControl(f) }

// refuse answers a request for an upgrade as Node's ws package does, and
// closes.
func (x *Exchange) refuse(status int, header []byte, body string) {
	x.RespondClose(status, "text/html", header, []byte(body))
}

// switchTo ends the exchange and gives the connection to h. What the client
// sent behind the head reaches h.OnData right after the callback that x is in,
// or later in this turn when x is parked. x may be read until then.
func (x *Exchange) switchTo(h poller.Handler) *poller.Conn {
	c := x.c
	c.flags &^= flagActive
	c.state = stateSwitched
	c.next = h
	c.disarm()
	if c.flags&flagInCall == 0 {
		c.post()
	}
	return c.pc
}
