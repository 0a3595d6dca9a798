package poller

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// handshakeType is the type of a record that a handshake begins with
	// (RFC 8446 section 5.1).
	handshakeType = 22
	// alertLinger is how long a connection whose handshake failed is kept,
	// so that the alert arrives.
	alertLinger = time.Second
)

// errGoexit is the reason when a callback of the tls.Config ended its
// goroutine.
var errGoexit = errors.New("poller: handshake ended by runtime.Goexit")

// errNotTLS is the reason when a connection begins with something else.
var errNotTLS = errors.New("poller: first record does not look like a TLS handshake")

// handshakes are the TLS handshakes of a poller: how many there may be, and
// what became of them.
type handshakes struct {
	max     int64
	workers chan struct{} // a token for each that may compute
	running sync.WaitGroup
	active  atomic.Int64
	done    atomic.Uint64
	failed  atomic.Uint64
}

// init takes the limits from the configuration.
func (s *handshakes) init(cfg *Config) {
	s.max = int64(cfg.MaxHandshakes)
	s.workers = make(chan struct{}, cfg.HandshakeWorkers)
}

// handshake is the TLS handshake of one connection, and the connection's
// handler meanwhile. The loop collects the first record; only then a goroutine
// begins, which crypto/tls needs, as it can't take up a handshake again. The
// two take turns: the loop reads when the goroutine asks for more, and not
// meanwhile, so that a peer can't send ahead. What the goroutine writes goes
// to the loop.
//
//	waiting ── first record ──▶ computing ──▶ established (the tlsLayer's)
//	                              │   ▲
//	                         asks ▼   │ record
//	                             reading
type handshake struct {
	t      *tlsLayer
	p      *Poller
	cfg    *tls.Config
	accept func(c *Conn) Handler // makes the handler, unless it is h
	h      Handler               // of a connection that was dialed
	client bool

	l *Loop // set by OnOpen

	// loop only
	c     *Conn // nil before OnOpen, and when there is nothing more to do
	timer Timer
	began bool

	// whose turn it is
	in  []byte // received
	out []byte // the part of in that is being given to crypto/tls
	at  int    // of in, where the next record begins

	more   chan struct{} // tells the goroutine that it is its turn
	ctx    context.Context
	cancel context.CancelCauseFunc
	err    error // by the goroutine, for the loop
}

var (
	_ Handler      = (*handshake)(nil)
	_ TimerHandler = (*handshake)(nil)
)

// newHandshake prepares the handshake of one connection.
func newHandshake(p *Poller, cfg *tls.Config, client bool) *handshake {
	hs := &handshake{p: p, cfg: cfg, client: client, t: new(tlsLayer)}
	hs.t.shake = hs
	return hs
}

// secure makes a connection begin with hs.
func (a *arrival) secure(hs *handshake) {
	hs.accept, hs.h = a.accept, a.h
	a.accept, a.h = nil, hs
	a.flags |= fTLS
	a.x = &extra{tls: hs.t}
}

// OnOpen starts the clock.
func (hs *handshake) OnOpen(c *Conn) {
	hs.c, hs.l = c, c.loop
	c.loop.Arm(&hs.timer, hs, hs.p.cfg.HandshakeTimeout)
	if hs.client {
		c.Pause() // until the goroutine asks
		hs.begin()
	}
}

// OnTimer gives up.
func (hs *handshake) OnTimer(*Timer) {
	if hs.c != nil {
		hs.c.Close(os.ErrDeadlineExceeded)
	}
}

// OnData collects records.
func (hs *handshake) OnData(c *Conn, b []byte) {
	hs.in = append(hs.in, b...)
	if !hs.began && hs.in[0] != handshakeType {
		c.Close(errNotTLS)
		return
	}
	if _, whole := recordSize(hs.in[hs.at:]); !whole {
		return
	}
	c.Pause()
	if hs.began {
		hs.more <- struct{}{} // has room: one for each ask
		return
	}
	hs.begin()
}

// OnDrain does nothing: what is written is little.
func (hs *handshake) OnDrain(*Conn) {}

// OnClose ends the handshake.
func (hs *handshake) OnClose(c *Conn, err error) {
	hs.c = nil
	c.loop.Disarm(&hs.timer)
	if hs.began {
		hs.cancel(err)
	}
	if !errors.Is(err, ErrTooManyConns) {
		hs.p.shakes.failed.Add(1)
	}
	if hs.h != nil {
		hs.h.OnClose(c, err)
	}
}

