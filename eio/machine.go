package eio

import (
	"runtime/debug"
)

// The machine of a session: what the transports call. All of it runs on the
// session's loop. It knows transports and pending requests through interfaces
// only (transport.go), and revisions of the protocol through dialect.

// open begins the session on its first transport: the open packet goes out,
// then the Handler is told. flush is called between the two.
func (s *Session) open(tr transport, flush func()) {
	s.state = Open
	s.adopt(tr)
	sh := s.shard
	sh.count.handshakes.Add(1)
	s.sendPacket(openFrame(s, sh.srv.tails[s.via]))
	if p := sh.srv.cfg.InitialPacket; p != "" {
		s.Send(messageFrame([]byte(p), false))
	}
	if flush != nil {
		flush()
	}
	s.dialect.start(s)
	s.flags |= flagTold
	s.tellOpen()
}

// adopt makes tr the transport of the session.
func (s *Session) adopt(tr transport) {
	if s.flags&flagListed != 0 {
		s.shard.count.sessions[s.via].Add(-1)
	}
	s.tr, s.via = tr, tr.kind()
	s.flags |= flagListed
	s.publish()
	s.shard.count.sessions[s.via].Add(1)
	tr.attach(s)
}

// receive handles one message of a WebSocket. Ownership: b may be written to,
// and is not kept.
func (s *Session) receive(b []byte, binary bool) {
	if s.state == Open {
		s.handle(s.dialect.decode(b, binary))
	}
}

// handle handles one packet (EIO v4, "Packet types").
func (s *Session) handle(p packet) {
	if s.state != Open {
		return
	}
	s.shard.count.packetsIn.Add(1)
	if s.shard.srv.cfg.OnPacket != nil {
		s.showIn(p)
	}
	s.dialect.packet(s, p.typ)
	switch p.typ {
	case packetMessage:
		s.shard.count.messagesIn.Add(1)
		s.shard.count.bytesIn.Add(uint64(len(p.data)))
		s.tellMessage(p)
	case packetPong:
		s.dialect.pong(s)
	case packetPing:
		s.dialect.ping(s)
	case packetClose:
		s.end(TransportClose, nil, true)
	case packetError:
		s.finish(ParseError, ErrInvalidPacket)
	}
	// Others are ignored, as in the reference.
}

// lost handles the end of the session's transport that the session did not
// end itself. The transport must not be used any more.
func (s *Session) lost(reason Reason, err error) {
	s.tr = gone{}
	s.finish(reason, err)
}

// closed is called by a transport whose close had to wait.
func (s *Session) closed() { s.finish(ForcedClose, nil) }

// finish ends the session.
func (s *Session) finish(reason Reason, err error) { s.end(reason, err, false) }

// end ends the session. Whatever comes first wins. The Handler is told later
// in this turn, as it may be the one who is calling.
func (s *Session) end(reason Reason, err error, byClient bool) {
	if s.state == Closed {
		return
	}
	s.state, s.reason = Closed, reason
	s.publish()
	s.timing = idle
	s.shard.Disarm(&s.timer)
	if s.up != nil {
		s.up.fail()
	}
	tr := s.tr
	s.tr = gone{}
	tr.abandon(byClient)
	s.shard.srv.forget(s)
	if s.flags&flagListed != 0 {
		s.shard.count.sessions[s.via].Add(-1)
		s.shard.count.closes[reason].Add(1)
	}
	if s.flags&flagTold == 0 {
		return
	}
	if !s.shard.Post(closeTold, s, err) {
		closeTold(s, err) // the loop ends: there is no later
	}
}

// closeTold tells the Handler the end of the session.
func closeTold(session, cause any) {
	s := session.(*Session)
	err, _ := cause.(error)
	defer s.shard.srv.caught(nil)
	s.shard.srv.handler.OnClose(s, s.reason, err)
}

// The calls to the Handler. A panic in one of them ends the session.

func (s *Session) tellOpen() {
	defer s.shard.srv.caught(s)
	s.shard.srv.handler.OnOpen(s)
}

func (s *Session) tellMessage(p packet) {
	defer s.shard.srv.caught(s)
	s.shard.srv.handler.OnMessage(s, p.data, p.binary)
}

func (s *Session) tellUpgrade() {
	defer s.shard.srv.caught(s)
	s.shard.srv.handler.OnUpgrade(s)
}

func (s *Session) tellDrain() {
	if s.state != Open {
		return
	}
	defer s.shard.srv.caught(s)
	s.shard.srv.handler.OnDrain(s)
}

// caught, deferred around user code, turns a panic into the end of s, which
// may be nil, and a report.
func (srv *Server) caught(s *Session) {
	v := recover()
	if v == nil {
		return
	}
	err := &PanicError{Value: v, Stack: debug.Stack()}
	if s != nil {
		s.finish(ForcedClose, err)
	}
	srv.report(err)
}

// report hands an error to Config.OnError, whose own panics end there.
func (srv *Server) report(err error) {
	defer func() { _ = recover() }()
	srv.cfg.OnError(err)
}
