package load

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
)

// jointRun is a run of several processes, seen from the one that coordinates
// them. It reads what belongs to the servers; the workers do all the rest.
type jointRun struct {
	cfg     Config
	crew    *Crew
	pids    []int // of the servers
	stats   ServerStats
	samples []sample // one for each stepSample
	r       *Result
}

// join runs cfg in several processes.
func join(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.checkFiles(); err != nil {
		return nil, err
	}
	j := &jointRun{cfg: cfg, crew: NewCrew()}
	defer j.crew.Close()
	if err := j.start(); err != nil {
		return nil, err
	}
	err := j.run(ctx)
	if err != nil {
		j.r.Void = err.Error()
	}
	return j.r, err
}

// start asks the servers who they are and starts the workers.
func (j *jointRun) start() error {
	cfg := j.cfg
	j.crew.Log, j.crew.owner = cfg.Progress, cfg.owner
	if err := j.findServers(); err != nil {
		return err
	}
	j.r = &Result{
		Scenario: cfg.Scenario, Server: j.stats.Server, Version: j.stats.Version, Transport: cfg.Transport, Clients: cfg.Clients,
		Client: fmt.Sprintf("siobench %s, %d processes", runtime.Version(), cfg.Procs), Began: j.crew.epoch.UTC().Format(time.RFC3339),
	}
	for k := range cfg.Procs {
		part := cfg
		part.Part, part.URL = k, cfg.urls()[k%len(cfg.urls())]
		if _, err := j.crew.Start(part); err != nil {
			return err
		}
	}
	return nil
}

// run is the whole protocol: all reach a step, what it asks of the coordinator
// is done, all go on; until they bring their results.
func (j *jointRun) run(ctx context.Context) error {
	for {
		step, err := j.gather(ctx)
		if err != nil {
			return err
		}
		switch step {
		case stepResult:
			return j.finish()
		case stepSample:
			err = j.sample()
		case stepMemory:
			err = j.memory()
		case stepCollected:
			err = j.collected()
		case stepStop:
			err = j.goroutines()
		}
		if err != nil {
			return err
		}
		if err := j.crew.Go(); err != nil {
			return err
		}
	}
}

// gather waits for the next step. Each worker keeps to its own time; one that
// does not is given up for lost.
func (j *jointRun) gather(ctx context.Context) (string, error) {
	c := &j.cfg
	ctx, cancel := context.WithTimeoutCause(ctx, 2*c.Timeout+c.Settle+c.Hold+c.Warmup+c.Duration, errTimeout)
	defer cancel()
	return j.crew.Gather(ctx)
}

// findServers asks every server who it is. Those that tell nothing are no
// error: they have no such page.
func (j *jointRun) findServers() error {
	for _, u := range j.cfg.urls() {
		one := j.cfg
		one.URL = u
		at, _, err := one.remote()
		if err != nil {
			return err
		}
		pid := one.PID
		if pid == 0 {
			if pid, err = proc.ListenerPID(at.String()); err != nil {
				return err
			}
		}
		j.pids = append(j.pids, pid)
		if s, err := askServer(u, false); err == nil && j.stats.Server == "" {
			j.stats = s
		}
	}
	return nil
}

// sample reads the servers' CPU.
func (j *jointRun) sample() error {
	s := sample{at: time.Since(j.crew.epoch).Nanoseconds()}
	for _, pid := range j.pids {
		c, err := proc.ReadCPU(pid)
		if err != nil {
			return err
		}
		s.server = s.server.Add(c)
	}
	if len(j.pids) == 1 { // several may share a processor
		s.softirq, _ = proc.Softirq(proc.Processor(j.pids[0]))
	}
	j.samples = append(j.samples, s)
	return nil
}

// point reads the servers' memory with n sockets.
func (j *jointRun) point(n int, collect bool) (IdlePoint, error) {
	p := IdlePoint{Sockets: n}
	for i, pid := range j.pids {
		if collect && j.stats.Server != "" {
			if _, err := askServer(j.cfg.urls()[i], true); err != nil {
				return p, err
			}
		}
		m, err := proc.ReadMemory(pid)
		if err != nil {
			return p, err
		}
		p.Pss, p.Slab, p.Threads = p.Pss+m.Pss, m.Slab, p.Threads+m.Thread
	}
	err := j.goroutines()
	p.Goroutines, j.r.Goroutines = j.r.Goroutines, 0
	return p, err
}

// memory measures the next size of idle.
func (j *jointRun) memory() error {
	if j.r.Idle == nil {
		j.r.Idle = &IdleResult{}
	}
	p, err := j.point(j.cfg.idleSizes()[len(j.r.Idle.Points)], j.cfg.Collect)
	j.r.Idle.Points = append(j.r.Idle.Points, p)
	return err
}

// collected measures the last size once more after a collection.
func (j *jointRun) collected() error {
	if j.stats.Server == "" {
		return nil
	}
	last := j.r.Idle.Points[len(j.r.Idle.Points)-1].Sockets
	p, err := j.point(last, true)
	j.r.Idle.Collected = float64(p.Pss-j.r.Idle.Points[0].Pss) / float64(last)
	return err
}

// goroutines adds up those of the servers that tell.
func (j *jointRun) goroutines() error {
	j.r.Goroutines = 0
	if j.stats.Server == "" {
		return nil
	}
	for _, u := range j.cfg.urls() {
		s, err := askServer(u, false)
		if err != nil {
			return err
		}
		j.r.Goroutines += s.Goroutines
	}
	return nil
}

// finish makes one result of all.
func (j *jointRun) finish() error {
	parts, err := j.crew.Results()
	if err != nil {
		return err
	}
	j.r.merge(parts)
	if len(j.samples) >= 2 {
		a, b := j.samples[0], j.samples[1]
		if j.r.Idle != nil {
			j.r.Idle.HoldCPU = b.server.Sub(a.server).Total.Seconds() / (time.Duration(b.at - a.at)).Seconds()
		} else {
			j.r.serve(a, b, len(j.pids))
		}
	}
	if j.r.Idle != nil {
		j.r.Clients = j.r.Idle.Points[len(j.r.Idle.Points)-1].Sockets
		j.r.Idle.summary()
	}
	return nil
}
