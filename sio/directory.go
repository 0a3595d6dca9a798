package sio

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// directory holds the namespaces of a server by name. Only a CONNECT looks
// into it: for all other packets a client finds the namespace among its own
// sockets.
type directory struct {
	mu       sync.Mutex // lock order: none is taken while it is held
	byName   map[string]*Namespace
	peak     int                // guarded by mu: the most that byName has held
	parents  []*Namespace       // guarded by mu: appended to only
	onNew    []func(*Namespace) // guarded by mu: appended to only
	children int                // guarded by mu: how many of byName have a parent
}

// family makes a namespace a parent: clients cannot connect to it, but to
// children that it has, or gets when they ask for one that it accepts.
type family struct {
	pattern  *regexp.Regexp                             // nil for a parent made by OfFunc
	accept   func(name string, h func() Handshake) bool // may block unless pattern is set
	children map[string]*Namespace                      // guarded by directory.mu
}

// Errors that a client's CONNECT is answered with, in the reference's words
// where it has some.
var (
	errUnknownNamespace  = errors.New("Invalid namespace") //lint:ignore ST1005 the text goes to the client
	errTooManyNamespaces = errors.New("too many namespaces")
)

// errParentAck is returned for acknowledgements that would have to come from
// several namespaces.
var errParentAck = errors.New("sio: a parent namespace cannot ask for acknowledgements")

// minPeak is the number of names below which the map keeps its memory.
const minPeak = 64

// Of returns the namespace with this name, which is made if there is none: as
// the child of the first parent whose pattern matches (see [Server.OfPattern]),
// or on its own. Clients can connect to it from then on. The slash in front
// may be left out.
func (srv *Server) Of(name string) *Namespace {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	d := &srv.dir
	d.mu.Lock()
	n := d.byName[name]
	if n != nil {
		d.mu.Unlock()
		n.awaitLink()
		return n
	}
	n = d.add(srv, name, d.parentOf(name))
	d.mu.Unlock()
	n.bear()
	return n
}

// OfPattern returns a parent of namespaces: a client that asks for one that
// does not exist, and whose name matches, makes it. A match anywhere in the
// name will do, as in the reference: write "^/dynamic-[0-9]+$" to bind it to
// the whole. Parents are asked in the order of their registration.
//
// What is registered on a parent (handlers, middlewares) before a child is
// made is shared by the child; what comes later is not. What is emitted to a
// parent reaches the sockets of all its children, in each of them as an event
// of the child. [Config.MaxDynamicNamespaces] bounds the children.
func (srv *Server) OfPattern(re *regexp.Regexp) *Namespace {
	return srv.newParent(&family{
		pattern: re,
		accept:  func(name string, _ func() Handshake) bool { return re.MatchString(name) },
	})
}

// OfFunc is [Server.OfPattern] with a function that decides about names. It
// is given the handshake of the client with the auth of its CONNECT, and says
// whether it accepts the name; if not, the next parent is asked. It is called
// off the loop, may block, and is called from several goroutines at once.
func (srv *Server) OfFunc(accept func(name string, h Handshake) bool) *Namespace {
	return srv.newParent(&family{
		accept: func(name string, h func() Handshake) bool { return accept(name, h()) },
	})
}

func (srv *Server) newParent(f *family) *Namespace {
	f.children = make(map[string]*Namespace)
	d := &srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	p := newNamespace(srv, "/_"+strconv.Itoa(len(d.parents))) // the reference's name
	p.family = f
	d.parents = append(d.parents, p)
	return p
}

// OnNewNamespace registers fn for every namespace that is made from now on, by
// Of or for a client. No client is connected to it before fn returns, which
// may block: handlers that fn registers miss nothing.
func (srv *Server) OnNewNamespace(fn func(n *Namespace)) {
	d := &srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	d.onNew = append(d.onNew, fn)
}

// parentOf returns the first parent whose pattern matches, or nil. d.mu held.
func (d *directory) parentOf(name string) *Namespace {
	for _, p := range d.parents {
		if p.family.pattern != nil && p.family.pattern.MatchString(name) {
			return p
		}
	}
	return nil
}