// begin starts the goroutine.
func (hs *handshake) begin() {
	s, c, t := &hs.p.shakes, hs.c, hs.t
	if s.active.Add(1) > s.max {
		s.active.Add(-1)
		hs.p.admission.refused[refusedHandshakes].Add(1)
		c.Close(ErrTooManyConns)
		return
	}
	hs.began = true
	hs.more = make(chan struct{}, 1)
	hs.ctx, hs.cancel = context.WithCancelCause(context.Background())
	t.local, t.remote, t.network = sysio.AddrOf(c.LocalAddr()), c.addr, c.Network()
	if hs.client {
		t.conn = tls.Client(t, hs.cfg)
	} else {
		t.conn = tls.Server(t, hs.cfg)
	}
	s.running.Add(1)
	// Ends with the handshake, or when the connection is closed; the poller
	// waits for it.
	go hs.run()
}

// run makes the handshake, on a goroutine.
func (hs *handshake) run() {
	s := &hs.p.shakes
	defer s.running.Done()
	select {
	case s.workers <- struct{}{}:
		hs.err = errGoexit
		defer hs.finish()
		hs.err = hs.t.conn.HandshakeContext(hs.ctx)
	case <-hs.ctx.Done(): // nobody waits for it any more
		s.active.Add(-1)
	}
}

// finish tells the loop what came of run.
func (hs *handshake) finish() {
	if v := recover(); v != nil {
		hs.err = &PanicError{Value: v, Stack: debug.Stack()}
	}
	<-hs.p.shakes.workers
	hs.p.shakes.active.Add(-1)
	hs.l.Post(shaken, hs, nil)
}

// read waits for a record and gives crypto/tls a part of it, or all.
func (hs *handshake) read(p []byte) (int, error) {
	for len(hs.out) == 0 {
		if n, whole := recordSize(hs.in[hs.at:]); whole {
			hs.out = hs.in[hs.at : hs.at+n]
			hs.at += n
		} else if err := hs.ask(); err != nil {
			return 0, err
		}
	}
	n := copy(p, hs.out)
	hs.out = hs.out[n:]
	return n, nil
}

// ask lets the loop read, and others compute meanwhile.
func (hs *handshake) ask() error {
	hs.in = append(hs.in[:0], hs.in[hs.at:]...)
	hs.at = 0
	if !hs.l.Post(readOn, hs, nil) {
		return ErrClosed
	}
	<-hs.p.shakes.workers
	defer func() { hs.p.shakes.workers <- struct{}{} }()
	select {
	case <-hs.more:
		return nil
	case <-hs.ctx.Done():
		return context.Cause(hs.ctx)
	}
}

// write hands what crypto/tls wrote to the loop.
func (hs *handshake) write(p []byte) (int, error) {
	if hs.ctx.Err() != nil {
		return 0, context.Cause(hs.ctx)
	}
	f := frame.New()
	f.B = append(f.B, p...)
	if !hs.l.Post(sendFlight, hs, f.SealRaw()) {
		f.Release()
		return 0, ErrClosed
	}
	return len(p), nil
}

// readOn is posted with a handshake that needs more input.
func readOn(a, _ any) {
	if c := a.(*handshake).c; c != nil {
		c.Resume()
	}
}

// sendFlight is posted with a handshake and what it sends.
func sendFlight(a, b any) {
	f := b.(*frame.Frame)
	if c := a.(*handshake).c; c != nil {
		_ = c.queueSealed(f.Wire()) // fails when c is closed
	}
	f.Release()
}

// shaken is posted with a handshake that is over.
func shaken(a, _ any) {
	hs := a.(*handshake)
	hs.cancel(nil)
	c := hs.c
	if c == nil || c.flags&(fDead|fClosing) != 0 {
		return
	}
	if hs.err != nil {
		if _, ok := hs.err.(*PanicError); ok {
			c.loop.count.panics++
			c.loop.p.cfg.OnError(hs.err)
		}
		c.CloseAfterFlush(hs.err, alertLinger)
		return
	}
	hs.establish(c)
}

// establish gives the connection to its handler.
func (hs *handshake) establish(c *Conn) {
	l := c.loop
	hs.c = nil
	l.Disarm(&hs.timer)
	hs.p.shakes.done.Add(1)
	hs.t.shake = nil
	c.h = hs.h
	c.Resume()
	l.opened(c, &arrival{accept: hs.accept})
	if in := hs.in[hs.at:]; len(in) > 0 && c.flags&(fDead|fClosing) == 0 {
		l.decrypt(c, in)
	}
}
