package sio

import "context"

// eachLoop calls fn for the parts of the namespace that may have sockets that
// b selects.
func (b Broadcast) eachLoop(fn func(nl *nspLoop)) {
	only := b.onlyTarget()
	for i, nl := range *b.nsp.loops.Load() {
		if nl != nil && nl.count.Load() > 0 && (only == nil || only.loop.index == i) {
			fn(nl)
		}
	}
}

// visit is a call for the sockets that a broadcast selects on a loop.
type visit struct {
	Broadcast
	fn func(nl *nspLoop, sockets []*Socket)
}

// visit has fn called on each loop that may have selected sockets, in order
// with all that the caller does, and returns on how many.
func (b Broadcast) visit(fn func(nl *nspLoop, sockets []*Socket)) (loops int) {
	v := &visit{b, fn}
	b.eachLoop(func(nl *nspLoop) {
		if nl.ls.loop.Post(postVisit, nl, v) {
			loops++
		}
	})
	return loops
}

func postVisit(a, b any) {
	nl, v := a.(*nspLoop), b.(*visit)
	v.fn(nl, nl.matching(v.Broadcast))
}

// matching returns the connected sockets that b selects on this loop. Loop
// only.
func (nl *nspLoop) matching(b Broadcast) []*Socket {
	nl.exclude(&b)
	var all []*Socket
	take := func(sockets ...*Socket) {
		for _, s := range sockets {
			if s.mark != nl.ls.epoch && s.state.Load() == stateConnected {
				s.mark = nl.ls.epoch
				all = append(all, s)
			}
		}
	}
	if len(b.rooms) == 0 {
		take(nl.members...)
	}
	for _, name := range b.rooms {
		if r := nl.rooms[name]; r != nil {
			take(r.sockets...)
		}
		if s := nl.own(name); s != nil {
			take(s)
		}
	}
	return all
}

// SocketsJoin makes the selected sockets join rooms, on all nodes. Sockets at
// [Config.MaxRooms] are reported to [Config.OnError]. What is emitted behind
// it reaches the rooms' new members.
func (b Broadcast) SocketsJoin(rooms ...string) error {
	if b.nsp.family != nil {
		return b.eachChild(func(b Broadcast) error { return b.SocketsJoin(rooms...) })
	}
	b.joinLocal(rooms)
	if a := b.remote(); a != nil {
		return a.SocketsJoin(b.target(), rooms)
	}
	return nil
}

func (b Broadcast) joinLocal(rooms []string) {
	b.visit(func(nl *nspLoop, sockets []*Socket) {
		for _, s := range sockets {
			if err := s.join(rooms, nl.enterNow); err != nil {
				s.report("socketsJoin", err)
			}
		}
	})
}

// SocketsLeave makes the selected sockets leave rooms, on all nodes.
func (b Broadcast) SocketsLeave(rooms ...string) error {
	if b.nsp.family != nil {
		return b.eachChild(func(b Broadcast) error { return b.SocketsLeave(rooms...) })
	}
	b.leaveLocal(rooms)
	if a := b.remote(); a != nil {
		return a.SocketsLeave(b.target(), rooms)
	}
	return nil
}

func (b Broadcast) leaveLocal(rooms []string) {
	b.visit(func(nl *nspLoop, sockets []*Socket) {
		for _, s := range sockets {
			s.leave(rooms, func(s *Socket, m *membership) { nl.exit(s, m) })
		}
	})
}

// DisconnectSockets disconnects the selected sockets, on all nodes, as
// [Socket.Disconnect] does.
func (b Broadcast) DisconnectSockets(closeTransport bool) error {
	if b.nsp.family != nil {
		return b.eachChild(func(b Broadcast) error { return b.DisconnectSockets(closeTransport) })
	}
	b.disconnectLocal(closeTransport)
	if a := b.remote(); a != nil {
		return a.DisconnectSockets(b.target(), closeTransport)
	}
	return nil
}

func (b Broadcast) disconnectLocal(closeTransport bool) {
	b.visit(func(_ *nspLoop, sockets []*Socket) {
		for _, s := range sockets {
			s.Disconnect(closeTransport)
		}
	})
}

// FetchSockets describes the selected sockets, on all nodes: those of other
// nodes by what these answered until ctx ended, with its error when some did
// not. It waits for the loops: in an inline handler it returns [ErrOnLoop].
func (b Broadcast) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	if b.nsp.family != nil {
		var all []RemoteSocket
		err := b.eachChild(func(b Broadcast) error {
			some, err := b.FetchSockets(ctx)
			all = append(all, some...)
			return err
		})
		return all, err
	}
	infos, err := b.fetchLocal(ctx)
	if a := b.remote(); a != nil && err == nil {
		var more []SocketInfo
		more, err = a.FetchSockets(ctx, b.target())
		infos = append(infos, more...)
	}
	sockets := make([]RemoteSocket, len(infos))
	for i, info := range infos {
		sockets[i] = RemoteSocket{SocketInfo: info, to: b.nsp.To(info.ID)}
	}
	return sockets, err
}

func (b Broadcast) fetchLocal(ctx context.Context) ([]SocketInfo, error) {
	if b.nsp.srv.onLoop() {
		return nil, ErrOnLoop
	}
	found := make(chan []*Socket, len(*b.nsp.loops.Load()))
	loops := b.visit(func(_ *nspLoop, sockets []*Socket) { found <- sockets })
	infos := []SocketInfo{}
	for range loops {
		select {
		case sockets := <-found:
			for _, s := range sockets {
				infos = append(infos, s.info())
			}
		case <-ctx.Done():
			return infos, ctx.Err()
		case <-b.nsp.srv.ended:
			return infos, ErrServerClosed
		}
	}
	return infos, nil
}

// onLoop reports whether the caller is on an event loop, which must not wait.
func (srv *Server) onLoop() bool {
	p := srv.engine.Poller() // nil until the server listens
	return p != nil && p.OnLoop()
}

// SocketsJoin makes all sockets of the namespace join rooms, see
// [Broadcast.SocketsJoin].
func (n *Namespace) SocketsJoin(rooms ...string) error {
	return Broadcast{nsp: n}.SocketsJoin(rooms...)
}

// SocketsLeave makes all sockets of the namespace leave rooms, see
// [Broadcast.SocketsLeave].
func (n *Namespace) SocketsLeave(rooms ...string) error {
	return Broadcast{nsp: n}.SocketsLeave(rooms...)
}

// DisconnectSockets disconnects all sockets of the namespace, see
// [Broadcast.DisconnectSockets].
func (n *Namespace) DisconnectSockets(closeTransport bool) error {
	return Broadcast{nsp: n}.DisconnectSockets(closeTransport)
}

// FetchSockets describes all sockets of the namespace, see
// [Broadcast.FetchSockets].
func (n *Namespace) FetchSockets(ctx context.Context) ([]RemoteSocket, error) {
	return Broadcast{nsp: n}.FetchSockets(ctx)
}
