package load

import (
	"context"
	"errors"
	"io"
)

// traffic is a scenario in which clients talk. Loop only, but for prepare.
type traffic interface {
	scenario
	prepare(ctx context.Context) error
	start(at int64) // a schedule begins at that time
	stop()
	drained() bool
	sent() []mark            // the last message of each stream of this process that others check
	audit(sent []mark) error // every client has them all, and no more
	finish(r *Result)
}

// Run runs one scenario. A void run returns a Result that says why, and the
// error.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	run := single
	if cfg.Procs > 1 {
		run = join
	}
	r, err := run(ctx, cfg)
	if err != nil {
		if r != nil {
			r.Void = err.Error()
		}
		return r, err
	}
	return r, r.percentiles(cfg.HDR)
}

// single runs cfg in this process.
func single(ctx context.Context, cfg Config) (*Result, error) {
	f, err := newFleet(cfg, nil)
	if err != nil {
		return nil, err
	}
	defer f.close()
	return f.run(ctx)
}

// run runs the scenario on a fleet that has no client yet.
func (f *fleet) run(ctx context.Context) (*Result, error) {
	switch f.cfg.Scenario {
	case "idle":
		return f.idle(ctx)
	case "connect":
		return f.storm(ctx)
	case "crowd":
		return f.crowd(ctx)
	case "churn":
		return f.churn(ctx)
	case "shootout":
		return f.shootout(ctx)
	case "echo":
		if len(f.cfg.Sizes) > 0 {
			return f.echoSizes(ctx)
		}
	}
	f.sc = quiet{}
	r := f.newResult()
	if err := f.open(ctx, f.cfg.count(f.cfg.Clients)); err != nil {
		return r, err
	}
	if f.cfg.Load > 0 {
		if err := f.capacity(ctx); err != nil {
			return r, err
		}
	}
	var t traffic
	if f.cfg.Event == "echo" {
		t = newEchoLoad(f)
	} else {
		t = newCastLoad(f)
	}
	if err := f.traffic(ctx, t, r); err != nil {
		return r, err
	}
	return r, nil
}

// capacity sets the rate to a part of what the server can do.
func (f *fleet) capacity(ctx context.Context) error {
	asked := f.cfg
	defer func() {
		f.cfg.Scenario, f.cfg.InFlight, f.cfg.Duration = asked.Scenario, asked.InFlight, asked.Duration
	}()
	f.cfg.Scenario, f.cfg.InFlight, f.cfg.Duration = "broadcast", asked.LoadWith, 2*asked.Warmup
	r := f.newResult()
	if err := f.traffic(ctx, newCastLoad(f), r); err != nil {
		return err
	}
	f.cfg.Rate = max(1, f.cfg.Load*r.OpsPerSec/float64(r.Members))
	return nil
}

// traffic prepares the clients, lets them talk, and waits for the last answer.
func (f *fleet) traffic(ctx context.Context, t traffic, r *Result) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	// Everyone knows what will come before anyone sends.
	if err := f.call(func() { f.sc = t }); err != nil {
		return err
	}
	o, err := f.together(ctx, stepPrepared, nil)
	if err != nil {
		return err
	}
	if err := f.call(func() { t.start(o.At) }); err != nil {
		return err
	}
	err = f.window(ctx, r, func(c *counters) uint64 { return c.ops })
	if f.server.Server != "" && err == nil {
		if s, err := askServer(f.cfg.URL, false); err == nil {
			r.Goroutines = s.Goroutines
		}
	}
	if err == nil {
		_, err = f.together(ctx, stepStop, nil)
	}
	if stopErr := f.call(t.stop); err == nil {
		err = stopErr
	}
	if err == nil {
		err = f.drain(ctx, t)
	}
	if finishErr := f.call(func() { t.finish(r); f.sc = quiet{} }); err == nil {
		err = finishErr
	}
	f.tally(r)
	return err
}

// drain waits until all that anyone sent arrived, and checks that no more did.
func (f *fleet) drain(ctx context.Context, t traffic) error {
	if err := f.await(ctx, "waiting for what is in flight", t.drained); err != nil {
		return err
	}
	var sent []mark
	if err := f.call(func() { sent = t.sent() }); err != nil {
		return err
	}
	o, err := f.together(ctx, stepDrained, sent)
	if err != nil {
		return err
	}
	var wrong error
	if err := f.call(func() { wrong = t.audit(o.Marks) }); err != nil {
		return err
	}
	return wrong
}

// tally fills in the counters of the whole run.
func (f *fleet) tally(r *Result) {
	_ = f.call(func() {
		r.Sent, r.Received, r.Pings = f.count.sent, f.count.ops, f.count.pings
	})
}

var errNoHistogram = errors.New("load: the scenario has no histogram to write")

// percentiles writes those of each delivery where the caller wants them.
func (r *Result) percentiles(w io.Writer) error {
	if w == nil {
		return nil
	}
	if r.hist.each == nil {
		return errNoHistogram
	}
	_, err := r.hist.each.PercentilesPrint(w, 5, 1000)
	return err
}
