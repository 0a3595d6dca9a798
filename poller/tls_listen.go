package poller

import (
	"crypto/tls"
	"errors"

	"net/netip"
)

// errNoCertificate is the standard library's word on a configuration that can
// only fail.
var errNoCertificate = errors.New("poller: tls.Config has neither Certificates, GetCertificate, nor GetConfigForClient")

// ListenTLS is [Poller.Listen] for encrypted connections. accept is called
// when the handshake is done; until then a connection is limited by
// Config.HandshakeTimeout and Config.MaxHandshakes, and nobody hears of one
// that fails but [Stats]. Handlers see what was decrypted, and what they send
// is encrypted when it leaves: frames of one turn share records, and the limit
// of the write queue counts both. [Conn.TLS] tells what was agreed on.
//
// cfg is copied. Its callbacks run on the goroutine of a handshake and may
// block; the context of their ClientHelloInfo ends when the connection does,
// and its Conn is for its addresses only. A new certificate for GetCertificate
// to return takes effect with the next handshake. Renegotiation is refused.
// There is no goroutine for a connection whose handshake is done.
//
// A connection that ends tells its peer so (close_notify) unless something was
// queued and discarded. An end without it counts as an end, io.EOF, too: what
// runs on connections here marks the ends of its messages.
func (p *Poller) ListenTLS(network, addr string, cfg *tls.Config, accept func(c *Conn) Handler) (*Listener, error) {
	if cfg == nil || len(cfg.Certificates) == 0 && cfg.GetCertificate == nil && cfg.GetConfigForClient == nil {
		return nil, errNoCertificate
	}
	return p.listen(network, addr, layerConfig(cfg), accept)
}

// DialTLS is [Poller.Dial] for an encrypted connection: h.OnOpen is called
// when the handshake is done, h.OnClose alone if it fails. cfg is copied; it
// needs a ServerName, or InsecureSkipVerify.
func (p *Poller) DialTLS(l *Loop, local, remote netip.AddrPort, cfg *tls.Config, h Handler) error {
	hs := newHandshake(p, layerConfig(cfg), true)
	return p.dial(l, local, remote, h, hs)
}

// layerConfig returns a copy of cfg that makes records as long as they may be:
// the short ones that crypto/tls begins with are for pages, not for frames
// that would have been cut anyway by their sender.
func layerConfig(cfg *tls.Config) *tls.Config {
	cfg = cfg.Clone()
	cfg.DynamicRecordSizingDisabled = true
	if choose := cfg.GetConfigForClient; choose != nil {
		cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hello)
			if chosen == nil || err != nil {
				return nil, err
			}
			return layerConfig(chosen), nil
		}
	}
	return cfg
}
