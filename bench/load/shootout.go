package load

import (
	"context"
	"fmt"
)

// shootout follows the published websocket-shootout: a fixed number of
// broadcasts in flight, ever more clients, until the 95th percentile of the
// round trip is above the limit. The round trip ends here when the last
// client has the message, which is stricter than the sender's own copy.
func (f *fleet) shootout(ctx context.Context) (*Result, error) {
	f.sc = quiet{}
	r := f.newResult()
	r.Event, r.Payload, r.InFlight, r.Senders = f.cfg.Event, f.cfg.Payload, f.cfg.InFlight, f.cfg.Senders
	r.Clients = 0
	for _, n := range f.cfg.steps() {
		if err := f.open(ctx, n); err != nil {
			return r, err
		}
		step := StepResult{Clients: n}
		l := newCastLoad(f)
		err := f.traffic(ctx, l, r)
		step.OpsPerSec, step.CPUMicros, step.Last = r.OpsPerSec, r.CPUMicros, latencyOf(l.last)
		if err != nil {
			return r, fmt.Errorf("with %d clients: %w", n, err)
		}
		if step.Last == nil { // not one message was done: far above the limit
			break
		}
		r.Steps = append(r.Steps, step)
		if step.Last.P95 > float64(f.cfg.Limit.Microseconds()) {
			break
		}
		r.Clients, r.Last = n, step.Last
	}
	f.tally(r)
	return r, nil
}
