package eio

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/internal/id"
	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
)

// Server is an Engine.IO server. Its methods may be called from any goroutine.
type Server struct {
	// immutable
	cfg      Config
	handler  Handler
	tails    [transportCount]string // what follows the id in open packets
	origins  map[string]bool        // nil: all are allowed
	fixed    fixedHeaders
	deflate  *web.WSDeflate // nil: off
	packer   *packer        // nil: off
	sessions *id.Table[Session]

	pending atomic.Int64 // handshakes that wait for a hook
	closing atomic.Bool  // set once

	customMu sync.RWMutex
	custom   map[string]*Session // guarded by customMu: by ids of GenerateID

	chain  atomic.Pointer[[]http.Handler] // middlewares; nil without, replaced under mu
	guests tally                          // requests that net/http has brought
	ended  chan struct{}                  // closed when no loop serves sessions any more
	endOne sync.Once

	started   atomic.Bool // set once: poller, web and shards are immutable then
	mu        sync.Mutex
	poller    *poller.Poller     // guarded by mu: nil before Listen, Mount or ServeHTTP
	own       bool               // guarded by mu: the poller is ours to close
	web       *web.Server        // guarded by mu
	listeners []*poller.Listener // guarded by mu
	shards    []*shard           // immutable after Mount, by index of the loop
}

// NewServer returns a server that reports to h. An error names the field of
// cfg that can't be. It starts nothing yet.
func NewServer(cfg Config, h Handler) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	return &Server{
		cfg:      cfg,
		handler:  h,
		tails:    openTails(&cfg),
		origins:  originSet(cfg.AllowedOrigins),
		fixed:    fixHeaders(&cfg),
		deflate:  cfg.PerMessageDeflate.engine(),
		packer:   newPacker(cfg.HTTPCompression),
		sessions: id.NewTable(func(s *Session) *id.ID { return &s.id }),
		custom:   make(map[string]*Session),
		ended:    make(chan struct{}),
	}, nil
}

// Listen accepts connections on a "tcp", "tcp4", "tcp6" or "unix" address, and
// returns the address with the port that was chosen. The first call starts
// the reactor. After Shutdown or Close it returns ErrServerClosed.
func (srv *Server) Listen(network, addr string) (net.Addr, error) {
	return srv.listen(network, addr, nil)
}

