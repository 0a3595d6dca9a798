package eio

import (
	"strings"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/web"
)

// door is a Server as the handler of HTTP requests: it finds out what a
// request is for and whether it is let in, and passes it to the machine of a
// session. Nothing behind it knows of HTTP but by responder.
type door Server

// query is what a request says in its query.
type query struct {
	sid       []byte // empty: a handshake
	transport transportKind
	protocol  int
	upgrade   bool // the request asks to leave HTTP
}

// OnRequest is called with the head of a request.
func (d *door) OnRequest(x *web.Exchange) { (*Server)(d).serve(x, nil, false) }

// OnBody is called with the body. Ownership: body may be written to, and is
// not kept.
func (d *door) OnBody(x *web.Exchange, body []byte) {
	if p, ok := x.Data().(*longPoll); ok {
		srv := (*Server)(d)
		if p.flags&flagOver == 0 {
			p.payload(srv.pollHeader(x, nil), body)
		}
		return
	}
	(*Server)(d).serve(x, body, true)
}

// OnAbort is called when a request ends unanswered.
func (d *door) OnAbort(x *web.Exchange) {
	switch v := x.Data().(type) {
	case *longPoll:
		v.aborted(x)
	case *admission:
		v.x = nil
	}
}

// OnTooLarge is called for a body above the limit: the answer is a 413, and
// the session goes on.
func (d *door) OnTooLarge(x *web.Exchange) {
	if p, ok := x.Data().(*longPoll); ok {
		p.tooLarge()
	}
}

// serve handles a request: first with its head alone, then, unless it was
// answered, handed over or moved, with its body. Ownership: body is not kept.
func (srv *Server) serve(x *web.Exchange, body []byte, whole bool) {
	r := x.Request()
	if !srv.Serves(r.Target) {
		srv.serveOther(x, body, whole)
		return
	}
	if srv.cfg.CORS != nil && string(r.Method) == "OPTIONS" {
		srv.preflight(x)
		return
	}
	if srv.cfg.Assets != nil {
		if h := srv.cfg.asset(string(r.Target)); h != nil {
			if whole {
				web.Bridge(srv.withCORS(h), x, body)
			}
			return
		}
	}
	if srv.chain.Load() != nil && !x.Passed() {
		srv.serveChained(x, body, whole)
		return
	}
	q := srv.readQuery(r)
	if code, cause := srv.check(r, &q); cause != allowed {
		srv.refuse(x, q.upgrade, code, "", cause)
		return
	}
	if len(q.sid) > 0 {
		srv.serveSession(x, &q, whole)
		return
	}
	srv.serveHandshake(x, &q, whole)
}

// serveOther answers a request for another path.
func (srv *Server) serveOther(x *web.Exchange, body []byte, whole bool) {
	switch {
	case srv.cfg.HTTPHandler == nil || x.Passed():
		x.Respond(404, "", nil, nil)
	case whole:
		web.Bridge(srv.cfg.HTTPHandler, x, body)
	}
}

// preflight answers an OPTIONS request of a browser.
func (srv *Server) preflight(x *web.Exchange) {
	c, r := srv.cfg.CORS, x.Request()
	lines := c.appendPreflight(nil, r.Header("Origin"), r.Header("Access-Control-Request-Headers"))
	if c.OptionsSuccessStatus == 204 {
		lines = append(lines, "Content-Length: 0\r\n"...) // Safari waits for a body without
	}
	x.Respond(c.OptionsSuccessStatus, "", lines, nil)
}

// readQuery reads what counts of the query; the last value of a key does.
func (srv *Server) readQuery(r *http1.Request) (q query) {
	raw := r.RawQuery()
	name, _ := http1.QueryValue(raw, "transport")
	q.transport = parseTransport(name)
	q.sid, _ = http1.QueryValue(raw, "sid")
	q.protocol = 3 // reference: what is not 4 is 3
	if v, _ := http1.QueryValue(raw, "EIO"); string(v) == "4" {
		q.protocol = 4
	}
	q.upgrade = srv.cfg.serves(websocket) && r.Header("Upgrade") != nil && http1.HasToken(r.Header("Connection"), "upgrade")
	return q
}

// asksForBase64 reports whether the client can't take binary messages, which
// only those of revision 3 say.
func asksForBase64(r *http1.Request) bool {
	v, _ := http1.QueryValue(r.RawQuery(), "b64")
	return len(v) > 0
}

// serves reports whether a transport is among those configured.
func (c *Config) serves(k transportKind) bool {
	for _, name := range c.Transports {
		if k != noTransport && name == transportNames[k] {
			return true
		}
	}
	return false
}

// allowed is the cause of no refusal at all.
const allowed = "-"

// check does what the reference's verify does before it looks at sessions, in
// its order. It returns the code and the cause of a refusal, or allowed.
func (srv *Server) check(r *http1.Request, q *query) (code int, cause string) {
	origin := r.Header("Origin")
	switch {
	case !srv.cfg.serves(q.transport) || q.transport == webtransport: // which is not for HTTP
		return codeUnknownTransport, ""
	case !validHeaderValue(origin):
		return codeBadRequest, "INVALID_ORIGIN"
	case srv.origins != nil && origin != nil && !srv.origins[normalOrigin(string(origin))]:
		return codeForbidden, ""
	case len(q.sid) > 0:
		return 0, allowed
	case string(r.Method) != "GET":
		return codeBadMethod, ""
	case q.transport == websocket && !q.upgrade:
		return codeBadRequest, "TRANSPORT_HANDSHAKE_ERROR"
	}
	return 0, allowed
}

