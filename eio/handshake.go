package eio

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"hash/maphash"
	"net/http"
	"net/netip"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unique"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/web"
)

// Handshake describes the request that a session began with. Its methods may
// be called from any goroutine, also when the session is over.
type Handshake struct{ s *Session }

// URL returns the target of the request, as sent.
func (h Handshake) URL() string { return h.s.url }

// Query returns the decoded query. Of a key that came several times the last
// value is the one that counted.
func (h Handshake) Query() url.Values {
	_, raw, _ := strings.Cut(h.s.url, "?")
	values := make(url.Values)
	for rest := []byte(raw); len(rest) > 0; {
		var key, value []byte
		key, value, rest = http1.CutPair(rest)
		if len(key) > 0 || len(value) > 0 {
			k := string(http1.Unescape(key))
			values[k] = append(values[k], string(http1.Unescape(value)))
		}
	}
	return values
}

// Headers returns the headers of the request: a new map at each call, empty
// with Config.DropHandshakeHeaders.
func (h Handshake) Headers() http.Header {
	headers := make(http.Header)
	h.each(func(name, value string) bool {
		headers.Add(name, value)
		return true
	})
	if h.s.facts&hasKey != 0 {
		headers.Set(keyHeader, base64.StdEncoding.EncodeToString(h.s.key[:]))
	}
	return headers
}

// Header returns the first value of one header, or "".
func (h Handshake) Header(name string) (value string) {
	if h.s.facts&hasKey != 0 && strings.EqualFold(name, keyHeader) {
		return base64.StdEncoding.EncodeToString(h.s.key[:])
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	h.each(func(n, v string) bool {
		if textproto.CanonicalMIMEHeaderKey(n) != name {
			return true
		}
		value = v
		return false
	})
	return value
}

// each calls f for the packed headers until it returns false.
func (h Handshake) each(f func(name, value string) bool) {
	if h.s.headers == (unique.Handle[string]{}) {
		return
	}
	for rest := h.s.headers.Value(); rest != ""; {
		var name, value string
		name, rest, _ = strings.Cut(rest, "\x00")
		value, rest, _ = strings.Cut(rest, "\x00")
		if !f(name, value) {
			return
		}
	}
}

// RemoteAddr returns the address of the peer of the TCP connection, whatever
// a proxy may say in headers; it is not valid for a Unix socket.
func (h Handshake) RemoteAddr() netip.AddrPort {
	if h.s.facts&hasAddr == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom16(h.s.addr).Unmap(), h.s.port)
}

// Address returns the address of RemoteAddr, without port; "" if there is none.
func (h Handshake) Address() string {
	if h.s.facts&hasAddr == 0 {
		return ""
	}
	return h.RemoteAddr().Addr().String()
}

// Issued returns the time of the handshake, in milliseconds.
func (h Handshake) Issued() time.Time { return h.s.issued() }

// XDomain reports whether the request came from a page of some origin.
func (h Handshake) XDomain() bool { return h.s.facts&hasOrigin != 0 }

// Secure reports whether the request came through TLS.
func (h Handshake) Secure() bool { return h.TLS() != nil }

// TLS returns what was agreed on with a client that came through TLS, its
// certificates among that; nil for any other. The result is shared and must
// not be modified.
func (h Handshake) TLS() *tls.ConnectionState {
	if h.s.rare == nil {
		return nil
	}
	return h.s.rare.tls
}

// Context returns the context that the request had when it had passed the
// middlewares of Use, with the values that they put in it; it is never done.
// Without middlewares it is empty: nothing is kept then.
func (h Handshake) Context() context.Context {
	if h.s.rare == nil || h.s.rare.ctx == nil {
		return context.Background()
	}
	return h.s.rare.ctx
}

const keyHeader = "Sec-Websocket-Key"

// Facts of a handshake (Session.facts), immutable once the session is open.
const (
	hasKey uint8 = 1 << iota
	hasAddr
	hasOrigin
	wantsBase64 // binary messages are to be sent as text
)

// recall copies what is kept of a request into s. WebSocket clients of one
// kind send the same headers but for the key, which is kept apart in 16 bytes:
// the others are packed in one string that all of them share.
func (s *Session) recall(r *http1.Request, remote netip.AddrPort) {
	s.setIssued(time.Now())
	if remote.IsValid() {
		s.addr, s.port = remote.Addr().As16(), remote.Port()
		s.facts |= hasAddr
	}
	if r.Header("Origin") != nil {
		s.facts |= hasOrigin
	}
	s.url = s.shard.strings.get(r.Target).Value()
	if s.shard.srv.cfg.DropHandshakeHeaders {
		return
	}
	packed := s.shard.packing[:0]
	for i := range r.HeaderCount() {
		name, value := r.HeaderAt(i)
		if http1.EqualFold(name, keyHeader) && s.keepKey(value) {
			continue
		}
		packed = append(append(packed, name...), 0)
		packed = append(append(packed, value...), 0)
	}
	s.shard.packing = packed
	s.headers = s.shard.strings.get(packed)
}

// recallPassage keeps what is known of a request that came through TLS, or by
// way of net/http.
func (s *Session) recallPassage(x *web.Exchange) {
	if state := x.TLS(); state != nil {
		s.rarely().tls = state
	}
	if s.shard.srv.chain.Load() == nil || !x.Passed() {
		return
	}
	if r, err := x.HTTPRequest(); err == nil {
		s.rarely().ctx = context.WithoutCancel(r.Context())
	}
}

// keepKey keeps a Sec-WebSocket-Key in binary, and reports whether that
// loses nothing.
func (s *Session) keepKey(value []byte) bool {
	var key [18]byte
	if s.facts&hasKey != 0 || len(value) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Strict().Decode(key[:], value)
	if err != nil || n != len(s.key) {
		return false
	}
	copy(s.key[:], key[:])
	s.facts |= hasKey
	return true
}

// interner finds the shared form of strings that clients send again and again.
// It remembers some, so that finding one of these allocates nothing. One of
// them belongs to each loop.
type interner struct {
	seed  maphash.Seed
	slots [64]unique.Handle[string]
}

// get returns the shared string. Ownership: b is copied.
func (t *interner) get(b []byte) unique.Handle[string] {
	slot := &t.slots[maphash.Bytes(t.seed, b)%uint64(len(t.slots))]
	if *slot == (unique.Handle[string]{}) || slot.Value() != string(b) {
		*slot = unique.Make(string(b))
	}
	return *slot
}
