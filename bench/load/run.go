package load

import (
	"context"
	"errors"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// traffic is a scenario in which clients talk. Loop only, but for prepare.
type traffic interface {
	scenario
	prepare(ctx context.Context) error
	start()
	stop()
	drained() bool
	finish(r *Result)
	histogram() *hdr.Histogram // of all latencies; nil when none were taken
}

// Run runs one scenario. A void run returns a Result that says why, and the
// error.
func Run(ctx context.Context, cfg Config) (*Result, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	f, err := newFleet(cfg)
	if err != nil {
		return nil, err
	}
	defer f.close()
	r, err := f.run(ctx)
	if err != nil && r != nil {
		r.Void = err.Error()
	}
	return r, err
}

// run runs the scenario on a fleet that has no client yet.
func (f *fleet) run(ctx context.Context) (*Result, error) {
	switch f.cfg.Scenario {
	case "idle":
		return f.idle(ctx)
	case "connect":
		return f.storm(ctx)
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
	if err := f.open(ctx, f.cfg.Clients); err != nil {
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
	return r, f.histogram(t)
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
	if err := f.call(func() { f.sc = t; t.start() }); err != nil {
		return err
	}
	err := f.window(ctx, r, func(c *counters) uint64 { return c.ops })
	if f.server.Server != "" && err == nil {
		if s, err := askServer(f.cfg.URL, false); err == nil {
			r.Goroutines = s.Goroutines
		}
	}
	if stopErr := f.call(t.stop); err == nil {
		err = stopErr
	}
	if err == nil {
		err = f.await(ctx, "waiting for what is in flight", t.drained)
	}
	if finishErr := f.call(func() { t.finish(r); f.sc = quiet{} }); err == nil {
		err = finishErr
	}
	f.tally(r)
	return err
}

// tally fills in the counters of the whole run.
func (f *fleet) tally(r *Result) {
	_ = f.call(func() {
		r.Sent, r.Received, r.Pings = f.count.sent, f.count.ops, f.count.pings
	})
}

var errNoHistogram = errors.New("load: the scenario has no histogram to write")

// histogram writes the percentiles where the caller wants them.
func (f *fleet) histogram(t traffic) error {
	if f.cfg.HDR == nil {
		return nil
	}
	h := t.histogram()
	if h == nil {
		return errNoHistogram
	}
	_, err := h.PercentilesPrint(f.cfg.HDR, 5, 1000)
	return err
}
