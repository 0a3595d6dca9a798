package sio

// Hot path up to runInline: no allocation, no lock.

// receive handles an event that arrived. t owns the bytes of a binary one; of
// others p is a view of the loop's buffer. Loop only.
func (s *Socket) receive(p *packet, t *task) {
	ls := s.loop
	ls.counters.eventsIn.Add(1)
	if p.payload == nil && p.parsed == nil || s.state.Load() != stateConnected {
		return // no name that a handler could have, or Disconnect was called
	}
	shared, own := s.nsp.reg.load(), s.ownTable()
	a, b := shared.find(p.name), own.find(p.name)
	inlined := false
	if !shared.taps() && !own.taps() {
		total, inline := 0, 0
		if a != nil {
			total, inline = len(a.list), a.inline
		}
		if b != nil {
			total, inline = total+len(b.list), inline+b.inline
		}
		if total == 0 && s.queuedCount.Load() == 0 {
			return // and no handler that waits could register one
		}
		if inline > 0 {
			s.runInline(a, p, t)
			s.runInline(b, p, t)
			if inline == total {
				return
			}
			inlined = true
		}
	}
	if t == nil {
		t = getTask()
	}
	t.keep(p)
	t.kind, t.inline = taskEvent, inlined
	ls.work.stage(s, t)
}

// runInline calls the inline handlers of e on the loop.
func (s *Socket) runInline(e *eventHandlers, p *packet, t *task) {
	if e == nil || e.inline == 0 {
		return
	}
	ev := &s.loop.event
	*ev = RawEvent{socket: s, name: e.name, args: p.args, parsed: p.parsed, id: p.id}
	if t != nil {
		ev.attachments = t.parts
	}
	for _, h := range e.list {
		if h.inline {
			s.call(h, ev)
		}
	}
	*ev = RawEvent{}
}

// call runs one handler and survives its panic.
func (s *Socket) call(h *handler, e *RawEvent) {
	if h.once {
		if h.fired.Swap(true) {
			return
		}
		s.dropOnce(h, e.name)
	}
	defer s.rescue(e.name)
	h.run(e)
}

// dropOnce removes a handler that was to be called once.
func (s *Socket) dropOnce(h *handler, event string) {
	s.nsp.reg.off(event, h)
	if p := s.nsp.parent; p != nil {
		p.reg.off(event, h)
	}
	if x := s.ext.Load(); x != nil {
		x.reg.off(event, h)
	}
}

// runEvent shows an event to any-listeners, middlewares and handlers, in this
// order. Off the loop.
func (s *Socket) runEvent(t *task) {
	t.event.socket = s
	shared, own := s.nsp.reg.load(), s.ownTable()
	a, b := shared.find(t.name), own.find(t.name)
	switch {
	case a != nil:
		t.event.name = a.name
	case b != nil:
		t.event.name = b.name
	}
	if shared.taps() || own.taps() {
		if t.event.name == "" {
			t.event.name = string(t.name)
		}
		if !s.runTaps(t, shared, own) {
			return
		}
	}
	s.runList(t, a)
	s.runList(t, b)
}

// runList calls the handlers of e for the event of t.
func (s *Socket) runList(t *task, e *eventHandlers) {
	if e == nil {
		return
	}
	for _, h := range e.list {
		if t.inline && h.inline {
			continue
		}
		if st := s.state.Load(); st == stateLeaving || st == stateKicked {
			return
		}
		s.call(h, &t.event)
	}
}

// runTaps shows the event to any-listeners and middlewares, and reports
// whether it may go on to the handlers.
func (s *Socket) runTaps(t *task, shared, own *handlerTable) (pass bool) {
	defer s.rescue(t.event.name)
	args := t.event.view().clone()
	args.ack = t.event.detachAck()
	for _, list := range [...][]*anyFunc{shared.any, own.any} {
		for _, fn := range list {
			(*fn)(s, t.event.name, args)
		}
	}
	for _, list := range [...][]packetFunc{shared.packet, own.packet} {
		for _, fn := range list {
			if err := fn(s, t.event.name, args); err != nil {
				s.report(t.event.name, err)
				return false
			}
		}
	}
	return true
}

// announce calls the connection handlers. Loop only.
func (s *Socket) announce() {
	queued := false
	for _, h := range s.nsp.reg.load().connection {
		if !h.inline {
			queued = true
			continue
		}
		s.loop.event = RawEvent{socket: s, name: "connection", id: noAck}
		s.call(h, &s.loop.event)
	}
	s.loop.event = RawEvent{}
	if queued {
		t := getTask()
		t.kind = taskConnection
		s.loop.work.stage(s, t)
	}
}

// farewell calls the disconnect handlers behind all that waits. Loop only.
func (s *Socket) farewell(reason Reason, err error) {
	t := getTask()
	t.kind, t.reason, t.err = taskFarewell, reason, err
	s.loop.work.stage(s, t)
}

// runFarewell calls the disconnect handlers; between them the rooms go.
func (s *Socket) runFarewell(reason Reason, err error) {
	shared, own := s.nsp.reg.load(), s.ownTable()
	for _, list := range [...][]disconnectFunc{shared.disconnecting, own.disconnecting} {
		for _, fn := range list {
			s.callDisconnect("disconnecting", fn, reason, err)
		}
	}
	s.saveSession(reason)
	s.forgetRooms()
	s.cancelContext()
	own = s.ownTable() // a handler may have registered another
	for _, list := range [...][]disconnectFunc{shared.disconnect, own.disconnect} {
		for _, fn := range list {
			s.callDisconnect("disconnect", fn, reason, err)
		}
	}
}

func (s *Socket) callDisconnect(event string, fn disconnectFunc, reason Reason, err error) {
	defer s.rescue(event)
	fn(s, reason, err)
}

// runMiddlewares begins the middlewares of a CONNECT. Loop only.
func (s *Socket) runMiddlewares() {
	t := getTask()
	t.kind = taskMiddlewares
	s.loop.work.stage(s, t)
}

// admit runs the middlewares and tells the loop what they said. Off the loop.
func (s *Socket) admit() {
	if s.passMiddlewares() {
		s.loop.loop.Post(postAdmit, s, nil)
	}
}

// passMiddlewares runs the middlewares and reports whether s may go on. If not,
// the loop knows why. Off the loop.
func (s *Socket) passMiddlewares() (pass bool) {
	defer s.rescue("middleware")
	list := s.nsp.middlewares.Load()
	if list == nil {
		return true
	}
	for _, fn := range *list {
		if err := fn(s); err != nil {
			s.loop.loop.Post(postRefuse, s, err)
			return false
		}
		if s.state.Load() != stateConnecting {
			return false // the connection has gone: the socket is forgotten silently
		}
	}
	return true
}

func postAdmit(a, _ any) {
	s := a.(*Socket)
	if s.state.Load() == stateConnecting {
		clientOf(s.sess).joined()
		s.connect()
	}
}

func postRefuse(a, b any) {
	s := a.(*Socket)
	if s.state.Load() != stateConnecting {
		return
	}
	c := clientOf(s.sess)
	c.forget(s)
	s.abandon(true)
	s.finish("", nil)
	c.refuse(s.nsp.name, b.(error))
}
