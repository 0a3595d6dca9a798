package load

import (
	"context"
	"os"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
)

// sample is the state of everything that is counted, at one moment.
type sample struct {
	at           int64
	server, self proc.CPU
	softirq      time.Duration
	count        counters
}

// The load at which a side is the bottleneck, of one processor.
const (
	busyClient = 0.95
	idleServer = 0.92
)

// take samples on the loop, so that counters and clocks agree.
func (f *fleet) take(ctx context.Context) (s sample, err error) {
	if _, err := f.together(ctx, stepSample, nil); err != nil {
		return s, err
	}
	callErr := f.call(func() {
		f.measuring = !f.measuring
		if f.up == nil { // otherwise the coordinator does
			if s.server, err = proc.ReadCPU(f.pid); err != nil {
				return
			}
			s.softirq, _ = proc.Softirq(proc.Processor(f.pid))
		}
		s.self, err = proc.ReadCPU(os.Getpid())
		s.at, s.count = f.now(), f.count
	})
	if callErr != nil {
		return s, callErr
	}
	return s, err
}

// window lets the load run and fills in what it measured. ops picks the
// counter that is the scenario's unit.
func (f *fleet) window(ctx context.Context, r *Result, ops func(c *counters) uint64) error {
	if err := f.rest(ctx, "warming up", f.cfg.Warmup); err != nil {
		return err
	}
	a, err := f.take(ctx)
	if err != nil {
		return err
	}
	if err := f.rest(ctx, "measuring", f.cfg.Duration); err != nil {
		return err
	}
	b, err := f.take(ctx)
	if err != nil {
		return err
	}
	r.account(a, b, ops(&b.count)-ops(&a.count))
	return nil
}

// account fills in what happened between two samples.
func (r *Result) account(a, b sample, ops uint64) {
	span := time.Duration(b.at - a.at)
	server, self := b.server.Sub(a.server), b.self.Sub(a.self)
	r.Seconds, r.Ops = span.Seconds(), ops
	r.OpsPerSec = float64(ops) / span.Seconds()
	if ops > 0 {
		r.CPUMicros = float64(server.Total.Nanoseconds()) / 1e3 / float64(ops)
		r.ClientOp = float64(self.Total.Nanoseconds()) / 1e3 / float64(ops)
	}
	r.ServerCPU = server.Total.Seconds() / span.Seconds()
	if both := server.User + server.System; both > 0 {
		r.ServerUser = r.ServerCPU * float64(server.User) / float64(both)
	}
	r.ClientCPU = self.Total.Seconds() / span.Seconds()
	r.Softirq = (b.softirq - a.softirq).Seconds() / span.Seconds()
	r.Bound = r.ClientCPU > busyClient && r.ServerCPU < idleServer
}

// rest lets d pass, with a line a second, unless the run becomes void.
func (f *fleet) rest(ctx context.Context, what string, d time.Duration) error {
	end := time.Now().Add(d)
	for {
		left := time.Until(end)
		if left <= 0 {
			return nil
		}
		t := time.NewTimer(min(left, time.Second))
		select {
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-t.C:
		}
		var fault error
		note := ""
		if err := f.call(func() { fault, note = f.err, f.status() }); err != nil {
			return err
		}
		if fault != nil {
			return fault
		}
		f.progress(what, note)
	}
}
