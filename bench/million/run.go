package million

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/sirocco-io/sirocco/bench/compare"
	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/sirocco-io/sirocco/bench/proc"
)

// run is a run under way.
type run struct {
	Options
	began   time.Time
	crew    *load.Crew
	servers []*server
	clients []int // pids of the load processes
	r       *Report
}

// Run opens the connections and goes through all parts. It returns the report
// also with an error, which voids it; that a limit was reached is none.
func Run(ctx context.Context, o Options) (*Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	m := &run{Options: o, began: time.Now(), crew: load.NewCrew()}
	defer m.close()
	m.crew.Log = o.Log
	m.r = &Report{Machine: compare.ReadMachine(""), Command: append([]string{"siobench"}, os.Args[1:]...),
		Began: m.began.UTC().Format(time.RFC3339), Aim: o.Sockets, PingInterval: o.PingInterval.Seconds()}
	if m.r.Before, err = proc.ReadKernel(); err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{m.grow, m.rest, m.hear, m.leave} {
		if err = part(ctx); err != nil {
			m.r.Void = err.Error()
			break
		}
	}
	m.r.Took = m.since(m.began)
	return m.r, err
}

// close ends every process.
func (m *run) close() {
	m.crew.Close()
	for _, s := range m.servers {
		s.close()
	}
}

func (m *run) since(t time.Time) float64 { return time.Since(t).Seconds() }

func (m *run) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(m.Log, "%7.1fs "+format+"\n", append([]any{m.since(m.began)}, args...)...)
}

var (
	errNothing = errors.New("million: no pair of processes could be opened")
	errLost    = errors.New("million: a pair failed while it was at rest")
)

// grow opens one pair after the other. What stands in the way of the next one
// ends it, without an error.
func (m *run) grow(ctx context.Context) error {
	for m.r.Connected < m.Sockets && m.r.Stopped == "" {
		now, err := proc.ReadKernel()
		if err != nil {
			return err
		}
		n := min(m.Each, m.Sockets-m.r.Connected)
		if m.r.Stopped = limit(m.r.Before, now, m.r.Connected, n, m.FloorBytes); m.r.Stopped != "" {
			break
		}
		if err := m.pair(ctx, n); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if errors.Is(err, errLost) {
			return err
		} else if err != nil {
			m.r.Stopped = err.Error()
			break
		}
		if now, err = proc.ReadKernel(); err != nil {
			return err
		}
		m.r.Connected, m.r.Connect = m.r.Connected+n, m.since(m.began)
		m.r.Points = append(m.r.Points, Point{Sockets: m.r.Connected, Seconds: m.r.Connect, Available: now.Available, Slab: now.Slab})
		m.logf("%d sockets, %s available, slab %s", m.r.Connected, gib(now.Available), gib(now.Slab))
	}
	if m.r.Pairs = len(m.servers); m.r.Pairs == 0 {
		return errors.Join(errNothing, errors.New(m.r.Stopped))
	}
	return nil
}

// pair opens n sockets between a new server and a new load process. When it
// cannot, it leaves neither.
func (m *run) pair(ctx context.Context, n int) error {
	s, err := startServer(m.Options)
	if err != nil {
		return err
	}
	cfg := load.Config{Scenario: "crowd", URL: s.url, PID: s.pid(), Clients: n, Hold: m.Rest, Timeout: m.PhaseTimeout,
		FirstAddr: 2 + len(m.servers)*addrs, Addrs: addrs}
	pid, err := m.crew.Start(cfg)
	if err == nil {
		var stop func()
		ctx, stop = watched(ctx, m.PhaseTimeout, m.FloorBytes)
		defer stop()
		if _, err = m.crew.Gather(ctx); err == nil {
			m.servers, m.clients = append(m.servers, s), append(m.clients, pid)
			return nil
		}
		if dropErr := m.crew.Drop(); dropErr != nil {
			err = errors.Join(errLost, dropErr, err)
		}
	}
	s.close()
	return err
}

// addrs is how many source addresses a load process has.
const addrs = 8

// step lets all processes go on, and waits until they have reached the next.
func (m *run) step(ctx context.Context, within time.Duration) error {
	ctx, stop := watched(ctx, within, m.FloorBytes/2)
	defer stop()
	if err := m.crew.Go(); err != nil {
		return err
	}
	_, err := m.crew.Gather(ctx)
	return err
}

// lag is how much longer than its interval a heartbeat may take to come round
// on a machine that is full.
const lag = 1.2

var errSilent = errors.New("million: a socket had fewer heartbeats than it should")

