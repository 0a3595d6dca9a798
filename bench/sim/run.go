package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// options say what is simulated.
type options struct {
	clients     int
	loops       int // 0: GOMAXPROCS
	room        int // sockets of a room
	payload     int // bytes of a broadcast's argument
	casts       int // broadcasts to all
	ping        time.Duration
	pingTimeout time.Duration
	silent      int           // clients that stop to answer, before the others leave
	patience    time.Duration // the longest that one phase may take
	log         io.Writer
}

// run is one simulation.
type run struct {
	opt     options
	kernel  *kernel
	server  *sio.Server
	rooms   []string
	entered atomic.Int64 // sockets that are in their room
	left    atomic.Int64 // OnDisconnect calls
	lost    atomic.Int64 // those of them for a pong that did not come
	stalls  atomic.Int64 // turns above 100 ms
	report  report
}

// simulate goes through all phases.
func simulate(ctx context.Context, opt options) (*report, error) {
	opt.loops = cmp.Or(opt.loops, runtime.GOMAXPROCS(0))
	r := &run{opt: opt, kernel: newKernel(opt.clients, opt.loops, opt.ping), report: newReport(opt)}
	for i := range (opt.clients-1)/opt.room + 1 {
		r.rooms = append(r.rooms, "room-"+strconv.Itoa(i))
	}
	if err := r.listen(); err != nil {
		return nil, err
	}
	defer func() { _ = r.server.Close() }() // a second time does nothing
	began := time.Now()
	for _, phase := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"connect", r.connect},
		{"memory", r.weigh},
		{"heartbeats", r.beat},
		{"broadcast", r.broadcast},
		{"collection", r.collect},
		{"silence", r.silence},
		{"disconnect", r.disconnect},
		{"close", r.close},
	} {
		start := time.Now()
		bounded, cancel := context.WithTimeout(ctx, opt.patience)
		err := phase.do(bounded)
		cancel()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", phase.name, err)
		}
		_, _ = fmt.Fprintf(opt.log, "%-10s %v\n", phase.name, time.Since(start).Round(time.Millisecond))
	}
	r.report.Took = time.Since(began).Seconds()
	return &r.report, nil
}

// listen starts the server: what a normal one has, but for the kernel.
func (r *run) listen() error {
	var err error
	r.server, err = sio.NewServer(sio.Config{
		PingInterval: r.opt.ping,
		PingTimeout:  r.opt.pingTimeout,
		// All connect at once: a machine that does other things may take long.
		HeaderTimeout: r.opt.patience,
		OnError:       r.failed,
		Poller:        poller.Config{Loops: r.opt.loops, MaxConns: r.opt.clients, IO: r.kernel},
	})
	if err != nil {
		return err
	}
	r.server.OnConnection(func(s *sio.Socket) {
		n := r.entered.Add(1) - 1
		if err := s.Join(r.rooms[int(n)/r.opt.room]); err != nil {
			s.Disconnect(true)
		}
	})
	r.server.OnDisconnect(func(_ *sio.Socket, why sio.Reason, _ error) {
		if why == sio.ReasonPingTimeout {
			r.lost.Add(1)
		}
		r.left.Add(1)
	})
	sio.On(r.server, "echo", func(s *sio.Socket, v string) error { return s.Emit("echo", v) })
	sio.OnAck(r.server, "ack", func(_ *sio.Socket, v string) (string, error) { return v, nil })
	if _, err = r.server.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	return r.onLoops(func(int, *side) {}) // all are running
}

// failed counts turns that took long, which is no wonder with so many clients,
// and shows everything else.
func (r *run) failed(err error) {
	if stall := new(sio.StallError); errors.As(err, &stall) {
		r.stalls.Add(1)
		return
	}
	_, _ = fmt.Fprintln(r.opt.log, "server:", err)
}

// loops are the server's.
func (r *run) loops() []*poller.Loop { return r.server.Engine().Poller().Loops() }

var errLoopClosed = errors.New("a loop has ended")

// onLoops calls f on the goroutine of each loop, one loop at a time.
func (r *run) onLoops(f func(loop int, s *side)) error {
	done := make(chan error, 1)
	for _, l := range r.loops() {
		i := l.Index()
		if !l.Post(func(_, _ any) {
			s := &r.kernel.sides[i]
			f(i, s)
			done <- s.fault
		}, nil, nil) {
			return errLoopClosed
		}
		if err := <-done; err != nil {
			return err
		}
	}
	return nil
}

// tally sums up over the loops.
func (r *run) tally() (t tally, err error) {
	err = r.onLoops(func(_ int, s *side) { t.add(s.tally) })
	return t, err
}

// look is how often a phase looks whether it is over.
const look = 5 * time.Millisecond

