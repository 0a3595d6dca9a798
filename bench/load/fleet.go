package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
	"github.com/sirocco-io/sirocco/poller"
)

// scenario is the part of a run that decides what clients say. Loop only.
type scenario interface {
	message(c *client, p []byte) error // an event or an ack reached c
	ready(c *client)                   // c can send and receive
}

// counters of the whole run. Loop only.
type counters struct {
	sent  uint64 // messages
	ops   uint64 // answers and deliveries that were as they must be
	pings uint64 // heartbeats answered
	ready uint64 // clients that reached their namespace
	left  uint64 // clients that we closed
}

// fleet is all clients of a run, on one loop.
type fleet struct {
	cfg     Config
	pid     int
	remote  netip.AddrPort
	host    string
	dialect dialect
	request []byte      // of a plain WebSocket
	tls     *tls.Config // nil: no TLS
	poller  *poller.Poller
	loop    *poller.Loop
	epoch   time.Time
	server  ServerStats // as it was before the first client
	up      *uplink     // to the coordinator; nil: this is the only process

	// loop only
	sc        scenario
	clients   []*client
	target    int  // clients to have
	opening   int  // of clients, those not ready yet
	fences    int  // fences out
	owed      int  // messages that the server must confirm and has not
	beating   bool // heartbeats of ours have begun
	beats     int  // turns of them
	dialed    int  // connections made, to spread them over addresses
	replace   bool // a client that left is replaced by a new one
	measuring bool // the warm-up is over
	count     counters
	inflated  inflated
	err       error // the first fault: the run is void
	faults    int
	lastDone  int64 // when the last client became ready
}

// newFleet starts the loop and asks the server who it is, unless a coordinator
// does.
func newFleet(cfg Config, up *uplink) (*fleet, error) {
	remote, host, err := cfg.remote()
	if err != nil {
		return nil, err
	}
	f := &fleet{cfg: cfg, remote: remote, host: host, pid: cfg.PID, epoch: time.Now(), tls: cfg.secure(), up: up}
	f.dialect = dialects[cfg.Dialect]
	f.request = f.upgradeRequest("")
	if up == nil {
		f.server, _ = askServer(cfg.URL, false)
	}
	if f.pid == 0 && up == nil {
		if f.pid, err = proc.ListenerPID(remote.String()); err != nil {
			return nil, err
		}
	}
	f.poller, err = poller.New(poller.Config{Loops: 1, ReadBufferBytes: 256 << 10})
	if err != nil {
		return nil, err
	}
	f.loop = f.poller.Loops()[0]
	return f, nil
}

// close ends the loop and every connection.
func (f *fleet) close() { _ = f.poller.Close() }

// now is the time since the run began, in nanoseconds.
func (f *fleet) now() int64 { return int64(time.Since(f.epoch)) }

var (
	errLoop    = errors.New("load: the loop does not answer")
	errTimeout = errors.New("load: timed out")
)

// call runs fn on the loop and waits for it.
func (f *fleet) call(fn func()) error {
	done := make(chan struct{})
	if !f.loop.Post(runCall, fn, done) {
		return errLoop
	}
	t := time.NewTimer(f.cfg.Timeout)
	defer t.Stop()
	select {
	case <-done:
		return nil
	case <-t.C:
		return errLoop
	}
}

func runCall(fn, done any) {
	fn.(func())()
	close(done.(chan struct{}))
}

// await returns when cond, run on the loop, holds; or when the run is void,
// ended, or over its time.
func (f *fleet) await(ctx context.Context, what string, cond func() bool) error {
	const every = 5 * time.Millisecond
	deadline := time.Now().Add(f.cfg.Timeout)
	for line := time.Now().Add(time.Second); ; {
		ok, note := false, ""
		var fault error
		if err := f.call(func() { ok, fault, note = cond(), f.err, f.status() }); err != nil {
			return err
		}
		switch {
		case fault != nil:
			return fault
		case ok:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case time.Now().After(deadline):
			return fmt.Errorf("%w after %v: %s (%s)", errTimeout, f.cfg.Timeout, what, note)
		case time.Now().After(line):
			f.progress(what, note)
			line = line.Add(time.Second)
		}
		time.Sleep(every)
	}
}