// rest watches the heartbeats.
func (m *run) rest(ctx context.Context) error {
	if err := m.memory(); err != nil {
		return err
	}
	if err := m.step(ctx, m.PhaseTimeout); err != nil { // to the first sample
		return err
	}
	servers, clients, err := m.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	m.logf("at rest for %v", m.Rest)
	if err := m.step(ctx, m.Rest+m.PhaseTimeout); err != nil { // to the second
		return err
	}
	m.r.Rest = m.since(began)
	s, c, err := m.cpu()
	if err != nil {
		return err
	}
	m.r.ServersCPU, m.r.ClientsCPU = (s-servers).Seconds()/m.r.Rest, (c-clients).Seconds()/m.r.Rest
	return m.nobodyLeft(ctx)
}

// memory reads what all hold.
func (m *run) memory() (err error) {
	if m.r.Full, err = proc.ReadKernel(); err != nil {
		return err
	}
	for i, s := range m.servers {
		mem, err := proc.ReadMemory(s.pid())
		if err != nil {
			return err
		}
		m.r.ServersPss += mem.Pss
		if mem, err = proc.ReadMemory(m.clients[i]); err != nil {
			return err
		}
		m.r.ClientsPss += mem.Pss
	}
	return nil
}

// cpu reads the processor time of all.
func (m *run) cpu() (servers, clients time.Duration, err error) {
	for i, s := range m.servers {
		a, err := proc.ReadCPU(s.pid())
		if err != nil {
			return 0, 0, err
		}
		b, err := proc.ReadCPU(m.clients[i])
		if err != nil {
			return 0, 0, err
		}
		servers, clients = servers+a.Total, clients+b.Total
	}
	return servers, clients, nil
}

// nobodyLeft asks the servers.
func (m *run) nobodyLeft(ctx context.Context) error {
	for i, s := range m.servers {
		c, err := s.ask(ctx)
		if err != nil {
			return err
		}
		if want := m.size(i); c.Connections != want || len(c.Disconnects) > 0 {
			return fmt.Errorf("million: server %d has %d of %d sockets, disconnects %v", i+1, c.Connections, want, c.Disconnects)
		}
	}
	return nil
}

// size is how many sockets pair i has.
func (m *run) size(i int) int { return min(m.Each, m.Sockets-i*m.Each) }

// hear has every socket ask for an echo, then every server tell all of its own
// the same, a few servers at a time: so much does the kernel buffer.
func (m *run) hear(ctx context.Context) error {
	began := time.Now()
	if err := m.step(ctx, m.PhaseTimeout); err != nil {
		return err
	}
	m.r.Echo = m.since(began)
	m.logf("every socket was answered")
	ctx, stop := watched(ctx, m.PhaseTimeout, m.FloorBytes/2)
	defer stop()
	began = time.Now()
	_, err := m.crew.Turns(ctx, runtime.NumCPU())
	m.r.Told = m.since(began)
	m.logf("every socket heard a broadcast")
	return err
}

// leave closes all and counts what they did.
func (m *run) leave(ctx context.Context) error {
	began := time.Now()
	if err := m.step(ctx, m.PhaseTimeout); err != nil {
		return err
	}
	m.r.Left = m.since(began)
	if err := m.emptied(ctx); err != nil {
		return err
	}
	m.r.Gone = m.since(began)
	m.logf("all left")
	if err := m.step(ctx, m.PhaseTimeout); err != nil {
		return err
	}
	parts, err := m.crew.Results()
	if err != nil {
		return err
	}
	return m.r.add(parts)
}

// emptied waits until no server has a socket.
func (m *run) emptied(ctx context.Context) error {
	ctx, stop := watched(ctx, m.PhaseTimeout, 0)
	defer stop()
	for _, s := range m.servers {
		for {
			c, err := s.ask(ctx)
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			if c.Connections == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// add adds up what the load processes counted, and holds it against what must be.
func (r *Report) add(parts []*load.Result) error {
	r.Fewest = ^uint32(0)
	for _, p := range parts {
		r.Pings += p.Crowd.Pings
		r.Fewest, r.Most = min(r.Fewest, p.Crowd.Fewest), max(r.Most, p.Crowd.Most)
		r.ToldOne = max(r.ToldOne, p.Crowd.Told)
		r.Delivered += p.Received
	}
	if want := uint32(r.Rest / (lag * r.PingInterval)); r.Fewest < want {
		return fmt.Errorf("%w: %d in %.0f s, want %d", errSilent, r.Fewest, r.Rest, want)
	}
	if r.Delivered != uint64(r.Connected) {
		return fmt.Errorf("million: %d deliveries to %d sockets", r.Delivered, r.Connected)
	}
	return nil
}