// await returns when the clients have come to what ok wants.
func (r *run) await(ctx context.Context, what string, ok func(tally) bool) error {
	shown := time.Now()
	for {
		t, err := r.tally()
		if err != nil || ok(t) {
			return err
		}
		if time.Since(shown) > 2*time.Second {
			shown = time.Now()
			_, _ = fmt.Fprintf(r.opt.log, "  %s: %d joined, %d pings, %d delivered, %d gone\n", what, t.joined, t.pings, t.delivered, t.gone+t.cut)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w at %+v", what, ctx.Err(), t)
		case <-time.After(look):
		}
	}
}

// connect makes all clients join.
func (r *run) connect(ctx context.Context) error {
	r.report.base = takeMemory()
	r.report.gc = takeGC()
	began := takeUsage()
	if err := r.dial(ctx); err != nil {
		return err
	}
	err := r.await(ctx, "connect", func(t tally) bool { return t.joined == r.opt.clients && int(r.entered.Load()) == r.opt.clients })
	if err != nil {
		return err
	}
	r.report.Connect = began.until(takeUsage())
	return nil
}

// dial lets all clients ask for a connection, in equal shares at each
// listening socket.
func (r *run) dial(ctx context.Context) error {
	for {
		listening := 0
		for i := range r.kernel.sides {
			if r.kernel.sides[i].listening.Load() != 0 {
				listening++
			}
		}
		if listening > 0 {
			left := r.opt.clients
			return r.onLoops(func(loop int, s *side) {
				if s.listening.Load() != 0 {
					share := left / listening
					r.kernel.dial(loop, share)
					left, listening = left-share, listening-1
				}
			})
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(look):
		}
	}
}

// weigh measures what the sockets hold.
func (r *run) weigh(context.Context) error {
	m := takeMemory()
	r.report.weigh(m)
	st := r.server.Stats()
	if st.Sockets != r.opt.clients || st.Connections != r.opt.clients {
		return fmt.Errorf("the server has %d connections and %d sockets", st.Connections, st.Sockets)
	}
	return nil
}

// beat watches a whole interval, until everybody had a ping in it.
func (r *run) beat(ctx context.Context) error {
	var before tally
	err := r.onLoops(func(_ int, s *side) {
		before.add(s.tally)
		s.late.Reset()
	})
	if err != nil {
		return err
	}
	if err := r.eachPeer(func(_ int, p *peer) { p.beats = 0 }); err != nil {
		return err
	}
	began := takeUsage()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(r.opt.ping):
	}
	missed := 1
	for missed > 0 {
		missed = 0
		if err := r.eachPeer(func(_ int, p *peer) {
			if p.beats == 0 {
				missed++
			}
		}); err != nil {
			return err
		}
		if missed > 0 {
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d clients had no ping: %w", missed, ctx.Err())
			case <-time.After(look):
			}
		}
	}
	used := began.until(takeUsage())
	after, err := r.tally()
	if err != nil {
		return err
	}
	late := r.kernel.sides[0].late
	if err := r.onLoops(func(i int, s *side) {
		if i > 0 {
			late.Merge(s.late)
		}
	}); err != nil {
		return err
	}
	r.report.beats(used, after.pings-before.pings, late)
	return nil
}

// eachPeer calls f for all clients, on the goroutines of their loops.
func (r *run) eachPeer(f func(n int, p *peer)) error {
	return r.onLoops(func(loop int, _ *side) {
		for i := range r.kernel.peers {
			if p := &r.kernel.peers[i]; int(p.loop) == loop {
				f(i, p)
			}
		}
	})
}

// broadcast emits to all, and checks that each had it once. How long the
// clients take for that is measured alone, without a server.
func (r *run) broadcast(ctx context.Context) error {
	argument := strings.Repeat("x", r.opt.payload)
	wire := []byte(`42["news","` + argument + `"]`)
	r.kernel.want.Store(&wire)
	for range r.opt.casts {
		before, err := r.expect()
		if err != nil {
			return err
		}
		began := takeUsage()
		if err := r.server.Emit("news", argument); err != nil {
			return err
		}
		err = r.await(ctx, "broadcast", func(t tally) bool { return t.delivered >= before.delivered+r.opt.clients })
		if err != nil {
			return err
		}
		used := began.until(takeUsage())
		if err := r.counted(1); err != nil {
			return err
		}
		used.Seconds = r.last(began.at)
		r.report.cast(used)
	}
	own, err := r.rehearse(wire)
	r.report.Clients = own
	return err
}

// expect sets up the count of a broadcast.
func (r *run) expect() (before tally, err error) {
	if err = r.eachPeer(func(_ int, p *peer) { p.got = 0 }); err != nil {
		return before, err
	}
	err = r.onLoops(func(_ int, s *side) {
		before.add(s.tally)
		s.goal = s.delivered + s.joined
	})
	return before, err
}

