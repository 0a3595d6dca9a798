package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// ServeGuest serves a request that came by way of net/http on loop l, and
// returns when its answer was written: so it holds the goroutine that calls it
// for as long as a long poll lasts. target is what Config.Handler gets as the
// target of the request; ended is closed when no loop runs any more.
//
// The net/http server's WriteTimeout begins anew with the answer: what it is for
// an ordinary request would end a long poll. Where it has no ReadTimeout, a body
// has to be there within Config.RequestTimeout.
func (s *Server) ServeGuest(l *poller.Loop, w http.ResponseWriter, r *http.Request, target string, ended <-chan struct{}) {
	head, err := appendHead(nil, r, target, false)
	var g *guest
	if err == nil {
		g, err = newGuest(s, r, head)
	}
	if err != nil {
		writeFailure(w, err)
		return
	}
	g.loop.Store(l)
	if !g.post(enterGuest) {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	d := deadlinesOf(w, r)
	d.clear()
	for {
		switch st := g.next(ended); st.kind {
		case stepBody:
			g.post(g.readBody(d, st.limit, s.cfg.RequestTimeout))
		case stepCut:
			panic(http.ErrAbortHandler)
		default:
			d.beforeWrite()
			st.write(w, r)
			return
		}
	}
}

// next waits for the next step. What the loop has decided comes first; then, when
// nobody waits for the answer or none will come, it is a 503.
func (g *guest) next(ended <-chan struct{}) step {
	gone := g.req.Context().Done()
	if g.failure != 0 {
		gone = nil // may tell the same
	}
	select {
	case st := <-g.steps:
		return st
	case <-gone:
	case <-ended:
	}
	select {
	case st := <-g.steps:
		return st
	default:
		g.post(leaveGuest)
		return step{kind: stepAnswer, status: http.StatusServiceUnavailable, last: true}
	}
}

// readBody reads the body, and returns what is to be done on the loop then.
func (g *guest) readBody(d deadlines, limit int64, within time.Duration) func(g, loop any) {
	if g.req.ContentLength > limit {
		return guestTooLarge
	}
	d.beforeRead(within)
	if !g.wakeable(d.expireRead) {
		return leaveGuest
	}
	g.body = bodyPool.Get()
	n, err := g.body.ReadFrom(&io.LimitedReader{R: g.req.Body, N: limit + 1})
	g.wakeable(nil)
	var above *http.MaxBytesError
	switch {
	case n > limit || errors.As(err, &above):
		putBuffer(&bodyPool, &g.body)
		return guestTooLarge
	case err == nil:
		d.clear()
		return guestBody
	}
	// The deadline stays: net/http reads on in the hope for the next request.
	putBuffer(&bodyPool, &g.body)
	g.failure = http.StatusBadRequest
	if errors.Is(err, os.ErrDeadlineExceeded) {
		g.failure = http1.ErrTimeout.Status
	}
	return leaveGuest
}

// wakeable sets what ends the reading of the body when the exchange is over. It
// reports false when it is over already.
func (g *guest) wakeable(wake func()) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waking = wake
	return !g.settled
}

// deadlines are those of the connection below a request. Setting one fails where
// there is none that could be set, which is all the same then.
type deadlines struct {
	control *http.ResponseController
	server  *http.Server // nil when it is not known
}

func deadlinesOf(w http.ResponseWriter, r *http.Request) deadlines {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	return deadlines{http.NewResponseController(w), server}
}

// clear takes away what the server has set for ordinary requests.
func (d deadlines) clear() {
	_ = d.control.SetWriteDeadline(time.Time{})
	_ = d.control.SetReadDeadline(time.Time{})
}

func (d deadlines) beforeRead(within time.Duration) {
	if d.server != nil && d.server.ReadTimeout > 0 {
		within = d.server.ReadTimeout
	}
	_ = d.control.SetReadDeadline(time.Now().Add(within))
}

func (d deadlines) beforeWrite() {
	if d.server != nil && d.server.WriteTimeout > 0 {
		_ = d.control.SetWriteDeadline(time.Now().Add(d.server.WriteTimeout))
	}
}

// expireRead makes a read that goes on fail.
func (d deadlines) expireRead() { _ = d.control.SetReadDeadline(time.Unix(1, 0)) }

// write writes the answer.
func (s *step) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	MergeLines(h, s.header)
	if s.contentType != "" {
		h.Set("Content-Type", s.contentType)
	}
	if s.last && r.ProtoMajor == 1 {
		h.Set("Connection", "close")
	}
	if bodyAllowed(s.status) {
		h.Set("Content-Length", strconv.Itoa(len(s.body)))
		if _, ok := h["Content-Type"]; !ok {
			h["Content-Type"] = nil // none, instead of a guess
		}
	}
	w.WriteHeader(s.status)
	if len(s.body) > 0 && bodyAllowed(s.status) {
		_, _ = w.Write(s.body)
	}
}

// MergeLines sets the headers of lines, over those that h has. Only of those
// that may come several times one more is added. Ownership: lines is only read.
func MergeLines(h http.Header, lines []byte) {
	for len(lines) > 0 {
		var line []byte
		line, lines, _ = bytes.Cut(lines, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(": "))
		switch key := http.CanonicalHeaderKey(string(name)); {
		case !ok:
		case addsUp(key):
			addOnce(h, key, string(value))
		default:
			h.Set(key, string(value))
		}
	}
}

// addsUp reports whether several lines of that header say more than one.
func addsUp(name string) bool {
	key := http.CanonicalHeaderKey(name)
	return key == "Set-Cookie" || key == "Vary"
}

// addOnce adds a value that is not there.
func addOnce(h http.Header, key, value string) {
	for _, v := range h[key] {
		if v == value {
			return
		}
	}
	h[key] = append(h[key], value)
}

// writeFailure answers a request that can't be served as one.
func writeFailure(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var e *http1.Error
	if errors.As(err, &e) {
		status = e.Status
	}
	w.Header().Set("Content-Length", "0")
	w.Header().Set("Connection", "close")
	w.WriteHeader(status)
}
