package sio

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/internal/id"
)

// Server is a Socket.IO server. It is, at the same time, its namespace "/":
// handlers registered on the server are those of "/". All methods may be
// called from any goroutine.
type Server struct {
	*Namespace

	cfg     Config // with defaults; immutable
	codec   JSONCodec
	limits  limits
	rated   bool // Config.RateLimit limits something; immutable
	engine  *eio.Server
	sockets *id.Table[Socket]
	older   sync.Map // by id: the sockets of revision 4
	closed  atomic.Bool
	ended   chan struct{} // closed when Close is called, or Shutdown has drained

	draining atomic.Bool // Shutdown was called
	shown    atomic.Bool // what Config.OnReady was told last

	baseline int64                     // bytes of the process when the server was made; immutable
	limited  [limitCount]atomic.Uint64 // how often each limit refused something
	recovery recoveryCounters

	mu    sync.Mutex // lock order: none is taken while it is held
	loops atomic.Pointer[[]*loopState]
	dir   directory
}

// NewServer returns a server that does not listen yet. The zero [Config]
// works; a bad one is an error that names the field.
func NewServer(cfg Config) (*Server, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	srv := &Server{
		cfg:     cfg,
		codec:   cfg.Codec,
		limits:  limits{attachments: cfg.MaxAttachments, depth: cfg.MaxJSONDepth},
		rated:   cfg.RateLimit.limits(),
		sockets: id.NewTable(idOf),
		ended:   make(chan struct{}),

		baseline: heldMemory(),
	}
	srv.loops.Store(new([]*loopState))
	srv.dir.byName = make(map[string]*Namespace)
	srv.Namespace = srv.Of("/")
	var err error
	if srv.engine, err = eio.NewServer(cfg.engine(), engine{srv}); err != nil {
		return nil, err
	}
	return srv, nil
}

// Engine returns the Engine.IO server below.
func (srv *Server) Engine() *eio.Server { return srv.engine }

// Listen serves the address, in addition to others that are served already,
// and returns it with the port that was chosen for port 0. Networks are tcp,
// tcp4, tcp6 and unix.
func (srv *Server) Listen(network, addr string) (net.Addr, error) {
	if srv.closed.Load() || srv.draining.Load() {
		return nil, ErrServerClosed
	}
	at, err := srv.engine.Listen(network, addr)
	if err == nil {
		srv.ready(true)
	}
	return at, err
}

// ListenAndServe serves the TCP address until Close is called, or Shutdown has
// drained the server. It then returns [ErrServerClosed].
func (srv *Server) ListenAndServe(addr string) error {
	if _, err := srv.Listen("tcp", addr); err != nil {
		return err
	}
	<-srv.ended
	return ErrServerClosed
}

// Close disconnects all sockets with [ReasonServerShuttingDown] and cuts their
// connections. It does not wait for handlers. Calls after the first do nothing.
func (srv *Server) Close() error {
	if !srv.end() {
		return nil
	}
	return errors.Join(srv.engine.Close(), srv.closeAdapters())
}

// end disconnects all sockets, in the order of their loops' mailboxes, and
// reports whether this is the first call.
func (srv *Server) end() bool {
	if srv.closed.Swap(true) {
		return false
	}
	srv.ready(false)
	close(srv.ended)
	var done sync.WaitGroup
	for _, ls := range *srv.loops.Load() {
		if ls == nil {
			continue
		}
		done.Add(1)
		if !ls.loop.Post(postEnd, ls, &done) {
			done.Done()
		}
	}
	done.Wait()
	return true
}

// postEnd disconnects all sockets of a loop.
func postEnd(a, b any) {
	ls := a.(*loopState)
	defer b.(*sync.WaitGroup).Done()
	var all []*Socket
	ls.eachSocket(func(s *Socket) { all = append(all, s) })
	for _, s := range all {
		clientOf(s.sess).forget(s)
		s.finish(ReasonServerShuttingDown, nil)
	}
}

// waitHandlers returns when no handler runs, or when ctx ends.
func (srv *Server) waitHandlers(ctx context.Context) error {
	all := *srv.loops.Load()
	stop := context.AfterFunc(ctx, func() {
		for _, ls := range all {
			if ls != nil {
				ls.work.wake()
			}
		}
	})
	defer stop()
	for _, ls := range all {
		if ls != nil {
			ls.work.wait(ctx.Done())
		}
	}
	return ctx.Err()
}
