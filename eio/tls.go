package eio

import (
	"crypto/tls"
	"net"
	"slices"
)

// http11 is the name of what is spoken here, in ALPN (RFC 7301 section 6).
const http11 = "http/1.1"

// ListenTLS is Listen for https and wss, by crypto/tls on the reactor: a
// connection whose handshake is done has no goroutine. Config.Poller limits the
// handshakes. See [poller.Poller.ListenTLS] for what becomes of cfg, which is
// copied, and its callbacks; GetCertificate may return a new certificate at any
// time. Protocols are negotiated as HTTP/1.1: "h2" is taken out of NextProtos
// and "http/1.1" added. A client that offers others only is refused, one that
// offers none is served.
func (srv *Server) ListenTLS(network, addr string, cfg *tls.Config) (net.Addr, error) {
	if cfg == nil {
		cfg = new(tls.Config) // refused below
	}
	return srv.listen(network, addr, onlyHTTP11(cfg))
}

// onlyHTTP11 returns a copy of cfg by which HTTP/1.1 is negotiated.
func onlyHTTP11(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	protos := slices.DeleteFunc(slices.Clone(cfg.NextProtos), func(p string) bool { return p == "h2" })
	if !slices.Contains(protos, http11) {
		protos = append(protos, http11)
	}
	cfg.NextProtos = protos
	if choose := cfg.GetConfigForClient; choose != nil {
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			return onlyHTTP11(chosen), nil
		}
	}
	return cfg
}
