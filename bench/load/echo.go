package load

import (
	"context"
	"fmt"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// echoLoad is one client, one conversation: echo, ack, polling, and the
// latency of echo. Each client knows the number of the answer that must come
// next. Loop only.
type echoLoad struct {
	f       *fleet
	msg     *message
	event   string // echo or ack
	pace    *pacer // nil in a closed loop
	talkers []*client
	latency *hdr.Histogram
	out     uint64 // in flight, in all
	stopped bool
}

var _ traffic = (*echoLoad)(nil)

func newEchoLoad(f *fleet) *echoLoad {
	e := &echoLoad{f: f}
	event := "echo"
	if f.cfg.Scenario == "ack" {
		event = "ack"
	}
	e.msg, e.event = newMessage(f.dialect.words(event, ""), f.cfg.Payload), event
	if f.cfg.Scenario == "latency" {
		e.pace = newPacer(f, f.cfg.Rate)
		e.latency = newHistogram()
	}
	return e
}

func (e *echoLoad) ready(*client) {}

// start sends the first messages.
func (e *echoLoad) start(at int64) {
	e.talkers = e.f.clients[:e.f.cfg.count(e.f.cfg.Senders)]
	if e.pace != nil {
		e.pace.start(at, e.send)
		return
	}
	for _, c := range e.talkers {
		for range e.f.cfg.Pipeline {
			e.say(c)
		}
	}
}

// send is one message of the schedule, if the client is one of ours.
func (e *echoLoad) send(number uint64) bool {
	cfg := &e.f.cfg
	talker := int(number % uint64(cfg.Senders))
	if talker%cfg.Procs != cfg.Part {
		return false
	}
	if c := e.talkers[talker/cfg.Procs]; c.state == joined {
		e.say(c)
	}
	return true
}

func (e *echoLoad) say(c *client) {
	c.sent++
	e.out++
	c.emit(e.msg, c.index, c.sent)
}

// message checks one answer.
func (e *echoLoad) message(c *client, p []byte) error {
	stream, number, ok := e.msg.match(p)
	if !ok || stream != c.index || number != c.got+1 || number > c.sent {
		return fmt.Errorf("load: want answer %d of %d, got %.120q", c.got+1, c.sent, p)
	}
	c.got = number
	e.out--
	e.f.count.ops++
	if e.pace != nil {
		now := e.f.now()
		due := e.pace.at(uint64(number-1)*uint64(e.f.cfg.Senders) + uint64(e.f.cfg.whole(int(c.index))))
		if due >= e.pace.recordFrom {
			record(e.latency, now-due)
		}
		e.pace.poll(now)
	} else if !e.stopped {
		e.say(c)
	}
	return nil
}

func (e *echoLoad) stop() {
	e.stopped = true
	if e.pace != nil {
		e.pace.stop()
	}
}

func (e *echoLoad) drained() bool { return e.out == 0 }

func (e *echoLoad) finish(r *Result) {
	r.Event, r.Payload, r.Pipeline = e.event, e.f.cfg.Payload, e.f.cfg.Pipeline
	r.hist = histograms{each: e.latency}
	if e.pace != nil {
		r.Rate, r.Senders, r.Pipeline = e.f.cfg.Rate, e.f.cfg.Senders, 0
		r.hist.lag = e.pace.lag
	}
	r.summarize()
}

// echoSizes measures echo with ever more sockets open, all of them talking
// unless Config.Senders says how many do.
func (f *fleet) echoSizes(ctx context.Context) (*Result, error) {
	f.sc = quiet{}
	r := f.newResult()
	talkers := f.cfg.Senders
	for _, n := range f.cfg.steps() {
		if err := f.open(ctx, n); err != nil {
			return r, err
		}
		f.cfg.Senders = min(talkers, n)
		if err := f.traffic(ctx, newEchoLoad(f), r); err != nil {
			return r, fmt.Errorf("with %d clients: %w", n, err)
		}
		r.Clients = n
		r.Steps = append(r.Steps, StepResult{Clients: n, OpsPerSec: r.OpsPerSec, CPUMicros: r.CPUMicros})
	}
	return r, nil
}

// prepare has nothing to join.
func (e *echoLoad) prepare(context.Context) error { return nil }

// sent is nothing: an answer reaches nobody but who asked.
func (e *echoLoad) sent() []mark { return nil }

func (e *echoLoad) audit([]mark) error { return nil }
