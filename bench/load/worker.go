package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// uplink is a worker's connection to the coordinator.
type uplink struct {
	out    *lines
	orders chan order    // steps that all have reached: at most one is under way
	marks  chan mark     // on their way out
	ended  chan struct{} // closed when the coordinator is gone
}

// markQueue is how many marks may wait for the writer. A message in flight has
// one mark at most, and the loop waits rather than lose one.
const markQueue = 4096

// errOrphan ends a worker whose coordinator is gone.
var errOrphan = errors.New("load: the coordinator is gone")

// Work runs the part of a run that the coordinator at the other end of in and
// out asks for. It returns when that is done, or when in ends.
func Work(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	dec := json.NewDecoder(in)
	var first order
	if err := dec.Decode(&first); err != nil || first.Config == nil {
		return fmt.Errorf("load: no order to begin with: %w", errors.Join(err, errOrphan))
	}
	up := &uplink{out: newLines(out), orders: make(chan order, 1), marks: make(chan mark, markQueue), ended: make(chan struct{})}
	r, err := up.work(ctx, cancel, first, dec)
	if err != nil {
		return errors.Join(err, up.out.write(report{Fault: err.Error()}))
	}
	return up.out.write(report{Step: stepResult, Result: r, Hist: r.hist.export()})
}

// work runs the scenario with the goroutines that carry its lines.
func (u *uplink) work(ctx context.Context, cancel context.CancelCauseFunc, first order, dec *json.Decoder) (*Result, error) {
	cfg := *first.Config
	if cfg.Part == 0 && cfg.Procs > 1 {
		cfg.Progress = os.Stderr // one of many is enough
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	f, err := newFleet(cfg, u)
	if err != nil {
		return nil, err
	}
	defer f.close()
	// The clocks of all processes begin at one moment.
	f.epoch = f.epoch.Add(-f.epoch.Sub(time.Unix(0, first.Epoch)))
	writing := make(chan struct{})
	defer func() { <-writing }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { // ends with ctx, before work returns
		defer close(writing)
		u.writeMarks(ctx)
	}()
	go func() { // ends when the coordinator closes its end, at the latest when the process ends
		u.read(dec, f)
		cancel(errOrphan)
	}()
	return f.run(ctx)
}

// read takes orders until there are no more.
func (u *uplink) read(dec *json.Decoder, f *fleet) {
	defer close(u.ended)
	for {
		var o order
		if dec.Decode(&o) != nil {
			return
		}
		if o.Go != "" {
			u.orders <- o
		} else if !f.loop.Post(takeMarks, f, o.Marks) {
			return
		}
	}
}

// takeMarks brings other processes' marks to the load.
func takeMarks(f, marks any) {
	fl := f.(*fleet)
	l, ok := fl.sc.(*castLoad)
	if !ok {
		return // the run is void already
	}
	for _, m := range marks.([]mark) {
		if err := l.heard(m); err != nil && fl.err == nil {
			fl.err = err
		}
	}
}

// writeMarks sends marks, all that wait in one line, until ctx ends.
func (u *uplink) writeMarks(ctx context.Context) {
	for {
		var batch []mark
		select {
		case <-ctx.Done():
			return
		case m := <-u.marks:
			batch = append(batch, m)
		}
		for more := true; more; {
			select {
			case m := <-u.marks:
				batch = append(batch, m)
			default:
				more = false
			}
		}
		if u.out.write(report{Marks: batch}) != nil {
			return
		}
	}
}

// mark sends one. Loop only.
func (u *uplink) mark(m mark) {
	select {
	case u.marks <- m:
	case <-u.ended:
	}
}

// watchEvery is how often a process that waits for the others looks whether
// its own clients are well.
const watchEvery = 250 * time.Millisecond

// together returns when every process of the run has reached step. A process
// alone has. marks go along and come back with everybody's.
func (f *fleet) together(ctx context.Context, step string, marks []mark) (order, error) {
	if f.up == nil {
		return order{Go: step, At: f.now(), Marks: marks}, nil
	}
	if err := f.up.out.write(report{Step: step, Marks: marks}); err != nil {
		return order{}, err
	}
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		select {
		case o := <-f.up.orders:
			if o.Go != step {
				return o, fmt.Errorf("load: at step %s, told to go on from %s", step, o.Go)
			}
			return o, nil
		case <-ctx.Done():
			return order{}, context.Cause(ctx)
		case <-t.C:
		}
		var fault error
		if err := f.call(func() { fault = f.err }); err != nil {
			return order{}, err
		}
		if fault != nil {
			return order{}, fault
		}
	}
}