// listen is Listen, with TLS unless secure is nil.
func (srv *Server) listen(network, addr string, secure *tls.Config) (net.Addr, error) {
	if err := srv.start(); err != nil {
		return nil, err
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closing.Load() {
		return nil, ErrServerClosed
	}
	var l *poller.Listener
	var err error
	if secure == nil {
		l, err = srv.poller.Listen(network, addr, srv.web.Accept)
	} else {
		l, err = srv.poller.ListenTLS(network, addr, secure, srv.web.Accept)
	}
	if err != nil {
		return nil, err
	}
	srv.listeners = append(srv.listeners, l)
	return l.Addr(), nil
}

// start makes sure that there is a reactor.
func (srv *Server) start() error {
	if srv.started.Load() {
		return nil
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.closing.Load() {
		return ErrServerClosed
	}
	if srv.poller == nil {
		p, err := poller.New(srv.cfg.Poller)
		if err != nil {
			return err
		}
		srv.own = true
		srv.mount(p)
	}
	if srv.web == nil {
		srv.web = web.NewServer(web.Config{
			Handler:        (*door)(srv),
			MaxHeaderBytes: srv.cfg.MaxHeaderBytes,
			MaxHeaders:     srv.cfg.MaxHeaders,
			MaxTargetBytes: srv.cfg.MaxURLBytes,
			HeaderTimeout:  srv.cfg.HeaderTimeout,
			MaxBodyBytes:   srv.cfg.MaxHTTPBufferSize,
			OnError:        srv.report,
		})
	}
	srv.started.Store(true)
	return nil
}

// Mount prepares the server to serve requests that arrive on the connections
// of p, and returns the handler to pass these to: so several servers share one
// listener, by path. Other paths than its own are answered as Config.HTTPHandler
// says. It must be called before Listen, and once; p is the caller's to close,
// after the server. It is for the packages of this module.
func (srv *Server) Mount(p *poller.Poller) web.Handler {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.poller == nil {
		srv.mount(p)
	}
	return (*door)(srv)
}

// mount makes the shards. srv.mu held.
func (srv *Server) mount(p *poller.Poller) {
	srv.poller = p
	for _, l := range p.Loops() {
		srv.shards = append(srv.shards, newShard(srv, l, l))
	}
}

// Serves reports whether a request target is for this server. Ownership:
// target is only read.
func (srv *Server) Serves(target []byte) bool {
	path := srv.cfg.Path
	return len(target) >= len(path) && string(target[:len(path)]) == path
}

// Sessions returns the number of sessions.
func (srv *Server) Sessions() int { return srv.sessions.Len() }

// Refuse makes handshakes be answered with a 503 from now on. Sessions that are
// open go on: Shutdown or Close should follow when they have ended.
func (srv *Server) Refuse() { srv.closing.Store(true) }

// Shutdown stops accepting, closes all sessions as the reference's close does,
// answers what is pending and lets that reach the clients until ctx is done.
// OnClose has been called for every session when it returns nil. It must not
// be called on a loop.
func (srv *Server) Shutdown(ctx context.Context) error {
	defer srv.end()
	p, own := srv.stop()
	if p == nil {
		return nil
	}
	if err := srv.closeSessions(ctx); err != nil {
		return err
	}
	if err := srv.guests.wait(ctx); err != nil {
		return err
	}
	if own {
		return p.Shutdown(ctx)
	}
	return nil
}

// Close cuts all connections. OnClose has been called for every session when
// it returns. It must not be called on a loop.
func (srv *Server) Close() error {
	defer srv.end()
	p, own := srv.stop()
	if p == nil {
		return nil
	}
	if !own {
		return srv.closeSessions(context.Background())
	}
	for _, sh := range srv.shards {
		// What was posted runs before a loop ends.
		sh.Post(closeShard, sh, nil)
	}
	return p.Close()
}

// end lets go of the requests of net/http that no loop answers any more.
func (srv *Server) end() { srv.endOne.Do(func() { close(srv.ended) }) }

// stop closes the listeners.
func (srv *Server) stop() (p *poller.Poller, own bool) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	srv.closing.Store(true)
	for _, l := range srv.listeners {
		// Closing can only fail for a listener that is closed already.
		_ = l.Close()
	}
	srv.listeners = nil
	return srv.poller, srv.own
}

// closeSessions ends all sessions and waits until that was told.
func (srv *Server) closeSessions(ctx context.Context) error {
	var told sync.WaitGroup
	for _, sh := range srv.shards {
		told.Add(1)
		sh.Post(closeShard, sh, nil)
		// Posts are done in order: OnClose of these sessions was called when
		// the last of these three runs, the second having posted it.
		if !sh.Post(echoPost, sh, &told) {
			told.Done()
		}
	}
	done := make(chan struct{})
	// Ends when every loop has come to the last post, which needs no more
	// than that it runs, or ends.
	go func() {
		told.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// echoPost posts once more, behind what was posted meanwhile.
func echoPost(a, b any) {
	if !a.(*shard).Post(donePost, b, nil) {
		b.(*sync.WaitGroup).Done()
	}
}

func donePost(a, _ any) { a.(*sync.WaitGroup).Done() }

// closeShard ends all sessions of a loop.
func closeShard(a, _ any) {
	sh := a.(*shard)
	sh.srv.sessions.Range(func(s *Session) bool {
		if s.shard == sh {
			s.shut(true)
		}
		return true
	})
}

// find returns the session with the id, or nil. Ownership: sid is only read.
func (srv *Server) find(sid []byte) *Session {
	if srv.cfg.GenerateID == nil {
		d, ok := id.Parse(sid)
		if !ok {
			return nil
		}
		return srv.sessions.Lookup(d)
	}
	srv.customMu.RLock()
	defer srv.customMu.RUnlock()
	return srv.custom[string(sid)]
}

// register makes s known under a new id, or under the one that GenerateID
// made. It reports false when there is no room, or the id is in use.
func (srv *Server) register(s *Session, custom *string) bool {
	if custom != nil {
		srv.customMu.Lock()
		defer srv.customMu.Unlock()
		if *custom == "" || srv.custom[*custom] != nil {
			return false
		}
	}
	if _, ok := srv.sessions.Add(s); !ok {
		return false
	}
	if custom != nil {
		s.rarely().custom = *custom
		srv.custom[*custom] = s
	}
	return true
}

// forget makes s unknown.
func (srv *Server) forget(s *Session) {
	srv.sessions.Remove(s.id)
	custom := s.customID()
	if custom == "" {
		return
	}
	srv.customMu.Lock()
	defer srv.customMu.Unlock()
	if srv.custom[custom] == s {
		delete(srv.custom, custom)
	}
}

// Poller returns the reactor that the server runs on, or nil before Listen and
// Mount.
func (srv *Server) Poller() *poller.Poller {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	return srv.poller
}
