package load

import (
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// histograms are the distributions of a run: of each delivery, of the last
// member's, and of how late the client itself sent. Nil when not taken.
type histograms struct{ each, last, lag *hdr.Histogram }

func (h *histograms) all() []**hdr.Histogram { return []**hdr.Histogram{&h.each, &h.last, &h.lag} }

// export returns them in the form for the wire.
func (h *histograms) export() []counts {
	var out []counts
	for _, one := range h.all() {
		if *one == nil {
			out = append(out, nil)
		} else {
			out = append(out, (*one).Export())
		}
	}
	return out
}

// add adds those that came by wire.
func (h *histograms) add(from []counts) {
	for i, one := range h.all() {
		if i < len(from) && from[i] != nil {
			addHistogram(one, hdr.Import(from[i]))
		}
	}
}

// merge adds those of another process.
func (h *histograms) merge(o *histograms) {
	from := o.all()
	for i, one := range h.all() {
		if *from[i] != nil {
			addHistogram(one, *from[i])
		}
	}
}

// addHistogram adds from to *to, which it makes when there is none.
func addHistogram(to **hdr.Histogram, from *hdr.Histogram) {
	if *to == nil {
		*to = newHistogram()
	}
	(*to).Merge(from)
}

// summarize fills in the percentiles.
func (r *Result) summarize() {
	r.Latency, r.Last, r.SendLag = latencyOf(r.hist.each), latencyOf(r.hist.last), latencyOf(r.hist.lag)
}

// merge adds up what the processes of a run counted. One that was the
// bottleneck limits all.
func (r *Result) merge(parts []*Result) {
	first := parts[0]
	r.Event, r.Payload, r.Pipeline, r.InFlight = first.Event, first.Payload, first.Pipeline, first.InFlight
	r.Senders, r.Rate = first.Senders, first.Rate
	clientTime, hold := 0.0, 0.0
	for _, p := range parts {
		r.Members += p.Members
		r.Ops += p.Ops
		r.Pings += p.Pings
		r.Sent += p.Sent
		r.Received += p.Received
		r.Seconds = max(r.Seconds, p.Seconds)
		r.ClientCPU += p.ClientCPU
		r.Bound = r.Bound || p.ClientCPU > busyClient
		clientTime += p.ClientCPU * p.Seconds
		if p.Idle != nil && r.Idle != nil {
			r.Idle.HoldPings += p.Idle.HoldPings
			hold = max(hold, p.Idle.HoldSeconds)
			r.Idle.HoldSeconds = hold
		}
		r.hist.merge(&p.hist)
	}
	// Processes that share too few processors are not busy one by one.
	r.Bound = r.Bound || r.ClientCPU > busyClient*float64(runtime.NumCPU())
	if r.Ops > 0 {
		r.OpsPerSec = float64(r.Ops) / r.Seconds
		r.ClientOp = clientTime * 1e6 / float64(r.Ops)
	}
	r.summarize()
}

// serve fills in what the servers did between two samples.
func (r *Result) serve(a, b sample, servers int) {
	span := time.Duration(b.at - a.at).Seconds()
	used := b.server.Sub(a.server)
	r.ServerCPU = used.Total.Seconds() / span
	if both := used.User + used.System; both > 0 {
		r.ServerUser = r.ServerCPU * float64(used.User) / float64(both)
	}
	if r.Ops > 0 {
		r.CPUMicros = float64(used.Total.Nanoseconds()) / 1e3 / float64(r.Ops)
	}
	r.Softirq = (b.softirq - a.softirq).Seconds() / span
	r.Bound = r.Bound && r.ServerCPU < idleServer*float64(servers)
}
