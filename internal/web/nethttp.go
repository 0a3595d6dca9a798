package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// NewHTTPRequest makes a request of net/http's kind, for hooks that want one.
// Everything is copied: the result outlives r and body. remote may be the zero
// AddrPort for a client without an address.
func NewHTTPRequest(r *http1.Request, remote netip.AddrPort, body []byte) (*http.Request, error) {
	target := string(r.Target)
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, fmt.Errorf("web: request target: %w", err)
	}
	req := &http.Request{
		Method:        string(r.Method),
		URL:           u,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    r.Minor,
		Header:        make(http.Header, r.HeaderCount()),
		Body:          http.NoBody,
		ContentLength: int64(len(body)),
		Host:          string(r.Header("Host")),
		RequestURI:    target,
		RemoteAddr:    "@", // what net/http says of a Unix socket's client
		Close:         !r.KeepAlive(),
	}
	if r.Minor == 0 {
		req.Proto = "HTTP/1.0"
	}
	if remote.IsValid() {
		req.RemoteAddr = remote.String()
	}
	for i := range r.HeaderCount() {
		name, value := r.HeaderAt(i)
		if key := http.CanonicalHeaderKey(string(name)); key != "Host" && key != "Transfer-Encoding" {
			req.Header[key] = append(req.Header[key], string(value))
		}
	}
	if len(body) > 0 {
		req.Body = io.NopCloser(bytes.NewReader(bytes.Clone(body)))
	}
	return req, nil
}
