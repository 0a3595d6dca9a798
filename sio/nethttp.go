package sio

import "net/http"

var _ http.Handler = (*Server)(nil)

// ServeHTTP lets a server of net/http, or a router of any kind, be a door to
// this server, beside or instead of Listen:
//
//	mux.Handle("/socket.io/", io)
//
// WebSockets leave net/http and cost what they cost by Listen. See
// [eio.Server.ServeHTTP] for what it takes, what a poll costs, TLS, and the order
// in which the two servers are to be shut down.
func (srv *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { srv.engine.ServeHTTP(w, r) }

// UseHTTP adds a middleware for the HTTP requests of the server, those that ask
// for a WebSocket included, at every door: io.engine.use of the reference. What
// it puts in the context of the handshake is there by [Handshake.Context]. See
// [eio.Server.Use].
func (srv *Server) UseHTTP(middleware func(next http.Handler) http.Handler) {
	srv.engine.Use(middleware)
}
