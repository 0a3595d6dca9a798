package load

import (
	"errors"
	"sync/atomic"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// pacer sends messages by the clock, whatever the server does: number n is due
// at began + n/rate. Latency is counted from there, so that a stall counts for
// every message that it delayed.
type pacer struct {
	f      *fleet
	rate   float64
	ended  chan struct{} // closed by stop
	posted atomic.Bool   // a turn of sending is in the mailbox

	// loop only
	began      int64
	recordFrom int64 // messages due before this moment are warm-up
	number     uint64
	stopped    bool
	lag        *hdr.Histogram           // how late the client itself was
	send       func(number uint64) bool // reports whether the message is ours to send
}

// The pauses between two looks at the clock: short enough to be on time, long
// enough to leave the processor to the clients.
const (
	minPause = 50 * time.Microsecond
	maxPause = 100 * time.Millisecond
)

// maxBehind is how late a client may be before the run says nothing.
const maxBehind = time.Second

var errBehind = errors.New("load: the client cannot keep the schedule: lower the rate")

func newPacer(f *fleet, rate float64) *pacer {
	return &pacer{f: f, rate: rate, ended: make(chan struct{}), lag: newHistogram()}
}

// at returns when message number is due.
func (p *pacer) at(number uint64) int64 { return p.began + int64(float64(number)*1e9/p.rate) }

// start begins the schedule at that time. Loop only.
func (p *pacer) start(at int64, send func(number uint64) bool) {
	p.send, p.began = send, at
	p.recordFrom = p.began + int64(p.f.cfg.Warmup)
	go p.run() // ends when stop was called
}

// run posts a turn of sending whenever a message is due.
func (p *pacer) run() {
	for number := uint64(0); ; {
		select {
		case <-p.ended:
			return
		default:
		}
		if wait := p.at(number) - p.f.now(); wait > 0 {
			pause(min(max(time.Duration(wait), minPause), maxPause))
		}
		now := p.f.now()
		if p.at(number) > now {
			continue
		}
		if p.posted.CompareAndSwap(false, true) && !p.f.loop.Post(pacerTurn, p, nil) {
			return
		}
		number = uint64(float64(now-p.began)*p.rate/1e9) + 1
	}
}

func pacerTurn(p, _ any) { p.(*pacer).turn() }

// turn sends all that is due.
func (p *pacer) turn() {
	p.posted.Store(false)
	p.poll(p.f.now())
}

// poll sends all that is due at now. The loads call it for every delivery, so
// that a busy loop does not wait for run to get the processor.
func (p *pacer) poll(now int64) {
	if p.stopped {
		return
	}
	for due := p.at(p.number); due <= now && p.f.err == nil; due = p.at(p.number) {
		if now-due > int64(maxBehind) {
			p.f.err = errBehind
			return
		}
		if p.send(p.number) && due >= p.recordFrom {
			record(p.lag, now-due)
		}
		p.number++
	}
}

// stop ends the schedule. Loop only.
func (p *pacer) stop() {
	p.stopped = true
	close(p.ended)
}
