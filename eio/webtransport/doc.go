// Package webtransport serves an Engine.IO server over WebTransport, that is
// HTTP/3: new sessions, and the upgrade of sessions that began by long-polling.
//
//	io, err := sio.NewServer(sio.Config{Transports: []string{"polling", "websocket", "webtransport"}})
//	h3, err := webtransport.NewServer(io.Engine(), webtransport.Config{TLSConfig: certificates})
//	addr, err := h3.Listen(":3000") // UDP; the same port as that of TCP, as clients have it
//
// It is the one transport that does not live on the reactor alone: QUIC is that
// of quic-go, which has goroutines and buffers for each connection, and the
// stream of a session has two more, which carry its bytes to the loop of the
// session. There it is what others are: one queue, one limit, one order. Programs
// that do not import this package build none of it.
//
// # Differences from the reference
//
// The reference asks nobody about a WebTransport session; here
// [eio.Config.AllowedOrigins] and, for new sessions, [eio.Config.AllowRequest]
// are asked, and the session has an address. As in the reference there are no
// headers and no query in its handshake, [eio.Config.GenerateID] is not asked,
// and a server with HTTP middlewares refuses it; CORS is no middleware here.
package webtransport
