package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

const (
	// pieceBytes is how much of an answer is buffered before it is sent in
	// pieces, and the size of a piece.
	pieceBytes = 32 << 10
	// maxPieces is how many pieces may be under way to the kernel.
	maxPieces = 4
)

// errPeerGone is the cause of a bridged request's context when the client left.
var errPeerGone = errors.New("web: client is gone")

// bridge joins an exchange, on its loop, with a net/http handler on a
// goroutine. It stands in as the handler of the exchange.
type bridge struct {
	// immutable
	srv    *Server
	loop   *poller.Loop
	cancel context.CancelCauseFunc
	ctx    context.Context // of the request: it is what the writer waits under
	flags  connFlags       // of the exchange
	credit chan struct{}   // a token for each piece that may still be sent

	w *responseWriter // of the goroutine

	// loop only
	x    *Exchange // nil when the exchange has its end, or left
	owed int       // tokens to give back when the write queue is short
}

// Bridge answers x by an ordinary handler, which runs on a goroutine of its own
// and may block. body is the whole body of the request. A panic becomes a 500
// and is reported to Config.OnError. It must be called in OnBody, or with a
// request that was kept; x must not be used afterwards.
//
// An answer up to 32 KiB leaves as a whole, with its Content-Length. A longer
// one leaves in pieces as it is written, no faster than the client reads.
func Bridge(h http.Handler, x *Exchange, body []byte) {
	req, err := NewHTTPRequest(x.Request(), x.RemoteAddr(), body)
	if err != nil {
		x.RespondClose(http.StatusBadRequest, "", nil, nil)
		return
	}
	req.TLS = x.TLS()
	ctx, cancel := context.WithCancelCause(context.Background())
	b := &bridge{
		srv: x.c.srv, loop: x.Loop(), x: x, ctx: ctx, cancel: cancel,
		flags: x.c.flags, credit: make(chan struct{}, maxPieces),
	}
	for range maxPieces {
		b.credit <- struct{}{}
	}
	x.SetHandler(b)
	// The goroutine ends when the handler returns. The handler is told by
	// its context when nobody waits for it any more.
	go b.run(h, req.WithContext(context.WithValue(ctx, bridgeKey{}, b)))
}

// bridgeKey is the key of the bridge in the context of its requests.
type bridgeKey struct{}

// Rejoin gives the exchange that r came from by Bridge back to its loop, where
// h.OnBody is called for it, without a body: it may become a WebSocket there. r
// is the request as its handlers have made it; header is what they want in the
// answer. It is an answer to r: what is written to its ResponseWriter goes nowhere.
// Rejoin reports false when r came by no bridge. It is for the goroutine of the
// handler, and for a request that was kept.
func Rejoin(r *http.Request, header http.Header, h Handler) bool {
	b, ok := r.Context().Value(bridgeKey{}).(*bridge)
	if !ok || b.w.left {
		return ok
	}
	b.w.left = true
	b.loop.Post(rejoin, b, &rejoining{h, &front{req: r, remote: RemoteOf(r), header: headerLines(header)}})
	return true
}

// rejoining is what a bridge gives back with its exchange.
type rejoining struct {
	h Handler
	f *front
}

func rejoin(v, with any) {
	b, r := v.(*bridge), with.(*rejoining)
	x := b.x
	if x == nil {
		return // the client left
	}
	b.x = nil
	x.front = r.f
	x.SetHandler(r.h)
	if x.Request() == nil { // it was not kept: nothing that can be upgraded
		x.RespondClose(http.StatusBadRequest, "", nil, nil)
		return
	}
	r.h.OnBody(x, nil)
}

// run calls the handler, on its own goroutine.
func (b *bridge) run(h http.Handler, req *http.Request) {
	w := newResponseWriter(b, req)
	b.w = w
	returned := false
	defer func() {
		if !returned { // a panic, or runtime.Goexit
			b.panicked(w, req, recover())
		}
		w.finish()
		b.cancel(context.Canceled)
	}()
	h.ServeHTTP(w, req)
	returned = true
}

// panicked reports v and makes the answer a 500, or a torn one when its
// beginning is gone already.
func (b *bridge) panicked(w *responseWriter, req *http.Request, v any) {
	if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		if report := b.srv.cfg.OnError; report != nil {
			report(fmt.Errorf("web: handler of %s %s panicked: %v\n%s", req.Method, req.URL.Path, v, debug.Stack()))
		}
		w.fail()
		return
	}
	w.torn = true
}

// post runs fn on the loop with the bridge and a frame, whose reference it takes
// over. It reports whether that will happen.
func (b *bridge) post(fn func(b, f any), f *frame.Frame) bool {
	if b.loop.Post(fn, b, f) {
		return true
	}
	if f != nil {
		f.Release()
	}
	return false
}

// sendPiece queues one piece of the answer.
func sendPiece(v, f any) {
	b, piece := v.(*bridge), f.(*frame.Frame)
	if b.x == nil {
		piece.Release()
		return
	}
	c := b.x.c
	short := c.pc.Queued() <= maxAnswerBytes
	c.pc.SendControl(piece)
	b.owed++
	if short {
		b.repay()
		return
	}
	// Either the kernel is full, and OnDrain will tell, or this turn brought
	// much at once: then it is gone by the next tick.
	c.since, c.queued = b.loop.Now(), 0
	c.arm(throttleTick)
}

// sendRest queues what is left when the handler is done.
func sendRest(v, f any) {
	b, piece := v.(*bridge), f.(*frame.Frame)
	if b.x == nil {
		piece.Release()
		return
	}
	b.x.c.pc.SendControl(piece)
}

// repay lets the writer go on.
func (b *bridge) repay() {
	for ; b.owed > 0; b.owed-- {
		b.credit <- struct{}{} // has room: each token was taken from it
	}
}

func (b *bridge) onDrain() { b.repay() }

// onTimer looks whether the client reads.
func (b *bridge) onTimer() {
	c := b.x.c
	switch {
	case b.owed == 0:
	case c.pc.Queued() <= maxAnswerBytes:
		b.repay()
	case time.Duration(b.loop.Now()-c.since) >= sendTimeout && c.stuck():
		b.x.Cut(ErrSlowReader)
		b.gone()
	default:
		c.arm(sendTimeout)
	}
}

// finishAnswer ends the exchange after the last piece; finishLast also ends
// the connection.
func finishAnswer(v, _ any) { v.(*bridge).finish(false) }
func finishLast(v, _ any)   { v.(*bridge).finish(true) }

func (b *bridge) finish(last bool) {
	if x := b.x; x != nil {
		b.x = nil
		x.c.answered(last)
	}
}

// tearAnswer cuts the connection: the answer can't be completed.
func tearAnswer(v, _ any) {
	b := v.(*bridge)
	if x := b.x; x != nil {
		b.x = nil
		x.Cut(http.ErrAbortHandler)
	}
}

// gone tells the goroutine that nobody waits for the answer.
func (b *bridge) gone() {
	b.x = nil
	b.cancel(errPeerGone)
}

// OnRequest is never called: the bridge comes in after it.
func (b *bridge) OnRequest(*Exchange) {}

// OnBody is called when the bridge was built before the body was read. The
// request has its body already.
func (b *bridge) OnBody(*Exchange, []byte) {}

// OnAbort tells the handler that the client is gone.
func (b *bridge) OnAbort(*Exchange) { b.gone() }
