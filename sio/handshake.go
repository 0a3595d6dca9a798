package sio

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/sirocco-io/sirocco/eio"
)

// Handshake is what is known of a client: the HTTP request that opened its
// connection, and what it sent when it joined the namespace. The caller owns
// it.
type Handshake struct {
	// Headers are the headers of the request.
	Headers http.Header
	// Query holds the query of the request, the last of equal keys as the
	// reference has it.
	Query url.Values
	// URL is the target of the request.
	URL string
	// Address is the IP address of the peer, without port.
	Address string
	// XDomain reports whether the request had an Origin.
	XDomain bool
	// Secure reports whether the connection is encrypted.
	Secure bool
	// TLS is what was agreed on with a client whose connection is, its
	// certificates among that; nil for any other. It is shared: do not
	// modify it.
	TLS *tls.ConnectionState
	// Issued is when the socket was made.
	Issued time.Time
	// Auth is the JSON of the client's auth option, nil for none.
	Auth json.RawMessage

	ctx    context.Context
	remote netip.AddrPort
}

// Request returns the request as net/http has it, for packages that read
// cookies or sessions from one: its method is GET, it has no body, and its
// context is that of Context. It shares Headers.
func (h Handshake) Request() *http.Request {
	u, err := url.ParseRequestURI(h.URL)
	if err != nil {
		u = &url.URL{Path: h.URL}
	}
	r := &http.Request{
		Method: http.MethodGet, URL: u, RequestURI: h.URL, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h.Headers, Host: h.Headers.Get("Host"), RemoteAddr: h.Address, Body: http.NoBody,
	}
	if h.remote.IsValid() {
		r.RemoteAddr = h.remote.String()
	}
	return r.WithContext(h.Context())
}

// Context returns what middlewares of [Server.UseHTTP] put in the context of the
// request; it is never done, and empty without such middlewares.
func (h Handshake) Context() context.Context {
	if h.ctx == nil {
		return context.Background()
	}
	return h.ctx
}

// BindAuth decodes Auth into v. Without Auth it leaves v alone.
func (h Handshake) BindAuth(v any) error {
	if h.Auth == nil {
		return nil
	}
	return json.Unmarshal(h.Auth, v)
}

// Time returns Issued as the reference words it.
func (h Handshake) Time() string {
	return h.Issued.UTC().Format("Mon Jan 02 2006 15:04:05 GMT+0000 (Coordinated Universal Time)")
}

// Handshake returns what is known of the client. Headers and query are put
// together at each call.
func (s *Socket) Handshake() Handshake {
	return handshakeOf(s.sess, s.issued, s.auth())
}

// handshakeOf puts together what is known of a client whose socket was made at
// issued, in Unix milliseconds. Ownership: auth is kept.
func handshakeOf(sess *eio.Session, issued int64, auth []byte) Handshake {
	h := sess.Handshake()
	query := h.Query()
	for key, values := range query {
		query[key] = values[len(values)-1:]
	}
	return Handshake{
		Headers: h.Headers(),
		Query:   query,
		URL:     h.URL(),
		Address: h.Address(),
		XDomain: h.XDomain(),
		Secure:  h.Secure(),
		TLS:     h.TLS(),
		Issued:  time.UnixMilli(issued),
		Auth:    auth,
		ctx:     h.Context(),
		remote:  h.RemoteAddr(),
	}
}

// auth returns a copy of what came with the CONNECT; an empty object when
// nothing came, as the reference has it.
func (s *Socket) auth() json.RawMessage {
	if x := s.ext.Load(); x != nil {
		return authOf(x.authJSON)
	}
	return authOf(nil)
}

// authOf returns a copy of the payload of a CONNECT, or an empty object.
func authOf(payload []byte) json.RawMessage {
	if payload == nil {
		return json.RawMessage("{}")
	}
	return append(json.RawMessage(nil), payload...)
}
