package load

import (
	"context"
	"fmt"
	"time"

	"github.com/sirocco-io/sirocco/bench/proc"
)

// quiet is the scenario in which nobody says anything.
type quiet struct{}

func (quiet) message(_ *client, p []byte) error {
	return fmt.Errorf("load: unexpected event %.80q", p)
}

func (quiet) ready(*client) {}

// few is a number of sockets at which each would show as a goroutine.
const few = 15

// idle measures memory at rest: with none, with a few, then with each size.
func (f *fleet) idle(ctx context.Context) (*Result, error) {
	f.sc = quiet{}
	r := f.newResult()
	r.Idle = &IdleResult{}
	sizes := f.cfg.idleSizes()
	for _, n := range sizes {
		if err := f.open(ctx, f.cfg.count(n)); err != nil {
			return r, err
		}
		if err := f.rest(ctx, fmt.Sprintf("%d sockets at rest", n), f.cfg.Settle); err != nil {
			return r, err
		}
		if _, err := f.together(ctx, stepMemory, nil); err != nil {
			return r, err
		}
		p, err := f.point(n, f.cfg.Collect)
		if err != nil {
			return r, err
		}
		r.Idle.Points = append(r.Idle.Points, p)
	}
	r.Clients = sizes[len(sizes)-1]
	if err := f.hold(ctx, r); err != nil {
		return r, err
	}
	r.Idle.summary()
	if _, err := f.together(ctx, stepCollected, nil); err != nil {
		return r, err
	}
	return r, f.collected(r)
}

// idleSizes are the numbers of sockets at which memory is measured.
func (c *Config) idleSizes() []int { return append([]int{0, few}, c.steps()...) }

// point reads the memory at n sockets.
func (f *fleet) point(n int, collect bool) (IdlePoint, error) {
	if f.up != nil { // the coordinator has it
		return IdlePoint{Sockets: n}, nil
	}
	if collect {
		if _, err := askServer(f.cfg.URL, true); err != nil {
			return IdlePoint{}, err
		}
	}
	m, err := proc.ReadMemory(f.pid)
	p := IdlePoint{Sockets: n, Pss: m.Pss, Slab: m.Slab, Threads: m.Thread}
	if f.server.Server != "" {
		s, err := askServer(f.cfg.URL, false)
		if err != nil {
			return p, err
		}
		p.Goroutines = s.Goroutines
	}
	return p, err
}

// hold watches the last size with only its heartbeats.
func (f *fleet) hold(ctx context.Context, r *Result) error {
	if f.cfg.Hold <= 0 {
		return nil
	}
	a, err := f.take(ctx)
	if err != nil {
		return err
	}
	if err := f.rest(ctx, "heartbeats only", f.cfg.Hold); err != nil {
		return err
	}
	b, err := f.take(ctx)
	if err != nil {
		return err
	}
	span := time.Duration(b.at - a.at)
	if r.Idle != nil {
		r.Idle.HoldCPU = b.server.Sub(a.server).Total.Seconds() / span.Seconds()
		r.Idle.HoldPings, r.Idle.HoldSeconds = b.count.pings-a.count.pings, span.Seconds()
	}
	return nil
}

// collected asks for a collection and measures the last size once more. A
// server without /debug/stats has no collector that could be asked.
func (f *fleet) collected(r *Result) error {
	if f.server.Server == "" {
		return nil
	}
	p, err := f.point(r.Clients, true)
	if err != nil {
		return err
	}
	r.Idle.Collected = float64(p.Pss-r.Idle.Points[0].Pss) / float64(r.Clients)
	return nil
}

// summary fits the line through the sizes, leaving out none and a few: they
// show what the first connections cost once.
func (r *IdleResult) summary() {
	first, last := r.Points[0], r.Points[len(r.Points)-1]
	if last.Sockets > 0 {
		r.PerSocket = float64(last.Pss-first.Pss) / float64(last.Sockets)
		r.Kernel = float64(last.Slab-first.Slab) / float64(last.Sockets)
	}
	var x, y []float64
	for _, p := range r.Points {
		if p.Sockets > few {
			x, y = append(x, float64(p.Sockets)), append(y, float64(p.Pss))
		}
	}
	r.Slope, r.R2 = fitLine(x, y)
}

// fitLine returns the least-squares slope of y over x, and how much of y's
// variance the line explains.
func fitLine(x, y []float64) (slope, r2 float64) {
	n := float64(len(x))
	if n < 2 {
		return 0, 0
	}
	var sx, sy float64
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
	}
	var xx, xy, yy float64
	for i := range x {
		dx, dy := x[i]-sx/n, y[i]-sy/n
		xx, xy, yy = xx+dx*dx, xy+dx*dy, yy+dy*dy
	}
	if xx == 0 || yy == 0 {
		return 0, 0
	}
	return xy / xx, xy * xy / (xx * yy)
}
