package eio

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// maxStreamHello bounds the first packet of a stream, which holds an id at
// most.
const maxStreamHello = 1024

var (
	errStreamHello  = errors.New("eio: the first packet of the stream is no handshake")
	errStreamOrigin = errors.New("eio: the origin is not allowed")
	errStreamSID    = errors.New("eio: the stream is for a session that there is not")
	errStreamChain  = errors.New("eio: WebTransport does not pass HTTP middlewares")
	errStreamOff    = errors.New("eio: Config.Transports does not name webtransport")
	errStreamFull   = errors.New("eio: too many handshakes are pending")
)

// ServeStream takes over a connection whose packets are framed as WebTransport
// has them: for a new session, or to upgrade one. It waits, no longer than
// Config.UpgradeTimeout, for the first packet, which says so. r is the request
// that the connection began with; Config.AllowedOrigins and, for new sessions,
// Config.AllowRequest are asked about it. It is for the package webtransport.
// An error says why the connection, which is closed then, was not taken.
func (srv *Server) ServeStream(nc net.Conn, r *http.Request) error {
	t, l, err := srv.greet(nc, r)
	if err == nil {
		// It closes nc when it fails.
		if err = srv.Poller().AdoptStream(l, nc, t, nil); err != nil && t.s != nil {
			srv.forget(t.s)
		}
		return err
	}
	_ = nc.Close() // the error that counts is there
	return err
}

// greet reads the first packet and returns what the stream is for.
func (srv *Server) greet(nc net.Conn, r *http.Request) (*stream, *poller.Loop, error) {
	origin := r.Header.Get("Origin")
	switch {
	case srv.closing.Load():
		return nil, nil, ErrServerClosed
	case !srv.cfg.serves(webtransport):
		return nil, nil, errStreamOff
	case srv.chain.Load() != nil:
		return nil, nil, errStreamChain
	case srv.origins != nil && origin != "" && !srv.origins[normalOrigin(origin)]:
		return nil, nil, errStreamOrigin
	case srv.pending.Add(1) > int64(srv.cfg.MaxPendingHandshakes):
		srv.pending.Add(-1)
		return nil, nil, errStreamFull
	}
	defer srv.pending.Add(-1)
	if err := srv.start(); err != nil {
		return nil, nil, err
	}
	hello, err := readHello(nc, srv.cfg.UpgradeTimeout)
	switch {
	case err != nil:
		return nil, nil, err
	case hello == "0":
		return srv.streamSession(nc, r)
	case strings.HasPrefix(hello, "0"):
		return srv.streamUpgrade(hello[1:])
	}
	return nil, nil, errStreamHello
}

// readHello reads the first packet of a stream.
func readHello(nc net.Conn, within time.Duration) (string, error) {
	if err := nc.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	var buf []byte
	for {
		data, bin, _, whole, ok := cutStream(buf, maxStreamHello)
		switch {
		case !ok || bin:
			return "", errStreamHello
		case whole:
			return string(data), nil
		}
		// One byte at a time: what follows the packet is not ours to read.
		var one [1]byte
		if _, err := io.ReadFull(nc, one[:]); err != nil {
			return "", err
		}
		buf = append(buf, one[0])
	}
}

// streamSession makes a session for a stream. As in the reference its handshake
// has no headers and no query; but it has an address.
func (srv *Server) streamSession(nc net.Conn, r *http.Request) (*stream, *poller.Loop, error) {
	if srv.cfg.AllowRequest != nil {
		if err := srv.allow(r); err != nil {
			return nil, nil, err
		}
	}
	l := srv.Poller().NextLoop()
	s := &Session{shard: srv.shards[l.Index()], dialect: revision4, tr: gone{}}
	s.setIssued(time.Now())
	if r.TLS != nil {
		s.rarely().tls = r.TLS
	}
	if from, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		s.addr, s.port = from.Addr().As16(), from.Port()
		s.facts |= hasAddr
	}
	if r.Header.Get("Origin") != "" {
		s.facts |= hasOrigin
	}
	if !srv.register(s, nil) {
		return nil, nil, errStreamFull
	}
	return &stream{s: s}, l, nil
}

// allow asks Config.AllowRequest; a panic of it refuses.
func (srv *Server) allow(r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			srv.report(&PanicError{Value: v})
			err = ErrForbidden
		}
	}()
	return srv.cfg.AllowRequest(r)
}

// streamUpgrade finds the session that a stream is to take over.
func (srv *Server) streamUpgrade(hello string) (*stream, *poller.Loop, error) {
	var named struct {
		SID string `json:"sid"`
	}
	if err := json.Unmarshal([]byte(hello), &named); err != nil {
		return nil, nil, errStreamHello
	}
	s := srv.find([]byte(named.SID))
	if s == nil || s.dialect != revision4 {
		return nil, nil, errStreamSID
	}
	return &stream{up: &upgrade{s: s}}, s.shard.loop, nil
}
