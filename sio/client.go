package sio

import (
	"errors"
	"slices"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

// client is one Engine.IO session with the sockets that share it. Loop only.
type client struct {
	sess  *eio.Session
	loop  *loopState
	timer *connectTimer // until a namespace is joined
	parts *assembly     // while attachments are awaited; with Config.Parser always
	more  []*Socket     // live sockets besides first; written under loopState.clients

	first    Socket // the usual client has one socket for life
	used     bool   // first has been given out, and is not used again
	live     bool   // first is live; written under loopState.clients
	dead     bool   // the connection is being closed: nothing is read any more
	inactive bool   // reading is paused because of queued events
	older    bool   // speaks revision 4 of the protocol, see older.go
	lookups  uint16 // CONNECTs that wait for a namespace
}

func clientOf(s *eio.Session) *client { return s.Data().(*client) }

// connectTimer closes a connection that joins no namespace in time.
type connectTimer struct {
	poller.Timer
	client *client
}

// OnTimer implements poller.TimerHandler.
func (t *connectTimer) OnTimer(*poller.Timer) {
	c := t.client
	c.timer = nil
	c.loop.srv.hit(limitConnectTimeout)
	c.close()
}

// engine receives the sessions of a server.
type engine struct{ srv *Server }

// OnOpen implements eio.Handler.
func (e engine) OnOpen(sess *eio.Session) {
	ls := e.srv.stateOf(sess.Loop())
	c := &client{sess: sess, loop: ls, older: sess.Protocol() == olderEngine}
	sess.SetData(c)
	ls.counters.connections.Add(1)
	if d := e.srv.cfg.ConnectTimeout; d > 0 {
		c.timer = &connectTimer{client: c}
		ls.loop.Arm(&c.timer.Timer, c.timer, d)
	}
	if c.older {
		c.join(e.srv.Namespace, nil)
	}
}

// OnMessage implements eio.Handler.
func (e engine) OnMessage(sess *eio.Session, b []byte, binary bool) {
	c := clientOf(sess)
	if c.dead {
		return
	}
	if err := c.receive(b, binary); err != nil {
		c.loop.counters.violations.Add(1)
		c.loop.srv.hitBy(err)
		c.fail(err)
	}
}

// OnDrain implements eio.Handler.
func (engine) OnDrain(sess *eio.Session) { clientOf(sess).drained() }

// OnClose implements eio.Handler.
func (e engine) OnClose(sess *eio.Session, reason eio.Reason, err error) {
	c := clientOf(sess)
	c.loop.counters.connections.Add(-1)
	c.end(Reason(reason.String()), err)
}

// receive handles one message of the client.
func (c *client) receive(b []byte, binary bool) *ProtocolError {
	if c.loop.srv.cfg.Parser != nil {
		return c.receiveParsed(b, binary)
	}
	if binary {
		if c.parts == nil {
			return errBinary
		}
		return c.attach(b)
	}
	if c.parts != nil {
		return errPlaintext
	}
	var p packet
	if err := p.decode(b, c.limits()); err != nil {
		return err
	}
	if p.attachments > 0 {
		return c.await(b)
	}
	return c.handle(&p, nil)
}

// handle acts on a whole packet. t owns the bytes of a binary one.
func (c *client) handle(p *packet, t *task) *ProtocolError {
	s := c.find(p.nsp)
	switch {
	case s == nil && p.kind == packetConnect:
		if c.loop.drain != nil {
			return nil // no answer: a refusal would keep an official client from reconnecting
		}
		return c.connect(p)
	case s == nil || s.state.Load() == stateConnecting:
		return errInvalidState
	}
	if s.traced {
		s.traceIn(p, t)
	}
	switch p.kind {
	case packetEvent, packetBinaryEvent:
		if c.loop.drain != nil && c.loop.drain.holds(c) {
			return nil // it goes when its handlers have returned
		}
		if !c.loop.srv.rated || s.withinRate(p, t) {
			s.receive(p, t)
		}
	case packetAck, packetBinaryAck:
		s.acknowledged(p, t)
	case packetDisconnect:
		c.forget(s)
		s.finish(ReasonClientDisconnect, nil)
	default:
		return errInvalidState
	}
	return nil
}

// find returns the live socket in the namespace that a packet names, or nil.
// There are few to compare with. Ownership: name is only read.
func (c *client) find(name []byte) *Socket {
	if c.live && c.first.nsp.named(name) {
		return &c.first
	}
	for _, s := range c.more {
		if s.nsp.named(name) {
			return s
		}
	}
	return nil
}

// forget drops s from the live sockets.
func (c *client) forget(s *Socket) {
	c.loop.clients.Lock()
	defer c.loop.clients.Unlock()
	if s == &c.first {
		c.live = false
		return
	}
	if i := slices.Index(c.more, s); i >= 0 {
		c.more = slices.Delete(c.more, i, i+1)
	}
}

// sockets returns the live sockets. On the loop, or with loopState.clients held.
func (c *client) sockets() []*Socket {
	if !c.live {
		return slices.Clone(c.more)
	}
	return append([]*Socket{&c.first}, c.more...)
}

// take returns the live sockets and forgets them.
func (c *client) take() []*Socket {
	c.loop.clients.Lock()
	defer c.loop.clients.Unlock()
	all := c.sockets()
	c.more, c.live = nil, false
	return all
}

// join makes a socket for a CONNECT to n, which [Server.enter] has counted.
// Ownership: auth is copied.
func (c *client) join(n *Namespace, auth []byte) {
	if err := c.mayJoin(); err != nil {
		n.leave()
		c.refuse(n.name, err)
		return
	}
	s := c.newSocket(n)
	if auth != nil {
		s.extend().authJSON = append([]byte(nil), auth...)
	}
	if r := n.recoveryOf(auth); r != nil && !c.older {
		s.stageRecovery(taskTake, r)
		return
	}
	c.begin(s)
}

// begin gives a new socket its id and has it admitted.
func (c *client) begin(s *Socket) {
	n := s.nsp
	if _, ok := n.srv.sockets.Add(s); !ok {
		c.forget(s)
		n.leave()
		c.refuse(n.name, errors.New("too many sockets"))
		return
	}
	if c.older {
		s.nameAsOlder()
	}
	if n.middlewares.Load() != nil {
		s.runMiddlewares()
		return
	}
	c.joined()
	s.connect()
}

// mayJoin returns why the client cannot join one more namespace, or nil.
func (c *client) mayJoin() error {
	srv := c.loop.srv
	switch {
	case srv.closed.Load():
		return ErrServerClosed
	case len(c.more)+int(c.lookups) >= srv.cfg.MaxNamespaces-1:
		srv.hit(limitNamespaces)
		return errTooManyNamespaces
	}
	return nil
}

// newSocket returns a live socket for n: the one inside c, if it was not used.
func (c *client) newSocket(n *Namespace) *Socket {
	c.loop.clients.Lock()
	defer c.loop.clients.Unlock()
	s := &c.first
	if c.used {
		s = new(Socket)
		c.more = append(c.more, s)
	} else {
		c.used, c.live = true, true
	}
	s.sess, s.nsp, s.loop, s.issued = c.sess, n, c.loop, now()
	return s
}

// joined ends the time that the client had to join a namespace.
func (c *client) joined() {
	if c.timer != nil {
		c.loop.loop.Disarm(&c.timer.Timer)
		c.timer = nil
	}
}

// refuse sends a CONNECT_ERROR.
func (c *client) refuse(nsp string, err error) {
	message, data := err.Error(), any(nil)
	var ce *ConnectError
	if errors.As(err, &ce) {
		message, data = ce.Message, ce.Data
	}
	if nsp == "" {
		nsp = "/"
	}
	encode := c.loop.srv.connectErrorFrame
	if c.older && !errors.Is(err, errUnknownNamespace) { // which is an object in both
		encode = c.loop.srv.olderErrorFrame
	}
	f, bad := encode(nsp, message, data)
	if bad != nil {
		c.loop.srv.cfg.OnError(bad)
		f, bad = encode(nsp, message, nil)
	}
	if bad == nil {
		c.sess.Send(f)
	}
}

// fail ends a connection whose client broke the protocol: its sockets at once,
// as the reference does, the transport when it is flushed.
func (c *client) fail(err error) {
	c.dead = true
	reason := ReasonForcedClose
	if !c.sess.CloseNow() {
		reason = ReasonForcedServerClose
	}
	c.end(reason, err)
}

// kick ends the connection from our side, and tells the client to stay away.
func (c *client) kick(err error) {
	for _, o := range c.take() {
		if o.state.Load() != stateConnecting {
			o.sendDisconnect()
		}
		o.finish(ReasonServerDisconnect, err)
	}
	c.close()
}

// close ends the connection from our side.
func (c *client) close() {
	c.end(ReasonForcedServerClose, nil)
	c.sess.CloseNow()
}

// end disconnects all sockets and gives up what the client holds.
func (c *client) end(reason Reason, err error) {
	c.dead = true
	c.joined()
	if c.inactive {
		c.inactive = false
		c.loop.counters.paused.Add(-1)
	}
	if c.parts != nil {
		c.parts.drop()
	}
	for _, s := range c.take() {
		s.finish(reason, err)
	}
}
