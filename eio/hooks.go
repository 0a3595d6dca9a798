package eio

import "github.com/sirocco-io/sirocco/internal/frame"

// The hooks for packets are called behind a check for nil, so that they cost
// nothing when nobody asked for them.

// showIn shows a packet that came in to the hook.
func (s *Session) showIn(p packet) {
	if p.typ == packetError {
		return
	}
	defer s.shard.srv.caught(s)
	s.shard.srv.cfg.OnPacket(s, '0'+byte(p.typ), p.data, p.binary)
}

// showOut shows the packets of f and of the frames behind it, which are about
// to be sent, to the hook.
func (s *Session) showOut(f *frame.Frame) {
	defer s.shard.srv.caught(s)
	for ; f != nil; f = f.Next() {
		kind, data := '0'+byte(packetMessage), f.Payload()
		if !f.Binary() {
			kind, data = data[0], data[1:]
		}
		s.shard.srv.cfg.OnPacketCreate(s, kind, data, f.Binary())
	}
}
