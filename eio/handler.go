package eio

// Handler receives what happens to sessions, on the loop of the session. Its
// methods must not block; a panic ends the session and reaches Config.OnError.
type Handler interface {
	// OnOpen is the first call for a session: the open packet has been sent.
	OnOpen(s *Session)
	// OnMessage brings the payload of a message packet, without the type
	// digit. b is valid, and may be modified, until OnMessage returns.
	OnMessage(s *Session, b []byte, binary bool)
	// OnUpgrade tells that the session went over to another transport.
	OnUpgrade(s *Session)
	// OnDrain tells that all that had to wait for the client to take more
	// has been handed to the transport.
	OnDrain(s *Session)
	// OnClose is the last call, exactly one for each OnOpen. err carries
	// details and may be nil.
	OnClose(s *Session, reason Reason, err error)
}
