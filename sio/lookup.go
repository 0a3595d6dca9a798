package sio

import "runtime/debug"

// lookup is a CONNECT to a namespace that does not exist, or is just being
// made, while user code is asked about it off the loop. It lasts no longer
// than that, and counts for the limit of namespaces of its connection.
type lookup struct {
	carrier Socket // what the dispatcher runs it for; never shown to anybody
	client  *client
	name    string
	auth    []byte
	found   *Namespace // counted, as by enter
	made    bool       // found is new: to be borne by whoever made it
	refusal error
}

// connect answers a CONNECT to a namespace that the client is not in.
func (c *client) connect(p *packet) *ProtocolError {
	srv := c.loop.srv
	if c.older {
		p.payload = queryJSON(p.query)
	}
	n := srv.enter(p.nsp)
	if n != nil && n.born() {
		c.join(n, p.payload)
		return nil
	}
	parents, quick := srv.dir.candidates(srv)
	if n == nil && len(parents) == 0 {
		c.refuse(string(p.nsp), errUnknownNamespace)
		return nil
	}
	if err := c.mayJoin(); err != nil {
		if n != nil {
			n.leave()
		}
		c.refuse(string(p.nsp), err)
		return nil
	}
	l := &lookup{client: c, name: string(p.nsp), found: n}
	if n == nil && quick {
		l.search(parents)
		if l.found == nil || l.found.born() {
			c.settle(l, p.payload)
			return nil
		}
	}
	if p.payload != nil {
		l.auth = append([]byte(nil), p.payload...)
	}
	l.begin()
	return nil
}

// candidates returns the parents, and whether asking them, and making a child,
// needs no user code but their patterns.
func (d *directory) candidates(srv *Server) (parents []*Namespace, quick bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	quick = len(d.onNew) == 0 && srv.cfg.Adapter == nil
	for _, p := range d.parents {
		quick = quick && p.family.pattern != nil
	}
	return d.parents, quick
}

// begin hands l to the dispatcher. Loop only.
func (l *lookup) begin() {
	c, s := l.client, &l.carrier
	s.sess, s.loop, s.nsp = c.sess, c.loop, c.loop.srv.Namespace
	c.lookups++
	t := getTask()
	t.kind, t.lookup = taskLookup, l
	c.loop.work.stage(s, t)
}

// run asks user code and tells the loop what it said. Off the loop.
func (l *lookup) run() {
	defer l.rescue()
	if l.found == nil {
		srv := l.client.loop.srv
		parents, _ := srv.dir.candidates(srv)
		l.search(parents)
	}
	if l.made {
		l.found.bear()
	}
	if l.found != nil {
		l.found.awaitBirth()
	}
	l.client.loop.loop.Post(postLookup, l, nil)
}

// rescue is deferred around user code: a panic ends the connection, as one in
// a middleware does.
func (l *lookup) rescue() {
	v := recover()
	if v == nil {
		return
	}
	c := l.client
	c.loop.counters.panics.Add(1)
	err := &PanicError{Event: "namespace", Value: v, Stack: debug.Stack()}
	l.refusal = err
	c.loop.loop.Post(postLookup, l, nil)
	c.loop.srv.cfg.OnError(err)
}

// search asks the parents, in the order of their registration, for a child
// with the name.
func (l *lookup) search(parents []*Namespace) {
	c := l.client
	issued := now()
	handshake := func() Handshake { return handshakeOf(c.sess, issued, authOf(l.auth)) }
	for _, p := range parents {
		if p.family.accept(l.name, handshake) {
			l.adopt(p)
			return
		}
	}
	l.refusal = errUnknownNamespace
}

// adopt finds the child of p that was asked for, or makes it. Another client
// may have been faster.
func (l *lookup) adopt(p *Namespace) {
	srv := p.srv
	d := &srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.byName[l.name]
	switch {
	case n != nil:
	case srv.closed.Load(): // whoever closes the adapters would not see this one
		l.refusal = ErrServerClosed
		return
	case d.children >= srv.cfg.MaxDynamicNamespaces:
		srv.hit(limitDynamic)
		l.refusal = errTooManyNamespaces
		return
	default:
		n, l.made = d.add(srv, l.name, p), true
	}
	if n.parent != nil {
		n.users++
	}
	l.found = n
}

// postLookup ends a lookup on the loop.
func postLookup(a, _ any) {
	l := a.(*lookup)
	c := l.client
	c.lookups--
	switch _, panicked := l.refusal.(*PanicError); {
	case c.dead:
		if l.found != nil {
			l.found.leave()
		}
	case panicked:
		if l.found != nil {
			l.found.leave()
		}
		c.fail(l.refusal)
	default:
		c.settle(l, l.auth)
	}
}

// settle answers the CONNECT of l. Ownership: auth is copied.
func (c *client) settle(l *lookup, auth []byte) {
	n := l.found
	switch {
	case n == nil:
		c.refuse(l.name, l.refusal)
	case c.find([]byte(n.name)) != nil:
		// The client asked twice before it was answered once.
		n.leave()
		c.loop.counters.violations.Add(1)
		c.fail(errInvalidState)
	default:
		c.join(n, auth)
	}
}