// serveSession handles a request for a session, on the loop of the session.
func (srv *Server) serveSession(x *web.Exchange, q *query, whole bool) {
	s := srv.find(q.sid)
	switch {
	case s == nil:
		srv.refuse(x, q.upgrade, codeUnknownSID, "", "")
		return
	case s.shard.loop != x.Loop():
		if whole {
			// The session began after the head was looked at. Its client
			// can't know of it yet.
			srv.refuse(x, q.upgrade, codeUnknownSID, "", "")
			return
		}
		x.Move(s.shard.loop)
		return
	case s.state == Opening || s.state == Closed:
		srv.refuse(x, q.upgrade, codeUnknownSID, "", "")
		return
	case !q.upgrade && s.via != q.transport:
		srv.refuse(x, false, codeBadRequest, "", "TRANSPORT_MISMATCH")
		return
	case s.dialect.protocol != q.protocol:
		srv.refuse(x, q.upgrade, codeBadRequest, "", "PROTOCOL_MISMATCH")
		return
	}
	if q.upgrade {
		srv.upgradeSession(x, q, s)
		return
	}
	srv.servePolling(x, s, whole)
}

// servePolling handles a GET or POST of a polling session.
func (srv *Server) servePolling(x *web.Exchange, s *Session, whole bool) {
	p, ok := s.tr.(*longPoll)
	if !ok { // transport=websocket, without upgrade
		x.Respond(500, "", srv.corsHeader(x.Request()), nil)
		return
	}
	switch string(x.Request().Method) {
	case "GET":
		if whole {
			x.SetData(p)
			if !p.poll(x, srv.pollHeader(x, nil), srv.codingOf(x.Request())) {
				x.Respond(400, "", srv.corsHeader(x.Request()), nil)
			}
		}
	case "POST":
		if whole {
			return // can't be: OnBody knows it
		}
		if encoded(x.Request()) {
			x.Respond(415, "", srv.corsHeader(x.Request()), nil)
			return
		}
		x.SetMaxBody(srv.cfg.MaxHTTPBufferSize)
		octets := string(x.Request().Header("Content-Type")) == octetStream
		if p.begin(x, octets) {
			x.SetData(p)
		} else {
			x.Respond(400, "", srv.corsHeader(x.Request()), nil)
		}
	default:
		x.Respond(500, "", srv.corsHeader(x.Request()), nil)
	}
}

// upgradeSession lets a WebSocket try to take over a session. When the session
// can't be upgraded the WebSocket is opened and closed.
func (srv *Server) upgradeSession(x *web.Exchange, q *query, s *Session) {
	o := srv.wsOptions(x, false)
	if q.transport != websocket {
		srv.upgraded(x.Upgrade(wsRefused{}, o))
		return
	}
	u := &upgrade{s: s, base64: asksForBase64(x.Request())}
	srv.upgraded(x.Upgrade((*wsProbe)(u), o))
}

// upgraded counts a handshake that the WebSocket layer refused, and answered.
func (srv *Server) upgraded(err error) {
	if err != nil {
		srv.cfg.OnConnectionError(&ConnectionError{
			Code: codeBadRequest, Message: codeText[codeBadRequest], Cause: err.Error(),
		})
	}
}

// wsOptions are the terms of a WebSocket.
func (srv *Server) wsOptions(x *web.Exchange, first bool) web.WSOptions {
	return web.WSOptions{
		Header:          srv.upgradeHeader(x, first),
		AnyProtocol:     true, // as Node's ws
		MaxMessageBytes: srv.cfg.MaxHTTPBufferSize,
		MaxQueueBytes:   srv.cfg.Poller.MaxQueueBytes,
		Overflow:        srv.cfg.Poller.Overflow,
		Deflate:         srv.deflate,
	}
}

// refuse answers a request with an error of the reference's list. text
// replaces the message when it is not empty.
func (srv *Server) refuse(x *web.Exchange, upgrade bool, code int, text, cause string) {
	setDefault(&text, codeText[code])
	r := x.Request()
	srv.shardOf(x).count.refused[code].Add(1)
	srv.cfg.OnConnectionError(&ConnectionError{
		Code: code, Message: text, Cause: cause,
		URL: strings.Clone(string(r.Target)), Address: addressOf(x),
	})
	if upgrade {
		x.RespondClose(400, "text/html", nil, []byte(text))
		return
	}
	status := 400
	if code == codeForbidden {
		status = 403
	}
	x.Respond(status, "application/json", srv.corsHeader(r), refusalBody(code, text))
}

// refusalBody returns {"code":n,"message":"..."}. Ownership: the caller's.
func refusalBody(code int, text string) []byte {
	b := append(make([]byte, 0, 64), `{"code":`...)
	b = append(b, byte('0'+code))
	b = append(b, `,"message":`...)
	return append(appendJSON(b, text), '}')
}

// addressOf returns the address of a client, without port.
func addressOf(x *web.Exchange) string {
	if a := x.RemoteAddr(); a.IsValid() {
		return a.Addr().Unmap().String()
	}
	return ""
}

func (srv *Server) shardOf(x *web.Exchange) *shard { return srv.shards[x.Loop().Index()] }