// last is when the last client had the broadcast that was emitted at began.
func (r *run) last(began time.Time) float64 {
	d := time.Duration(0)
	for i := range r.kernel.sides {
		d = max(d, r.kernel.sides[i].done.Sub(began))
	}
	return d.Seconds()
}

// counted checks that every client had so many events.
func (r *run) counted(times uint16) error {
	wrong := 0
	err := r.eachPeer(func(_ int, p *peer) {
		if p.got != times {
			wrong++
		}
		p.got = 0
	})
	if err == nil && wrong > 0 {
		err = fmt.Errorf("%d clients had the broadcast not once", wrong)
	}
	return err
}

// rehearse gives every client the frame without a server in front.
func (r *run) rehearse(wire []byte) (u usage, err error) {
	head := []byte{0x80 | opText, byte(len(wire))}
	if len(wire) >= 126 {
		head = []byte{0x80 | opText, 126, byte(len(wire) >> 8), byte(len(wire))}
	}
	frame := bytes.Join([][]byte{head, wire}, nil)
	began := takeUsage()
	if err = r.eachPeer(func(n int, _ *peer) { _, _ = r.kernel.Send(firstFD+n, frame) }); err != nil {
		return u, err
	}
	u = began.until(takeUsage())
	return u, r.counted(1)
}

// collect measures one collection with everybody there.
func (r *run) collect(context.Context) error {
	before := takeGC()
	began := takeUsage()
	runtime.GC()
	r.report.collected(r.report.gc, before, takeGC(), began.until(takeUsage()))
	r.report.Goroutines = runtime.NumGoroutine()
	r.report.Stalls = int(r.stalls.Load())
	return nil
}

// silence lets clients say nothing any more: the server has to cut them.
func (r *run) silence(ctx context.Context) error {
	if r.opt.silent == 0 {
		return nil
	}
	if err := r.eachPeer(func(n int, p *peer) { p.set(isSilent, n < r.opt.silent) }); err != nil {
		return err
	}
	if err := r.await(ctx, "silence", func(t tally) bool {
		return t.cut == r.opt.silent && int(r.left.Load()) == r.opt.silent
	}); err != nil {
		return err
	}
	if lost := int(r.lost.Load()); lost != r.opt.silent {
		return fmt.Errorf("%d sockets had a ping timeout, %d clients were silent", lost, r.opt.silent)
	}
	r.report.Cut = r.opt.silent
	return nil
}

// disconnect lets all clients leave at once.
func (r *run) disconnect(ctx context.Context) error {
	began := takeUsage()
	err := r.onLoops(func(loop int, s *side) {
		for i := range r.kernel.peers {
			p := &r.kernel.peers[i]
			if int(p.loop) == loop && p.stage == joined {
				p.stage = leaving
				p.pending |= sayDisconnect
				s.report(p, uint32(i))
			}
		}
	})
	if err != nil {
		return err
	}
	err = r.await(ctx, "disconnect", func(t tally) bool {
		return t.gone+t.cut == r.opt.clients && int(r.left.Load()) == r.opt.clients
	})
	if err != nil {
		return err
	}
	r.report.Disconnect = began.until(takeUsage())
	return r.empty()
}

// empty checks that the server has forgotten everybody.
func (r *run) empty() error {
	st, below := r.server.Stats(), r.server.Engine().Poller().Stats()
	if st.Connections != 0 || st.Sockets != 0 || st.Rooms != 0 || below.Conns != 0 {
		return fmt.Errorf("left behind: %d connections, %d sockets, %d rooms, %d descriptors", st.Connections, st.Sockets, st.Rooms, below.Conns)
	}
	if st.Violations != 0 || st.Panics != 0 {
		return fmt.Errorf("%d violations, %d panics", st.Violations, st.Panics)
	}
	r.report.emptied(takeMemory())
	return nil
}

// close ends the server.
func (r *run) close(context.Context) error { return r.server.Close() }

// usage is a moment, or what passed between two: seconds of the clock, of the
// processors, and what was allocated.
type usage struct {
	at      time.Time
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpuSeconds"`
	Allocs  uint64  `json:"allocations"`
	Bytes   uint64  `json:"allocatedBytes"`
}

// takeUsage is the present moment.
func takeUsage() usage {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	c, err := proc.ReadCPU(os.Getpid())
	if err != nil {
		c = proc.CPU{} // not Linux: the simulation does not run there
	}
	return usage{at: time.Now(), CPU: c.Total.Seconds(), Allocs: m.Mallocs, Bytes: m.TotalAlloc}
}

// until is what passed from u to v.
func (u usage) until(v usage) usage {
	return usage{at: u.at, Seconds: v.at.Sub(u.at).Seconds(), CPU: v.CPU - u.CPU, Allocs: v.Allocs - u.Allocs, Bytes: v.Bytes - u.Bytes}
}
