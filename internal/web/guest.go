package web

import (
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/valyala/bytebufferpool"

	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/poller"
)

// guest is a request that came by way of net/http: an exchange whose connection
// belongs to somebody else. A goroutine, that of the handler, reads its body and
// writes its answer (guest_serve.go); everything in between happens on a loop, as
// it does for a request of the reactor's own.
//
//	goroutine            loop
//	enter ─────────────▶ OnRequest
//	reads the body ◀──── wanted, unless answered
//	bodyRead, tooMuch ─▶ OnBody, OnTooLarge
//	leave ─────────────▶ OnAbort, when the client or the body is gone
//	writes ◀──────────── answered or cut: the last step
type guest struct {
	// immutable
	req    *http.Request
	remote netip.AddrPort
	parser http1.Parser // holds the head, for as long as the guest lives
	steps  chan step    // from the loop; has room for all that can come

	loop atomic.Pointer[poller.Loop] // written on the loop that it names

	// loop only
	x      Exchange
	active bool         // entered and neither answered nor gone
	moveTo *poller.Loop // after Move, until OnRequest returns

	// written by the goroutine before a post, read on the loop
	body    *bytebufferpool.ByteBuffer
	failure int // status for a body that could not be read

	mu      sync.Mutex
	waking  func() // guarded by mu: ends the reading of the body; nil unless that goes on
	settled bool   // guarded by mu: the last step was sent
}

// step is what the loop has for the goroutine of a guest.
type step struct {
	kind        stepKind
	limit       int64 // of the body, with stepBody
	status      int
	contentType string
	header      []byte // lines
	body        []byte
	last        bool // the connection is not to be used again
}

type stepKind uint8

const (
	stepBody   stepKind = iota // read the body and hand it over
	stepAnswer                 // write the answer; terminal
	stepCut                    // end without an answer; terminal
)

// newGuest makes a guest of a request whose head was written to head.
func newGuest(s *Server, r *http.Request, head []byte) (*guest, error) {
	g := &guest{req: r, remote: RemoteOf(r), steps: make(chan step, 2), active: true}
	g.parser.Init(s.cfg.limits())
	_, done, err := g.parser.Feed(head)
	if err == nil && !done {
		err = http1.ErrRequestLine // can't be: a head ends with its empty line
	}
	if err != nil {
		return nil, err
	}
	g.x = Exchange{g: g, h: s.cfg.Handler, maxBody: s.cfg.MaxBodyBytes}
	return g, nil
}

// post runs fn with g on the loop that g belongs to now. It reports whether that
// will happen.
func (g *guest) post(fn func(g, loop any)) bool {
	l := g.loop.Load()
	return l.Post(fn, g, l)
}

// strayed reports whether g went to another loop since fn was posted to the one
// that runs it now; fn then follows.
func (g *guest) strayed(loop any, fn func(g, loop any)) bool {
	if g.loop.Load() == loop.(*poller.Loop) {
		return false
	}
	g.post(fn)
	return true
}

// enterGuest begins the exchange, on the loop.
func enterGuest(v, _ any) {
	g := v.(*guest)
	if !g.active {
		return
	}
	g.x.h.OnRequest(&g.x)
	switch {
	case g.moveTo != nil:
		to := g.moveTo
		g.moveTo = nil
		g.loop.Store(to)
		if !g.post(enterGuest) {
			g.send(step{kind: stepCut})
		}
	case !g.active:
	case g.req.Body == nil || g.req.Body == http.NoBody:
		g.x.h.OnBody(&g.x, nil)
	default:
		g.steps <- step{kind: stepBody, limit: g.x.maxBody}
	}
}

// guestBody hands over the body that the goroutine has read.
func guestBody(v, loop any) {
	g := v.(*guest)
	if g.strayed(loop, guestBody) {
		return
	}
	if g.active {
		g.x.h.OnBody(&g.x, g.body.B)
	}
	putBuffer(&bodyPool, &g.body)
}

// guestTooLarge ends the exchange of a body above its limit.
func guestTooLarge(v, loop any) {
	g := v.(*guest)
	if g.strayed(loop, guestTooLarge) || !g.active {
		return
	}
	if h, ok := g.x.h.(TooLargeHandler); ok {
		h.OnTooLarge(&g.x)
	}
	// Without the rest of the body the connection can't be used again.
	g.respond(http1.ErrBodyTooLarge.Status, "", nil, nil, true)
}

// leaveGuest ends the exchange of a request that nobody waits for any more.
func leaveGuest(v, loop any) {
	g := v.(*guest)
	if g.strayed(loop, leaveGuest) || !g.active {
		return
	}
	g.active = false
	g.x.h.OnAbort(&g.x)
	// For nobody, unless it was the body that failed.
	g.send(step{kind: stepAnswer, status: max(g.failure, http.StatusBadRequest), last: true})
}

// respond answers. Ownership: header and body are copied.
func (g *guest) respond(status int, contentType string, header, body []byte, last bool) {
	if !g.active {
		return
	}
	both := append(append(make([]byte, 0, len(header)+len(body)), header...), body...)
	n := len(header)
	g.send(step{
		kind: stepAnswer, status: status, contentType: contentType, last: last,
		header: both[:n:n], body: both[n:],
	})
}

// cut ends the exchange without an answer.
func (g *guest) cut() {
	if g.active {
		g.send(step{kind: stepCut})
	}
}

// send sends the last step.
func (g *guest) send(s step) {
	g.active = false
	g.steps <- s
	g.mu.Lock()
	defer g.mu.Unlock()
	g.settled = true
	if g.waking != nil {
		g.waking()
	}
}
