package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Crew is worker processes of this program, in step: each runs its own
// scenario up to a step and waits there for [Crew.Go]. Its methods are for one
// goroutine. The program must call [Work] when its only argument is worker.
type Crew struct {
	Log io.Writer // what workers complain of; nil for none

	epoch   time.Time
	workers []*worker
	inbox   chan arrival
	ended   chan struct{} // closed by Close
	failed  *worker       // the first that did
	owner   func(stream int) int
}

// worker is one process. The crew's goroutine only, but for reader.
type worker struct {
	number int
	cmd    *exec.Cmd
	stdin  io.Closer
	out    *lines
	at     *report // the step that it waits at; nil while it runs
	gone   chan struct{}
}

// arrival is one line of a worker, or its end.
type arrival struct {
	w      *worker
	report report
	err    error
}

var (
	errDied   = errors.New("load: the process ended without a result")
	errFailed = errors.New("load: failed while it waited for the others")
)

// NewCrew returns a crew without workers, whose clock begins now. The caller
// calls Close.
func NewCrew() *Crew {
	return &Crew{epoch: time.Now(), inbox: make(chan arrival), ended: make(chan struct{}), owner: func(int) int { return 0 }}
}

// Start starts a worker that runs cfg, and returns its process id.
func (c *Crew) Start(cfg Config) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	w := &worker{number: len(c.workers) + 1, cmd: exec.Command(self, "worker"), gone: make(chan struct{})}
	w.cmd.Stderr = c.Log
	in, err := w.cmd.StdinPipe()
	if err != nil {
		return 0, err
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := w.cmd.Start(); err != nil {
		return 0, err
	}
	w.stdin, w.out = in, newLines(in)
	c.workers = append(c.workers, w)
	go c.read(w, out) // ends when the process does, which Close sees to
	if err := w.out.write(order{Config: &cfg, Epoch: c.epoch.UnixNano()}); err != nil {
		return 0, errors.Join(err, c.Drop())
	}
	return w.cmd.Process.Pid, nil
}

// read hands on what w says until it ends.
func (c *Crew) read(w *worker, out io.Reader) {
	defer close(w.gone)
	dec := json.NewDecoder(out)
	for {
		a := arrival{w: w}
		a.err = dec.Decode(&a.report)
		select {
		case c.inbox <- a:
		case <-c.ended:
			a.err = io.EOF
		}
		if a.err != nil {
			_, _ = io.Copy(io.Discard, out)
			_ = w.cmd.Wait()
			return
		}
	}
}

// Gather waits until all workers have reached a step, and returns its name.
// Meanwhile it carries their marks. One that failed or died is the error.
func (c *Crew) Gather(ctx context.Context) (string, error) {
	if err := c.settle(ctx); err != nil {
		return "", err
	}
	return c.step()
}

// settle waits until every worker waits.
func (c *Crew) settle(ctx context.Context) error {
	for c.waiting() < len(c.workers) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("load: %d of %d processes came to the next step: %w", c.waiting(), len(c.workers), context.Cause(ctx))
		case a := <-c.inbox:
			if err := c.arrived(a); err != nil {
				return err
			}
		}
	}
	return nil
}

// waiting is how many workers wait at a step.
func (c *Crew) waiting() (n int) {
	for _, w := range c.workers {
		if w.at != nil {
			n++
		}
	}
	return n
}

// step returns the step at which all are.
func (c *Crew) step() (string, error) {
	for _, w := range c.workers {
		if step, first := w.at.Step, c.workers[0].at.Step; step != first {
			return "", fmt.Errorf("load: process %d is at step %s, the first at %s", w.number, step, first)
		}
	}
	return c.workers[0].at.Step, nil
}

// arrived takes one line. An error is that of the worker, or of one that should
// hear of it.
func (c *Crew) arrived(a arrival) (err error) {
	switch {
	case a.err != nil && a.w.at != nil && a.w.at.Step == stepResult: // it has nothing more to say
	case a.err != nil:
		err = errDied
	case a.report.Fault != "":
		err = errors.New(a.report.Fault)
	case a.report.Step == "":
		return c.route(a.report.Marks)
	default:
		a.w.at = &a.report
	}
	if err == nil {
		return nil
	}
	if c.failed == nil {
		c.failed = a.w
	}
	return fmt.Errorf("process %d of %d: %w", a.w.number, len(c.workers), err)
}

// route brings marks to the processes that sent the messages.
func (c *Crew) route(marks []mark) error {
	parts := make(map[int][]mark, 1)
	for _, m := range marks {
		to := c.owner(m.stream())
		parts[to] = append(parts[to], m)
	}
	for to, part := range parts {
		if to < 0 || to >= len(c.workers) {
			return fmt.Errorf("load: a mark for process %d", to)
		}
		if err := c.workers[to].out.write(order{Marks: part}); err != nil {
			return err
		}
	}
	return nil
}

// Go lets all go on from the step that they have reached.
func (c *Crew) Go() error { return c.release(c.workers) }

// release lets some go on.
func (c *Crew) release(workers []*worker) error {
	o := order{At: time.Since(c.epoch).Nanoseconds() + startDelay}
	for _, w := range workers {
		o.Go = w.at.Step
		o.Marks = append(o.Marks, w.at.Marks...)
	}
	if err := c.overdue(); err != nil {
		return err
	}
	for _, w := range workers {
		w.at = nil
		if err := w.out.write(o); err != nil {
			return fmt.Errorf("process %d of %d: %w", w.number, len(c.workers), err)
		}
	}
	return nil
}

// overdue takes what workers said after their step: that something went wrong
// while they waited.
func (c *Crew) overdue() error {
	for {
		select {
		case a := <-c.inbox:
			if err := c.arrived(a); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// Turns lets n workers at a time go on from the step that they have reached,
// and the next ones when these have reached theirs, whose name it returns.
func (c *Crew) Turns(ctx context.Context, n int) (string, error) {
	for from := 0; from < len(c.workers); from += n {
		if err := c.release(c.workers[from:min(from+n, len(c.workers))]); err != nil {
			return "", err
		}
		if err := c.settle(ctx); err != nil {
			return "", err
		}
	}
	return c.step()
}

// Results returns what each worker counted, once all have reached their end.
func (c *Crew) Results() ([]*Result, error) {
	out := make([]*Result, 0, len(c.workers))
	for _, w := range c.workers {
		if w.at == nil || w.at.Result == nil {
			return nil, fmt.Errorf("process %d of %d: %w", w.number, len(c.workers), errDied)
		}
		r := w.at.Result
		r.hist.add(w.at.Hist)
		out = append(out, r)
	}
	return out, nil
}

// Drop ends the worker that was started last, and forgets its failure. That one
// of the others failed is an error.
func (c *Crew) Drop() error {
	last := c.workers[len(c.workers)-1]
	_ = last.cmd.Process.Kill()
	if c.failed == last {
		c.failed = nil
	}
	for c.failed == nil {
		select {
		case a := <-c.inbox:
			if a.w == last {
				continue
			}
			if err := c.arrived(a); err != nil {
				return err
			}
		case <-last.gone:
			c.workers = c.workers[:len(c.workers)-1]
			return nil
		}
	}
	return fmt.Errorf("process %d: %w", c.failed.number, errFailed)
}

// Close ends all workers and waits until they are gone.
func (c *Crew) Close() {
	close(c.ended)
	for _, w := range c.workers {
		_ = w.stdin.Close()
		_ = w.cmd.Process.Kill()
	}
	for _, w := range c.workers {
		<-w.gone
	}
}
