package sio

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

const (
	// drainTick is the least time between two batches, and how soon a client
	// that could not be closed yet is looked at again.
	drainTick = 20 * time.Millisecond
	// lastPolls is how long a client of long-polling gets, all being told, to
	// ask once more.
	lastPolls = 5 * time.Second
)

// Ready reports whether new clients should be sent here: the server listens,
// or serves as an http.Handler, and neither Shutdown nor Close was called. It is
// what a load balancer's readiness probe asks.
func (srv *Server) Ready() bool {
	return srv.engine.Poller() != nil && !srv.draining.Load() && !srv.closed.Load()
}

// ready tells the hook that Ready has changed.
func (srv *Server) ready(on bool) {
	if srv.cfg.OnReady != nil && srv.shown.Swap(on) != on {
		srv.cfg.OnReady(on)
	}
}

// Shutdown lets all clients go, so that they reconnect elsewhere:
//
//  1. [Server.Ready] turns false, and [Config.OnReady] is called. For
//     [Config.DrainDelay] everything else stays as it is, until load balancers
//     know.
//  2. New handshakes get a 503, with Connection: close. Requests of sessions
//     that are open are served, of long-polling too.
//  3. All over [Config.DrainSpread], in random order, clients are let go: what
//     they sent up to then is handled first, with its acknowledgements. Then
//     their sockets end with [ReasonServerShuttingDown], what is queued for
//     them is sent, and their connection is closed. Official clients reconnect.
//  4. The listeners and all connections are closed, adapters too.
//
// It returns when no handler runs any more. When ctx ends first, the rest is
// cut as by Close, and the error of ctx returned. Calls after the first do
// nothing. It must not be called on a loop.
func (srv *Server) Shutdown(ctx context.Context) error {
	if srv.closed.Load() || srv.draining.Swap(true) {
		return nil
	}
	srv.ready(false)
	srv.pause(ctx, srv.cfg.DrainDelay)
	srv.engine.Refuse()
	srv.drain(ctx)
	if !srv.end() {
		return nil // Close was faster
	}
	err := srv.engine.Shutdown(ctx)
	return errors.Join(err, srv.waitHandlers(ctx), srv.closeAdapters())
}

// pause waits for d, for ctx, or for Close.
func (srv *Server) pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-srv.ended:
	}
}

// drain lets the clients of all loops go, until ctx ends or Close is called.
func (srv *Server) drain(ctx context.Context) {
	var all []*drainer
	for _, ls := range *srv.loops.Load() {
		if ls == nil {
			continue
		}
		d := &drainer{ls: ls, done: make(chan struct{})}
		if ls.loop.Post(postDrain, d, nil) {
			all = append(all, d)
		}
	}
	for _, d := range all {
		select {
		case <-d.done:
		case <-ctx.Done():
			return
		case <-srv.ended:
			return
		}
	}
}

// drainer lets the clients of one loop go. Loop only, but for done.
type drainer struct {
	poller.Timer
	ls      *loopState
	end     int64                // when all should have been told
	clients []*client            // whose time has not come, in random order
	busy    map[*client]struct{} // whose handlers still run: nothing new is taken from them
	closing []*eio.Session       // told; the last packets wait for a GET
	grace   int64                // how long they may, once all are told
	done    chan struct{}        // closed at the end
}

func postDrain(a, _ any) {
	d := a.(*drainer)
	ls := d.ls
	ls.drain, d.busy = d, make(map[*client]struct{})
	seen := make(map[*client]struct{})
	ls.eachSocket(func(s *Socket) {
		c := clientOf(s.sess)
		if _, ok := seen[c]; !ok {
			seen[c] = struct{}{}
			d.clients = append(d.clients, c)
		}
	})
	rand.Shuffle(len(d.clients), func(i, j int) { d.clients[i], d.clients[j] = d.clients[j], d.clients[i] })
	d.end = ls.loop.Now() + int64(ls.srv.cfg.DrainSpread)
	d.OnTimer(nil)
}

// eachSocket calls f for each connected socket of the loop. f must not change
// what there is. Loop only.
func (ls *loopState) eachSocket(f func(*Socket)) {
	for _, n := range ls.srv.dir.all() {
		all := *n.loops.Load()
		if ls.index >= len(all) || all[ls.index] == nil {
			continue
		}
		for _, s := range all[ls.index].members {
			f(s)
		}
	}
}

// OnTimer lets the next batch go. It implements poller.TimerHandler.
func (d *drainer) OnTimer(*poller.Timer) {
	now := d.ls.loop.Now()
	left, n := time.Duration(d.end-now), len(d.clients)
	gap := drainTick
	if left > 0 && n > 0 {
		gap = max(drainTick, left/time.Duration(n))
		n = min(n, max(1, int(int64(n)*int64(gap)/int64(left))))
	}
	for c := range d.busy {
		d.release(c)
	}
	for _, c := range d.clients[len(d.clients)-n:] {
		d.release(c)
	}
	clear(d.clients[len(d.clients)-n:])
	d.clients = d.clients[:len(d.clients)-n]
	if d.finished(now) {
		d.ls.drain = nil
		close(d.done)
		return
	}
	// From half the gap to one and a half: no two servers of a cluster keep step.
	d.ls.loop.Arm(&d.Timer, d, gap/2+rand.N(gap))
}

// finished reports whether all are told, and those who have to ask for it have
// had their time.
func (d *drainer) finished(now int64) bool {
	left := d.closing[:0]
	for _, s := range d.closing {
		if s.State() != eio.Closed {
			left = append(left, s)
		}
	}
	clear(d.closing[len(left):])
	d.closing = left
	if len(d.clients) > 0 || len(d.busy) > 0 {
		return false
	}
	if d.grace == 0 {
		d.grace = now + int64(lastPolls)
	}
	return len(left) == 0 || now >= d.grace
}

// release lets one client go, unless handlers of its sockets still run.
func (d *drainer) release(c *client) {
	if c.dead {
		delete(d.busy, c)
		return
	}
	for _, s := range c.sockets() {
		if s.queuedCount.Load() > 0 {
			d.busy[c] = struct{}{}
			return
		}
	}
	delete(d.busy, c)
	for _, s := range c.take() {
		s.finish(ReasonServerShuttingDown, nil)
	}
	c.dead = true
	c.joined()
	if !c.sess.CloseNow() {
		d.closing = append(d.closing, c.sess)
	}
}

// holds reports whether nothing new is taken from c.
func (d *drainer) holds(c *client) bool {
	_, ok := d.busy[c]
	return ok
}
