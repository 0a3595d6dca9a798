package eio

import (
	"net/http"
	"runtime/debug"

	"github.com/sirocco-io/sirocco/internal/web"
)

// admission is a handshake that waits for AllowRequest and GenerateID, which
// may block and therefore run on a goroutine.
type admission struct {
	// immutable
	srv   *Server
	shard *shard
	req   *http.Request
	query query

	x *web.Exchange // loop only; nil when the client left

	// written by the goroutine, read by the loop afterwards
	id      string
	refusal error // of AllowRequest
	failure error // of GenerateID
}

// serveHandshake handles a request that asks for a session.
func (srv *Server) serveHandshake(x *web.Exchange, q *query, whole bool) {
	if srv.closing.Load() {
		x.RespondClose(503, "", srv.corsHeader(x.Request()), nil)
		return
	}
	blocking := srv.cfg.AllowRequest != nil || srv.cfg.GenerateID != nil
	switch {
	case !whole && q.upgrade && !blocking:
		srv.shake(x, q, nil)
	case !whole: // nothing is answered before the request is there
	case blocking:
		srv.admit(x, q)
	default:
		srv.shake(x, q, nil)
	}
}

// admit asks the hooks, off the loop.
func (srv *Server) admit(x *web.Exchange, q *query) {
	if srv.pending.Add(1) > int64(srv.cfg.MaxPendingHandshakes) {
		srv.pending.Add(-1)
		srv.shardOf(x).count.overloaded.Add(1)
		x.Respond(503, "", append([]byte("Retry-After: 1\r\n"), srv.corsHeader(x.Request())...), nil)
		return
	}
	req, err := x.HTTPRequest()
	if err != nil {
		srv.pending.Add(-1)
		srv.refuse(x, q.upgrade, codeBadRequest, "", err.Error())
		return
	}
	a := &admission{srv: srv, shard: srv.shardOf(x), req: req, query: *q, x: x}
	a.query.sid = nil
	x.KeepRequest()
	x.SetData(a)
	// Ends when the hooks return: how long they take is up to them.
	go a.run()
}

// run asks the hooks, on a goroutine.
func (a *admission) run() {
	a.ask()
	a.srv.pending.Add(-1)
	a.shard.Post(admitted, a, nil)
}

func (a *admission) ask() {
	defer func() {
		if v := recover(); v != nil {
			err := &PanicError{Value: v, Stack: debug.Stack()}
			a.srv.report(err)
			a.refusal = ErrForbidden
		}
	}()
	c := &a.srv.cfg
	if c.AllowRequest != nil {
		if a.refusal = c.AllowRequest(a.req); a.refusal != nil {
			return
		}
	}
	if c.GenerateID != nil && c.speaks(a.query.protocol) != nil {
		a.id, a.failure = c.GenerateID(a.req)
	}
}

// admitted goes on with the handshake, on the loop.
func admitted(v, _ any) {
	a := v.(*admission)
	x, srv := a.x, a.srv
	if x == nil {
		return
	}
	a.x = nil
	x.SetData(nil)
	switch {
	case a.refusal != nil:
		srv.refuse(x, a.query.upgrade, codeForbidden, a.refusal.Error(), "")
	case a.failure != nil:
		srv.refuse(x, a.query.upgrade, codeBadRequest, "", "ID_GENERATION_ERROR")
	case srv.cfg.GenerateID != nil:
		srv.shake(x, &a.query, &a.id)
	default:
		srv.shake(x, &a.query, nil)
	}
}

// shake makes the session. custom is the id that GenerateID made, if there is
// such a hook.
func (srv *Server) shake(x *web.Exchange, q *query, custom *string) {
	d := srv.cfg.speaks(q.protocol)
	if d == nil {
		srv.refuse(x, q.upgrade, codeUnsupportedProtocol, "", "")
		return
	}
	if q.upgrade && q.transport != websocket {
		srv.upgraded(x.Upgrade(wsRefused{}, srv.wsOptions(x, true)))
		return
	}
	s := &Session{shard: srv.shardOf(x), dialect: d, tr: gone{}}
	s.recall(x.Request(), x.RemoteAddr())
	s.recallPassage(x)
	if d == revision3 && asksForBase64(x.Request()) {
		s.facts |= wantsBase64
	}
	if !srv.register(s, custom) {
		srv.refuse(x, q.upgrade, codeBadRequest, "", "ID_GENERATION_ERROR")
		return
	}
	if q.upgrade {
		if err := x.Upgrade((*wsSession)(s), srv.wsOptions(x, true)); err != nil {
			srv.forget(s)
			srv.upgraded(err)
		}
		return
	}
	p := &longPoll{s: s, get: x, getHeader: srv.pollHeader(x, s), coding: srv.codingOf(x.Request()), jsonp: scriptHead(x.Request())}
	if p.jsonp != "" || s.facts&wantsBase64 != 0 {
		p.flags |= flagBase64
	}
	x.SetData(p)
	s.open(p, p.flush)
}
