package eio

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"

	"github.com/sirocco-io/sirocco/internal/web"
)

// Use adds a middleware for the HTTP requests of this server, as engine.use of
// the reference does: of polling, of handshakes, and the one that asks for a
// WebSocket, at every door. The first one that was added is the outermost. It
// does not see preflights that Config.CORS answers, nor Config.Assets.
//
// A middleware that calls next, once, lets the request pass; headers that it has
// set before are sent with the answer, the 101 included. One that answers itself
// ends the request. A panic is answered by a 400 with code 3, as an error is in
// the reference, and reported to Config.OnError; the cause that
// Config.OnConnectionError is told is MIDDLEWARE_FAILURE. What a middleware puts
// in the context of the request is there for AllowRequest, GenerateID and the
// hooks for headers, and later by [Handshake.Context].
//
// Use must not be called inside a middleware. Requests that came by Listen cost a
// goroutine while they are served once there is a middleware: of a long poll as
// long as its GET is pending, of a WebSocket until it is open.
func (srv *Server) Use(middleware func(next http.Handler) http.Handler) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	var links []http.Handler
	if old := srv.chain.Load(); old != nil {
		links = append(links, *old...)
	}
	links = append(links, middleware(&link{srv, len(links) + 1}))
	srv.chain.Store(&links)
}

// link is what a middleware has as next: the middleware at index, or the server.
type link struct {
	srv   *Server
	index int
}

// ServeHTTP goes on with the request.
func (l *link) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if all := *l.srv.chain.Load(); l.index < len(all) {
		all[l.index].ServeHTTP(w, r)
		return
	}
	p, _ := r.Context().Value(passageKey{}).(*passage)
	if p == nil || p.done {
		return // called twice, or with a request of its own
	}
	p.done = true
	target, ok := l.srv.targetOf(r)
	if !ok { // a middleware has changed it
		w.WriteHeader(http.StatusNotFound)
		return
	}
	l.srv.serveHTTP(w, r, target)
}

// passage is one request on its way through the middlewares.
type passage struct {
	done bool // it came through
}

// passageKey is the key of the passage in the context of the request.
type passageKey struct{}

// throughChain serves a request through all middlewares.
func (srv *Server) throughChain(w http.ResponseWriter, r *http.Request) {
	p, rec := &passage{}, &recorder{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), passageKey{}, p))
	srv.setCORS(w, r) // reference: the first middleware
	returned := false
	defer func() {
		if !returned { // a panic, or runtime.Goexit
			srv.middlewareFailed(p, rec, r, recover())
		}
	}()
	(&link{srv, 0}).ServeHTTP(rec, r)
	returned = true
}

// middlewareFailed handles a panic v of a middleware.
func (srv *Server) middlewareFailed(p *passage, w *recorder, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	srv.report(&PanicError{Value: v, Stack: debug.Stack()})
	switch {
	case p.done: // answered already
	case w.wrote:
		panic(http.ErrAbortHandler) // with what can't be completed
	default:
		srv.refuseHTTP(w, r, "MIDDLEWARE_FAILURE")
	}
}

// recorder notes whether an answer has begun.
type recorder struct {
	http.ResponseWriter
	wrote bool
}

// WriteHeader begins the answer, unless it is an informational one.
func (w *recorder) WriteHeader(status int) {
	w.wrote = w.wrote || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

// Write begins the answer too. Ownership: b is not kept.
func (w *recorder) Write(b []byte) (int, error) {
	w.wrote = true
	return w.ResponseWriter.Write(b)
}

// Flush sends what was written so far.
func (w *recorder) Flush() {
	w.wrote = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController find the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serveChained lets a request of the reactor's own go through the middlewares,
// on a goroutine, when it is whole. Ownership: body is not kept.
func (srv *Server) serveChained(x *web.Exchange, body []byte, whole bool) {
	q := srv.readQuery(x.Request())
	switch {
	case whole:
		if q.upgrade {
			x.KeepRequest()
		}
		web.Bridge(http.HandlerFunc(srv.throughChain), x, body)
	case q.upgrade && len(q.sid) > 0:
		// Its connection will be the session's: later it can't be moved.
		if s := srv.find(q.sid); s != nil {
			x.Move(s.shard.loop)
		}
	}
}
