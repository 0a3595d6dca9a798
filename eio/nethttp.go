package eio

import (
	"errors"
	"net/http"
	"strings"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
)

var _ http.Handler = (*Server)(nil)

// ServeHTTP lets a server of net/http, or a router of any kind, be a door to
// this server, beside or instead of those that Listen opens; the first request
// starts the reactor. Sessions are the same behind all doors: one may begin at
// one and be upgraded at another.
//
// What is served is the path of the request as it is behind http.StripPrefix,
// or else as it was sent, when it begins with Config.Path; the rest goes to
// Config.HTTPHandler, or gets a 404.
//
// A WebSocket leaves net/http: its descriptor moves to the reactor, with the
// bytes that have been read, and costs from then on what one costs that came by
// Listen. This needs a *net.TCPConn or *net.UnixConn. Of others, such as those
// of ServeTLS or of a listener that wraps its connections, two goroutines carry
// the bytes: see [poller.Poller.AdoptStream]. What the standard library has
// read ahead of a TLS connection, and how it waits for more, can't be taken out
// of its tls.Conn; TLS without these goroutines is [Server.ListenTLS], with the
// application's own handler as Config.HTTPHandler. A ResponseWriter that can't be
// hijacked refuses WebSockets by a 400; HTTP/2 has no upgrade. Such clients stay
// on polling, which costs a goroutine for as long as a GET is pending.
//
// http.Server.Shutdown knows nothing of connections that left it: Shutdown of
// this server ends them, and answers the GETs that the other waits for. Call it
// first, or by http.Server.RegisterOnShutdown.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, ok := srv.targetOf(r)
	switch {
	case ok:
	case srv.cfg.HTTPHandler != nil:
		srv.cfg.HTTPHandler.ServeHTTP(w, r)
		return
	default:
		w.Header().Set("Content-Length", "0")
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if srv.start() != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if !srv.closing.Load() {
		srv.guests.enter()
		defer srv.guests.leave()
	}
	preflight := srv.cfg.CORS != nil && r.Method == http.MethodOptions
	switch h := srv.cfg.asset(target); {
	case h != nil && !preflight:
		srv.withCORS(h).ServeHTTP(w, r)
	case srv.chain.Load() == nil || preflight:
		srv.serveHTTP(w, r, target)
	default:
		srv.throughChain(w, r)
	}
}

// targetOf returns the target by which r is for this server.
func (srv *Server) targetOf(r *http.Request) (target string, ok bool) {
	for _, target = range [...]string{r.URL.RequestURI(), r.RequestURI} {
		if strings.HasPrefix(target, srv.cfg.Path) {
			return target, true
		}
	}
	return "", false
}

// serveHTTP serves a request that has passed all middlewares.
func (srv *Server) serveHTTP(w http.ResponseWriter, r *http.Request, target string) {
	if !srv.asksUpgrade(r) {
		srv.web.ServeGuest(srv.loopFor(r), w, r, target, srv.ended)
		return
	}
	if web.Rejoin(r, w.Header(), (*door)(srv)) {
		return
	}
	err := srv.web.Hijack(srv.poller, srv.loopFor(r), w, r, target)
	var malformed *http1.Error
	switch {
	case err == nil:
	case errors.As(err, &malformed):
		w.Header().Set("Connection", "close")
		w.WriteHeader(malformed.Status)
	default:
		srv.report(err)
		srv.refuseHTTP(w, r, err.Error())
	}
}

// asksUpgrade reports whether r asks to leave HTTP. Only HTTP/1 knows that.
func (srv *Server) asksUpgrade(r *http.Request) bool {
	return r.ProtoMajor == 1 && r.Header["Upgrade"] != nil && srv.cfg.serves(websocket) &&
		http1.HasToken([]byte(r.Header.Get("Connection")), "upgrade")
}

// loopFor returns the loop for a request: that of its session, or any.
func (srv *Server) loopFor(r *http.Request) *poller.Loop {
	if sid, _ := http1.QueryValue([]byte(r.URL.RawQuery), "sid"); len(sid) > 0 {
		if s := srv.find(sid); s != nil {
			return s.shard.loop
		}
	}
	return srv.poller.NextLoop()
}

// refuseHTTP answers a request that did not come to a loop by code 3.
func (srv *Server) refuseHTTP(w http.ResponseWriter, r *http.Request, cause string) {
	address := ""
	if a := web.RemoteOf(r); a.IsValid() {
		address = a.Addr().String()
	}
	srv.shards[0].count.refused[codeBadRequest].Add(1)
	srv.cfg.OnConnectionError(&ConnectionError{
		Code: codeBadRequest, Message: codeText[codeBadRequest], Cause: cause,
		URL: r.RequestURI, Address: address,
	})
	if srv.asksUpgrade(r) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Connection", "close")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(codeText[codeBadRequest]))
		return
	}
	srv.setCORS(w, r)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(refusalBody(codeBadRequest, codeText[codeBadRequest]))
}

// setCORS sets the headers that every answer carries.
func (srv *Server) setCORS(w http.ResponseWriter, r *http.Request) {
	if srv.cfg.CORS == nil {
		return
	}
	var origin []byte
	if v := r.Header["Origin"]; len(v) > 0 {
		origin = []byte(v[0])
	}
	web.MergeLines(w.Header(), srv.cfg.CORS.appendHeaders(nil, origin))
}

// withCORS returns h with these headers on its answers.
func (srv *Server) withCORS(h http.Handler) http.Handler {
	if srv.cfg.CORS == nil {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		srv.setCORS(w, r)
		h.ServeHTTP(w, r)
	})
}

// asset returns the handler for a file below Path, or nil.
func (c *Config) asset(target string) http.Handler {
	if c.Assets == nil {
		return nil
	}
	name, _, _ := strings.Cut(target[len(c.Path):], "?")
	return c.Assets[name]
}
