// Package eio is an Engine.IO server, of revision 4 and, behind
// Config.AllowEIO3, of revision 3: sessions over HTTP long-polling and
// WebSocket, the upgrade from one to the other, heartbeats and closing.
//
//	type echo struct{}
//
//	func (echo) OnOpen(*eio.Session)    {}
//	func (echo) OnUpgrade(*eio.Session) {}
//	func (echo) OnDrain(*eio.Session)   {}
//	func (echo) OnMessage(s *eio.Session, b []byte, binary bool) {
//		s.Write(b, binary)
//	}
//	func (echo) OnClose(*eio.Session, eio.Reason, error) {}
//
//	server, err := eio.NewServer(eio.Config{}, echo{})
//	addr, err := server.Listen("tcp", "127.0.0.1:3000")
//
// # Concurrency
//
// A [Session] belongs to the loop of the connection that made its handshake,
// for life; a connection that brings a request for a session of another loop
// is moved there first. All methods of [Handler] are called on that loop, one
// at a time for all sessions of the loop: they must not block. Methods of
// Session are for the loop only unless they say otherwise.
//
// # Lifecycle
//
// For each OnOpen there is exactly one OnClose, whatever dies first, and
// nothing is delivered after it. OnClose is never called from inside a method
// of Session: it comes later in the same turn of the loop.
//
// # Ownership
//
// Bytes that a Handler is given are valid, and may be modified, until it
// returns; they must be copied to be kept. Functions that are given bytes copy
// them. A frame given to Send belongs to the session from then on, also when
// Send reports false.
package eio
