package sio

import "github.com/sirocco-io/sirocco/eio"

// ClientSockets returns the connected sockets of the client of s, in all
// namespaces, s among them unless it is disconnected. They share the session
// that Conn returns. The caller owns the result.
func (s *Socket) ClientSockets() []*Socket {
	c := clientOf(s.sess)
	c.loop.clients.Lock()
	defer c.loop.clients.Unlock()
	var all []*Socket
	for _, o := range c.sockets() {
		if o.Connected() {
			all = append(all, o)
		}
	}
	return all
}

// OnUpgrade registers fn for the moment when the connection of s has gone over
// to another transport, whose name it is given. It runs as a handler of events
// does. An upgrade that happened before s was connected is not told: see the
// TransportName of Conn.
func (s *Socket) OnUpgrade(fn func(transport string)) {
	s.registry().change(func(t *handlerTable) {
		t.upgrade = append(t.upgrade, func(_ *Socket, transport string) { fn(transport) })
	})
}

// OnUpgrade is [Socket.OnUpgrade] for all sockets of the namespace.
func (n *Namespace) OnUpgrade(fn func(s *Socket, transport string)) {
	n.reg.change(func(t *handlerTable) { t.upgrade = append(t.upgrade, fn) })
}

// OnUpgrade implements eio.Handler.
func (engine) OnUpgrade(sess *eio.Session) {
	for _, s := range clientOf(sess).sockets() {
		if s.Connected() && len(s.nsp.reg.load().upgrade)+len(s.ownTable().upgrade) > 0 {
			t := getTask()
			t.kind = taskUpgrade
			s.loop.work.stage(s, t)
		}
	}
}

// runUpgrade tells of an upgrade. Off the loop.
func (s *Socket) runUpgrade() {
	defer s.rescue("upgrade")
	for _, list := range [...][]upgradeFunc{s.nsp.reg.load().upgrade, s.ownTable().upgrade} {
		for _, fn := range list {
			fn(s, s.sess.TransportName())
		}
	}
}
