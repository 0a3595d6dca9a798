package compare

import (
	"math"
	"slices"

	"github.com/sirocco-io/sirocco/bench/load"
)

// Metric is one column of a table.
type Metric struct {
	Name   string
	Digits int  // behind the point
	Higher bool // more is better; otherwise less is
	Ratio  bool // compare it with the reference and the wall
	Bound  bool // a lower bound when the client was the bottleneck
	Of     func(r *load.Result) float64
}

var (
	cpuEach = Metric{Name: "server CPU µs each", Digits: 2, Ratio: true, Of: func(r *load.Result) float64 { return r.CPUMicros }}
	rate    = Metric{Name: "per second", Higher: true, Ratio: true, Bound: true, Of: func(r *load.Result) float64 { return r.OpsPerSec }}
	busy    = Metric{Name: "server CPU %", Of: func(r *load.Result) float64 { return 100 * r.ServerCPU }}
	client  = Metric{Name: "client CPU %", Of: func(r *load.Result) float64 { return 100 * r.ClientCPU }}

	lastP99   = Metric{Name: "last member p99 ms", Digits: 2, Ratio: true, Of: last(func(l *load.Latency) float64 { return l.P99 / 1e3 })}
	lastP999  = Metric{Name: "last member p99.9 ms", Digits: 2, Of: last(func(l *load.Latency) float64 { return l.P999 / 1e3 })}
	openOver  = Metric{Name: "19,000 over 100", Digits: 2, Of: func(r *load.Result) float64 { return stepCPU(r, 19000) / stepCPU(r, 100) }}
	idleSlope = Metric{Name: "slope of five sizes", Ratio: true, Of: idle(func(i *load.IdleResult) float64 { return i.Slope })}
	inUser    = Metric{Name: "of it user %", Of: func(r *load.Result) float64 { return 100 * r.ServerUser / r.ServerCPU }}
	softirq   = Metric{Name: "softirq of its core %", Of: func(r *load.Result) float64 { return 100 * r.Softirq }}
)

// The columns of the tables.
var (
	rateMetrics = []Metric{cpuEach, rate, busy, inUser, softirq, client}
	castMetrics = []Metric{cpuEach, rate, busy, inUser, softirq, client,
		{Name: "last member p50 ms", Digits: 2, Of: last(func(l *load.Latency) float64 { return l.P50 / 1e3 })},
		lastP99,
	}
	latencyMetrics = []Metric{
		{Name: "rate, messages/s", Of: func(r *load.Result) float64 { return r.Rate }},
		{Name: "each p50 ms", Digits: 2, Of: each(func(l *load.Latency) float64 { return l.P50 / 1e3 })},
		{Name: "each p99 ms", Digits: 2, Ratio: true, Of: each(func(l *load.Latency) float64 { return l.P99 / 1e3 })},
		{Name: "each p99.9 ms", Digits: 2, Of: each(func(l *load.Latency) float64 { return l.P999 / 1e3 })},
		lastP99,
		lastP999,
		{Name: "client's own lag p99 ms", Digits: 2, Of: func(r *load.Result) float64 {
			if r.SendLag == nil {
				return math.NaN()
			}
			return r.SendLag.P99 / 1e3
		}},
		busy,
	}
	idleMetrics = []Metric{
		{Name: "bytes a socket (last - none)", Ratio: true, Of: idle(func(i *load.IdleResult) float64 { return i.PerSocket })},
		idleSlope,
		{Name: "R²", Digits: 4, Of: idle(func(i *load.IdleResult) float64 { return i.R2 })},
		{Name: "goroutines with 15", Of: idle(func(i *load.IdleResult) float64 { return float64(i.Points[1].Goroutines) })},
		{Name: "with all", Of: idle(func(i *load.IdleResult) float64 { return float64(i.Points[len(i.Points)-1].Goroutines) })},
		{Name: "kernel slab, both ends", Of: idle(func(i *load.IdleResult) float64 { return i.Kernel })},
		{Name: "bytes after collection", Of: idle(func(i *load.IdleResult) float64 { return i.Collected })},
	}
	restMetrics = []Metric{
		{Name: "CPU % at rest", Digits: 2, Ratio: true, Of: idle(func(i *load.IdleResult) float64 { return 100 * i.HoldCPU })},
		{Name: "heartbeats answered", Of: idle(func(i *load.IdleResult) float64 { return float64(i.HoldPings) })},
		{Name: "CPU µs a heartbeat", Digits: 2, Ratio: true, Of: idle(func(i *load.IdleResult) float64 {
			return 1e6 * i.HoldCPU * i.HoldSeconds / float64(i.HoldPings)
		})},
		{Name: "goroutines", Of: idle(func(i *load.IdleResult) float64 { return float64(i.Points[len(i.Points)-1].Goroutines) })},
	}
	shootMetrics = []Metric{
		{Name: "clients", Higher: true, Ratio: true, Of: func(r *load.Result) float64 { return float64(r.Clients) }},
		{Name: "p95 ms at that size", Digits: 1, Of: last(func(l *load.Latency) float64 { return l.P95 / 1e3 })},
		{Name: "deliveries/s, last size", Of: func(r *load.Result) float64 { return r.OpsPerSec }},
	}
)

// sizeMetrics are the columns of a table over sizes of a room, openMetrics of
// one over sockets open.
var (
	sizeMetrics = stepColumns("room of ", 10, 100, 1000, 5000)
	openMetrics = append(stepColumns("open: ", 100, 19000), openOver)
)

func stepColumns(what string, sizes ...int) (m []Metric) {
	for _, n := range sizes {
		m = append(m, Metric{Name: "µs each, " + what + format(float64(n), 0), Digits: 2, Ratio: n == sizes[len(sizes)-1],
			Of: func(r *load.Result) float64 { return stepCPU(r, n) }})
	}
	return m
}

// stepCPU is the server's CPU in µs at one size, NaN when it was not reached.
func stepCPU(r *load.Result, clients int) float64 {
	for _, s := range r.Steps {
		if s.Clients == clients {
			return s.CPUMicros
		}
	}
	return math.NaN()
}

func last(f func(l *load.Latency) float64) func(r *load.Result) float64 {
	return func(r *load.Result) float64 {
		if r.Last == nil {
			return math.NaN()
		}
		return f(r.Last)
	}
}

func each(f func(l *load.Latency) float64) func(r *load.Result) float64 {
	return func(r *load.Result) float64 {
		if r.Latency == nil {
			return math.NaN()
		}
		return f(r.Latency)
	}
}

func idle(f func(i *load.IdleResult) float64) func(r *load.Result) float64 {
	return func(r *load.Result) float64 {
		if r.Idle == nil || len(r.Idle.Points) < 2 {
			return math.NaN()
		}
		return f(r.Idle)
	}
}

// median returns the middle of v, the mean of the two in the middle when their
// number is even, and NaN when there is none. It leaves NaNs out.
func median(v []float64) float64 {
	v = slices.DeleteFunc(slices.Clone(v), math.IsNaN)
	if len(v) == 0 {
		return math.NaN()
	}
	slices.Sort(v)
	m := len(v) / 2
	if len(v)%2 == 1 {
		return v[m]
	}
	return (v[m-1] + v[m]) / 2
}

// spread returns the lowest and the highest of v.
func spread(v []float64) (low, high float64) {
	v = slices.DeleteFunc(slices.Clone(v), math.IsNaN)
	if len(v) == 0 {
		return math.NaN(), math.NaN()
	}
	return slices.Min(v), slices.Max(v)
}
