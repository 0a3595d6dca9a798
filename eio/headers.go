package eio

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/web"
)

const noStore = "cache-control: no-store\r\n"

// fixedHeaders are header lines that are the same in every answer, unless CORS
// reflects origins or a hook has a say.
type fixedHeaders struct {
	cors, poll []byte
}

func fixHeaders(c *Config) fixedHeaders {
	cors := c.CORS.appendHeaders(nil, nil)
	return fixedHeaders{cors: cors, poll: append(slices.Clone(cors), noStore...)}
}

// corsHeader returns the lines that every answer carries. Ownership: shared;
// not to be modified.
func (srv *Server) corsHeader(r *http1.Request) []byte {
	if !srv.cfg.CORS.reflects() {
		return srv.fixed.cors
	}
	return srv.cfg.CORS.appendHeaders(nil, r.Header("Origin"))
}

// pollHeader returns the header lines of a good answer on long-polling.
// Ownership: shared; not to be modified.
func (srv *Server) pollHeader(x *web.Exchange, first *Session) []byte {
	r := x.Request()
	agent := r.Header("User-Agent")
	ie := bytes.Contains(agent, []byte(";MSIE")) || bytes.Contains(agent, []byte("Trident/"))
	if !ie && !srv.cfg.CORS.reflects() && !srv.hooked(first != nil) && (first == nil || srv.cfg.Cookie == nil) {
		return srv.fixed.poll
	}
	lines := slices.Clone(srv.corsHeader(r))
	own := make(http.Header, 3)
	if ie {
		own.Set("X-XSS-Protection", "0") // reference: no XSS warnings on IE
	}
	own["cache-control"] = []string{"no-store"}
	if first != nil && srv.cfg.Cookie != nil {
		own.Set("Set-Cookie", srv.cfg.Cookie.value(first.ID()))
	}
	srv.applyHooks(own, x, first != nil)
	return appendHeader(lines, own)
}

// upgradeHeader returns further header lines of a 101. Ownership: shared; not
// to be modified.
func (srv *Server) upgradeHeader(x *web.Exchange, first bool) []byte {
	lines := srv.corsHeader(x.Request())
	if !srv.hooked(first) {
		return lines
	}
	own := make(http.Header)
	srv.applyHooks(own, x, first)
	return appendHeader(slices.Clone(lines), own)
}

// hooked reports whether a hook has to be asked.
func (srv *Server) hooked(first bool) bool {
	return srv.cfg.Headers != nil || first && srv.cfg.InitialHeaders != nil
}

func (srv *Server) applyHooks(h http.Header, x *web.Exchange, first bool) {
	if !srv.hooked(first) {
		return
	}
	req, err := x.HTTPRequest()
	if err != nil {
		srv.report(err)
		return
	}
	defer srv.caught(nil)
	if first && srv.cfg.InitialHeaders != nil {
		srv.cfg.InitialHeaders(h, req)
	}
	if srv.cfg.Headers != nil {
		srv.cfg.Headers(h, req)
	}
}

// appendHeader appends the lines of h in a fixed order. Values that would end
// their line (attacks: header injection) are left out. Ownership: the result
// is the caller's.
func appendHeader(dst []byte, h http.Header) []byte {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range h[name] {
			dst, _ = http1.AppendField(dst, name, value)
		}
	}
	return dst
}