// add makes a namespace; p is its parent or nil. d.mu held.
func (d *directory) add(srv *Server, name string, p *Namespace) *Namespace {
	n := newNamespace(srv, name)
	if p != nil {
		n.parent = p
		n.inherit(p)
		p.family.children[name] = n
		d.children++
	}
	if srv.cfg.Adapter != nil || len(d.onNew) > 0 {
		n.birth = &birth{hooks: d.onNew, linked: make(chan struct{}), done: make(chan struct{})}
	} else {
		n.newLink() // without user code: for recovery
		n.watchRooms()
	}
	d.byName[name] = n
	d.peak = max(d.peak, len(d.byName))
	return n
}

// inherit makes n share what is registered on its parent so far. The tables
// are immutable: a later registration on either replaces its own only.
func (n *Namespace) inherit(p *Namespace) {
	if t := p.reg.table.Load(); t != nil {
		n.reg.table.Store(t)
	}
	if list := p.middlewares.Load(); list != nil {
		n.middlewares.Store(list)
	}
}

// birth is what has to be done for a new namespace outside of the lock, since
// user code does it. It is there already for those who ask for it by name.
type birth struct {
	hooks  []func(*Namespace)
	linked chan struct{} // closed when the adapter was made
	done   chan struct{} // closed when the hooks have returned: clients may come
}

// bear makes the adapter of a new namespace and shows it to the hooks.
func (n *Namespace) bear() {
	if n.birth == nil {
		return
	}
	defer close(n.birth.done)
	n.makeLink()
	for _, fn := range n.birth.hooks {
		fn(n)
	}
}

func (n *Namespace) makeLink() {
	defer close(n.birth.linked)
	n.newLink()
	n.watchRooms()
}

// awaitLink returns when the adapter of n was made.
func (n *Namespace) awaitLink() {
	if n.birth != nil {
		<-n.birth.linked
	}
}

// awaitBirth returns when clients may connect to n.
func (n *Namespace) awaitBirth() {
	if n.birth != nil {
		<-n.birth.done
	}
}

// born reports whether clients may connect to n.
func (n *Namespace) born() bool {
	if n.birth == nil {
		return true
	}
	select {
	case <-n.birth.done:
		return true
	default:
		return false
	}
}

// enter returns the namespace that a CONNECT names, with one socket more
// counted, or nil. nil names "/". Ownership: name is only read.
func (srv *Server) enter(name []byte) *Namespace {
	if name == nil {
		return srv.Namespace
	}
	d := &srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.byName[string(name)]
	if n != nil && n.parent != nil {
		n.users++
	}
	return n
}

// leave counts one socket less. A child without sockets goes, if the server is
// told to clean up.
func (n *Namespace) leave() {
	if n.parent == nil {
		return
	}
	d := &n.srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	if n.users--; n.users > 0 || !n.srv.cfg.CleanupEmptyChildNamespaces || !n.born() {
		return
	}
	delete(d.byName, n.name)
	delete(n.parent.family.children, n.name)
	d.children--
	d.shrink(n.parent.family)
	if n.link != nil {
		// Ends when the adapter is closed, which may take it to other nodes.
		go n.bury()
	}
}

// bury ends the adapter of a namespace that is gone.
func (n *Namespace) bury() {
	if err := n.link.close(); err != nil {
		n.srv.cfg.OnError(err)
	}
}

// shrink gives memory back: a map does not when its entries go. d.mu held.
func (d *directory) shrink(f *family) {
	if d.peak < minPeak || len(d.byName) > d.peak/4 {
		return
	}
	d.peak = len(d.byName)
	d.byName = maps.Collect(maps.All(d.byName))
	f.children = maps.Collect(maps.All(f.children))
}

// all returns the namespaces that clients can connect to.
func (d *directory) all() []*Namespace {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.byName))
}

// Parent returns the namespace that n is a child of, or nil, see
// [Server.OfPattern].
func (n *Namespace) Parent() *Namespace { return n.parent }

// Children returns the children of a parent, in no order; nil for other
// namespaces. The caller owns the result.
func (n *Namespace) Children() []*Namespace {
	if n.family == nil {
		return nil
	}
	d := &n.srv.dir
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(n.family.children))
}

// isOrHolds reports whether m is n, or a child of n.
func (n *Namespace) isOrHolds(m *Namespace) bool { return m == n || m.parent == n }

// eachChild calls emit for each child of a parent, with b turned to it.
func (b Broadcast) eachChild(emit func(b Broadcast) error) error {
	var errs []error
	for _, n := range b.nsp.Children() {
		b.nsp = n
		errs = append(errs, emit(b))
	}
	return errors.Join(errs...)
}
