package webtransport

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	wt "github.com/quic-go/webtransport-go"

	"github.com/sirocco-io/sirocco/eio"
)

// Config holds the options of a [Server].
type Config struct {
	// TLSConfig has the certificates. It must not be nil: QUIC has no plain
	// form.
	TLSConfig *tls.Config
	// QUICConfig are the terms of QUIC; nil means those of quic-go.
	QUICConfig *quic.Config
	// OnError is told why connections were not taken; nil drops it. It may be
	// called from any goroutine.
	OnError func(error)
}

// Server brings WebTransport sessions to an Engine.IO server. Its methods may be
// called from any goroutine.
type Server struct {
	engine *eio.Server
	cfg    Config
	h3     *wt.Server

	mu     sync.Mutex
	socket []net.PacketConn // guarded by mu: what Listen opened
	closed bool             // guarded by mu
	served sync.WaitGroup
}

// NewServer returns a server for the sessions of engine. It starts nothing yet.
// An error names the field of cfg that can't be.
func NewServer(engine *eio.Server, cfg Config) (*Server, error) {
	if cfg.TLSConfig == nil {
		return nil, errors.New("webtransport: Config.TLSConfig is nil")
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	s := &Server{engine: engine, cfg: cfg}
	s.h3 = &wt.Server{
		H3: &http3.Server{
			TLSConfig:  http3.ConfigureTLSConfig(cfg.TLSConfig),
			QUICConfig: cfg.QUICConfig,
			Handler:    http.HandlerFunc(s.serve),
		},
		// The engine knows the origins that are allowed.
		CheckOrigin: func(*http.Request) bool { return true },
	}
	wt.ConfigureHTTP3Server(s.h3.H3)
	return s, nil
}

// Listen serves the UDP address, in addition to others, and returns it with the
// port that was chosen for port 0. After Close it returns [eio.ErrServerClosed].
func (s *Server) Listen(addr string) (net.Addr, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, eio.ErrServerClosed
	}
	pc, err := net.ListenPacket("udp", addr)
	if err != nil {
		return nil, err
	}
	s.socket = append(s.socket, pc)
	// Ends when Close closes the server.
	s.served.Go(func() {
		if err := s.h3.Serve(pc); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, quic.ErrServerClosed) {
			s.cfg.OnError(err)
		}
	})
	return pc.LocalAddr(), nil
}

// Close cuts all connections and returns when nothing of the server runs any
// more. Sessions end with the reason transport close: to end them as
// [eio.Server.Shutdown] does, call that first.
func (s *Server) Close() error {
	s.mu.Lock()
	first, sockets := !s.closed, s.socket
	s.closed, s.socket = true, nil
	s.mu.Unlock()
	if !first {
		return nil
	}
	err := s.h3.Close()
	for _, pc := range sockets {
		err = errors.Join(err, pc.Close())
	}
	s.served.Wait()
	return err
}

// serve handles a request. It returns when the session that it asked for is
// over.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !s.engine.Serves([]byte(r.URL.RequestURI())) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	session, err := s.h3.Upgrade(w, r)
	if err != nil {
		s.cfg.OnError(err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c := &conn{session: session, first: make(chan struct{})}
	// Ends with the first stream, or with the session, which lasts no longer
	// without one than ServeStream waits.
	go c.accept(session.Context())
	if err := s.engine.ServeStream(c, r); err != nil {
		s.cfg.OnError(err)
	}
	<-session.Context().Done()
}

// accept waits for the one stream that counts.
func (c *conn) accept(ctx context.Context) {
	stream, err := c.session.AcceptStream(ctx)
	c.mu.Lock()
	c.stream, c.err = stream, err
	if stream != nil {
		// The session may be over already: reading tells.
		_ = stream.SetReadDeadline(c.until)
	}
	c.mu.Unlock()
	close(c.first)
}
