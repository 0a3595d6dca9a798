package web

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/http1"
)

const connectionClose = "Connection: close\r\n"

// Respond answers the exchange, which is over with that. header holds further
// lines, each ended by CRLF, as [http1.AppendField] makes them; an empty
// contentType sends none. Content-Length, Date and Connection are added, and
// for HEAD the body is left out.
//
// Outside of OnRequest and OnBody no handler is called before Respond returns:
// a next request that is already there is looked at later in the turn.
func (x *Exchange) Respond(status int, contentType string, header, body []byte) {
	x.respond(status, contentType, header, body, false)
}

// RespondClose is Respond and closes the connection when the answer has left.
func (x *Exchange) RespondClose(status int, contentType string, header, body []byte) {
	x.respond(status, contentType, header, body, true)
}

func (x *Exchange) respond(status int, contentType string, header, body []byte, last bool) {
	if x.g != nil {
		x.g.respond(status, contentType, header, body, last)
		return
	}
	x.c.respond(status, contentType, x.front.merge(header, contentType), body, last)
}

func (c *conn) respond(status int, contentType string, header, body []byte, last bool) {
	if c.flags&flagActive == 0 {
		return
	}
	last = last || c.mustClose()
	f := frame.New()
	b := http1.AppendStatus(f.B, status)
	if contentType != "" {
		b = append(b, "Content-Type: "...)
		b = append(b, contentType...)
		b = append(b, "\r\n"...)
	}
	b = append(b, header...)
	if bodyAllowed(status) {
		b = http1.AppendContentLength(b, int64(len(body)))
	}
	b = c.srv.appendDate(b, c.pc.Loop().Now())
	b = c.appendConnection(b, last)
	b = append(b, "\r\n"...)
	if c.flags&flagHead == 0 && bodyAllowed(status) {
		b = append(b, body...)
	}
	f.B = b
	c.pc.SendControl(f.SealRaw())
	c.answered(last)
}

// bodyAllowed reports whether an answer of that status may have a body (RFC
// 9110 section 6.4.1). A Content-Length beside it is for the handler to add:
// some clients want one with a 204.
func bodyAllowed(status int) bool {
	return status >= 200 && status != 204 && status != 304
}

// mustClose reports whether the connection can't be used after an answer given
// now.
func (c *conn) mustClose() bool {
	if c.flags&flagKeepAlive == 0 {
		return true
	}
	w := c.work
	if w == nil || w.decoder.Done() {
		return false
	}
	// A client that waits for a 100 may send the body after our answer, or
	// may not (RFC 9110 section 10.1.1): nobody can tell what comes next.
	return c.flags&flagContinue != 0 || w.decoder.Left() > maxDrainBytes
}

func (c *conn) appendConnection(b []byte, last bool) []byte {
	if last {
		return append(b, connectionClose...)
	}
	return append(b, c.srv.keepAlive...)
}

// answered ends the exchange after its answer was queued.
func (c *conn) answered(last bool) {
	c.flags &^= flagActive
	if last {
		c.closeSoon()
		return
	}
	if c.flags&flagInCall != 0 {
		return // read* goes on with what it has in hand
	}
	switch c.state {
	case stateBody: // answered before its body was there
		c.state = stateDrain
		putBuffer(&bodyPool, &c.work.body)
	case stateParked:
		c.settle(false)
		if c.stash != nil {
			c.post()
		}
	}
}

// sendContinue tells the client to send the body it holds back.
func (c *conn) sendContinue() {
	c.flags &^= flagContinue
	c.sendText("HTTP/1.1 100 Continue\r\n\r\n")
}

// sendFailure answers what never became an exchange, or can't be served as one.
func (c *conn) sendFailure(status int) {
	f := frame.New()
	f.B = http1.AppendStatus(f.B, status)
	f.B = append(f.B, "Content-Length: 0\r\n"+connectionClose+"\r\n"...)
	c.pc.SendControl(f.SealRaw())
}

func (c *conn) sendText(s string) {
	f := frame.New()
	f.B = append(f.B, s...)
	c.pc.SendControl(f.SealRaw())
}
