package web

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// front is what came before a request that went through the hands of net/http,
// and then came to the reactor's: how that saw it.
type front struct {
	req    *http.Request
	remote netip.AddrPort
	header []byte // lines that its handlers set for the answer
}

// Hijack takes the connection of r, whose handler is running, away from its
// net/http server and serves r on loop l as if it had come there: with all that
// the client has sent. What the handlers in front have set in w.Header is sent
// with the answer. The connection serves this request only; afterwards it is a
// WebSocket or closed.
//
// A TCP connection or Unix socket moves with its descriptor: from then on it
// costs what any other of the poller does. Of others, such as TLS, two
// goroutines carry the bytes; see [poller.Poller.AdoptStream].
//
// An error says why the connection can't be taken over: http.ErrNotSupported
// when net/http does not give it away. Then w is as it was.
func (s *Server) Hijack(p *poller.Poller, l *poller.Loop, w http.ResponseWriter, r *http.Request, target string) error {
	head, err := appendHead(nil, r, target, true)
	if err != nil {
		return err
	}
	f := &front{req: r, remote: RemoteOf(r), header: headerLines(w.Header())}
	nc, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("web: taking over the connection: %w", err)
	}
	if n := rw.Reader.Buffered(); n > 0 {
		ahead, _ := rw.Reader.Peek(n) // it is there: Peek can't fail
		head = append(head, ahead...)
	}
	c := newConn(s)
	c.front = f
	if raw := descriptorOf(nc); raw != nil {
		err = p.Adopt(l, raw, c, head)
	} else {
		err = p.AdoptStream(l, nc, c, head)
	}
	// The connection is gone, and so is its client: nobody can be told more
	// than that by its end.
	if err != nil {
		s.report(err)
	}
	return nil
}

// descriptorOf returns the connection whose descriptor carries the bytes of nc
// as they are, nil when there is none. Types from elsewhere may embed one of
// these and do something to the bytes on their way: they do not count.
func descriptorOf(nc net.Conn) net.Conn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		return nc
	}
	return nil
}

// RemoteOf returns the client's address as net/http, or a handler in front that
// knows the proxies, has it. It is not valid when that is no address.
func RemoteOf(r *http.Request) netip.AddrPort {
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	}
	if a, err := netip.ParseAddr(r.RemoteAddr); err == nil {
		return netip.AddrPortFrom(a.Unmap(), 0)
	}
	return netip.AddrPort{}
}

// appendHead appends the head of r in the form of HTTP/1, with that target. The
// headers are in the order of their names: clients of one kind send the same
// bytes. Without upgrade, what asks for another protocol is left out: over
// HTTP/2 it can't be granted.
func appendHead(dst []byte, r *http.Request, target string, upgrade bool) ([]byte, error) {
	dst = append(dst, r.Method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	if r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		dst = append(dst, " HTTP/1.0\r\n"...)
	} else {
		dst = append(dst, " HTTP/1.1\r\n"...)
	}
	var err error
	if r.Host != "" || r.ProtoAtLeast(1, 1) {
		dst, err = http1.AppendField(dst, "Host", r.Host)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		if isMessage(name) || !upgrade && isHop(name) {
			continue
		}
		for _, value := range r.Header[name] {
			if err == nil {
				dst, err = http1.AppendField(dst, name, value)
			}
		}
	}
	switch {
	case r.ContentLength > 0:
		dst = http1.AppendContentLength(dst, r.ContentLength)
	case r.ContentLength < 0:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(dst, "\r\n"...), err
}

// isMessage reports whether the header is said by the fields of a request.
func isMessage(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding":
		return true
	}
	return false
}

// isHop reports whether the header is about a connection that is not ours.
func isHop(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Upgrade", "Keep-Alive", "Proxy-Connection", "Http2-Settings":
		return true
	}
	return false
}

// headerLines returns h as lines, without what is ours to say. Values that would
// end their line are left out.
func headerLines(h http.Header) []byte {
	var lines []byte
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if isFraming(name) || isHop(name) {
			continue
		}
		for _, v := range h[name] {
			lines, _ = http1.AppendField(lines, name, v)
		}
	}
	return lines
}

// merge returns the lines for an answer: header, and what the handlers in front
// set, unless the answer says it itself. Ownership: header is not modified.
func (f *front) merge(header []byte, contentType string) []byte {
	if f == nil || len(f.header) == 0 {
		return header
	}
	merged := bytes.Clone(header)
	for rest := f.header; len(rest) > 0; {
		n := bytes.Index(rest, []byte("\r\n")) + 2
		line := rest[:n]
		rest = rest[n:]
		name := line[:bytes.IndexByte(line, ':')]
		said := contentType != "" && http1.EqualFold(name, "Content-Type") || hasLine(header, name)
		if !said || addsUp(string(name)) && !bytes.Contains(header, line) {
			merged = append(merged, line...)
		}
	}
	return merged
}

// hasLine reports whether the lines hold a header of that name.
func hasLine(lines, name []byte) bool {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
		if i := bytes.IndexByte(line, ':'); i >= 0 && http1.EqualFold(line[:i], string(name)) {
			return true
		}
	}
	return false
}