// status is what a progress line says. Loop only.
func (f *fleet) status() string {
	return fmt.Sprintf("%d/%d clients, sent %d, ok %d, pings %d", f.ready(), f.target, f.count.sent, f.count.ops, f.count.pings)
}

func (f *fleet) progress(what, note string) {
	if f.cfg.Progress != nil {
		_, _ = fmt.Fprintf(f.cfg.Progress, "%6.1fs %s: %s\n", time.Since(f.epoch).Seconds(), what, note)
	}
}

// ready is how many clients are in their namespace. Loop only.
func (f *fleet) ready() int { return len(f.clients) - f.opening }

// open brings the number of clients to n and waits until all are ready, those
// of other processes too.
func (f *fleet) open(ctx context.Context, n int) error {
	if err := f.call(func() { f.target = n; f.fill() }); err != nil {
		return err
	}
	if err := f.await(ctx, "connecting", func() bool { return f.ready() >= f.target }); err != nil {
		return err
	}
	_, err := f.together(ctx, stepConnected, nil)
	return err
}

// fill dials until the window is full or the target reached. Loop only.
func (f *fleet) fill() {
	for len(f.clients) < f.target && f.opening < f.cfg.Window && f.err == nil {
		c := &client{f: f, index: uint32(len(f.clients))}
		f.clients = append(f.clients, c)
		f.begin(c)
	}
}

// begin opens a new client. Loop only.
func (f *fleet) begin(c *client) {
	f.opening++
	c.began = f.now()
	var err error
	if f.cfg.Transport == WebSocket {
		err = f.dial(c)
	} else {
		c.http = &polling{c: c, upgrade: f.cfg.Transport == Upgrade}
		err = c.http.begin()
	}
	if err != nil {
		f.fault(c, err)
	}
}

// dial makes one connection, from the next of our addresses. Loop only.
func (f *fleet) dial(h poller.Handler) error {
	var local netip.AddrPort
	if f.remote.Addr().IsLoopback() && f.remote.Addr().Is4() {
		local = netip.AddrPortFrom(f.cfg.local(f.dialed), 0)
	}
	f.dialed++
	if f.tls != nil {
		return f.poller.DialTLS(f.loop, local, f.remote, f.tls, h)
	}
	return f.poller.Dial(f.loop, local, f.remote, h)
}

// onJoined is called when c is in its namespace. Loop only.
func (f *fleet) onJoined(c *client) {
	if c.http != nil && c.http.upgrade {
		if err := f.dial(c); err != nil {
			f.fault(c, err)
		}
		return
	}
	f.onReady(c)
}

// onUpgraded is called when c's WebSocket took over. Loop only.
func (f *fleet) onUpgraded(c *client) { f.onReady(c) }

func (f *fleet) onReady(c *client) {
	f.opening--
	f.count.ready++
	f.lastDone = f.now()
	f.sc.ready(c)
	f.fill()
}

// onLeft is called when c is closed, by us or not. Loop only.
func (f *fleet) onLeft(c *client, err error) {
	was := c.state
	c.state = closed
	switch {
	case was == closed:
	case was == leaving:
		f.count.left++
		if f.replace && f.err == nil {
			next := &client{f: f, index: c.index}
			f.clients[c.index] = next
			f.begin(next)
		}
	default:
		f.fault(c, fmt.Errorf("load: connection lost: %w", err))
	}
}

// fault voids the run. Loop only.
func (f *fleet) fault(c *client, err error) {
	f.faults++
	if f.err == nil {
		f.err = fmt.Errorf("client %d: %w", c.index, err)
	}
	c.leave()
}

// fenceAll makes sure that the server handled all that clients said so far:
// each asks for one echo. before runs for each client first.
func (f *fleet) fenceAll(ctx context.Context, clients []*client, before func(c *client)) error {
	const batch = 500
	for len(clients) > 0 {
		n := min(batch, len(clients))
		part := clients[:n]
		clients = clients[n:]
		err := f.call(func() {
			for _, c := range part {
				before(c)
				c.fence = true
				f.fences++
				f.dialect.fence(c)
			}
		})
		if err != nil {
			return err
		}
		if err := f.await(ctx, "joining", func() bool { return f.fences == 0 }); err != nil {
			return err
		}
	}
	return nil
}

func (f *fleet) onFenced() { f.fences-- }
