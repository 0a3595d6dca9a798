package poller

import (
	"sync/atomic"
	"time"
)

const (
	// publishEvery is how often a busy loop publishes its counters, in ns.
	publishEvery = int64(time.Millisecond)
	// lagWindow is how long the largest lag is remembered at least, in ns.
	lagWindow = int64(5 * time.Second)
)

// Stats are counters since the poller was made, unless said otherwise. They
// may be a few milliseconds old.
type Stats struct {
	Conns    int    // open now, with those that are being opened
	Accepted uint64 // connections accepted and not refused
	Refused  Refused

	BytesIn   uint64 // received
	BytesOut  uint64 // taken by the kernel
	Reads     uint64 // receives that brought data
	Writes    uint64 // system calls that send
	Frames    uint64 // units of Send that were taken by the kernel completely
	Dropped   uint64 // units dropped by an overflow policy
	Oldest    uint64 // those among them that OverflowDropOldest dropped
	Replaced  uint64 // units that a later one of the same key replaced
	Overflows uint64 // connections closed with ErrOverflow
	Panics    uint64 // panics in handlers

	Handshakes       uint64 // TLS handshakes that succeeded
	HandshakesFailed uint64 // and those that did not, the refused ones excepted
	Handshaking      int    // under way now

	// LoopLagMax is the longest that something which was ready had to wait
	// for its loop, of all loops, in the last 5 to 10 seconds.
	LoopLagMax time.Duration
	// LoopLagMean is the mean of that over the last turns.
	LoopLagMean time.Duration
}

// Refused counts connections that were closed at once, by reason.
type Refused struct {
	Conns uint64 // Config.MaxConns
	Addr  uint64 // Config.MaxConnsPerAddr
	Rate  uint64 // Config.AcceptRate
	FDs   uint64 // the process or the system was out of descriptors

	Handshakes uint64 // Config.MaxHandshakes
}

// counters are a loop's own, without atomics.
type counters struct {
	bytesIn, bytesOut, reads, writes, frames, dropped, oldest, replaced, overflows, panics uint64
}

// loopStats is what a loop shows to others.
type loopStats struct {
	at       int64 // loop only: when it was published
	bytesIn  atomic.Uint64
	bytesOut atomic.Uint64
	reads    atomic.Uint64
	writes   atomic.Uint64
	frames   atomic.Uint64
	dropped  atomic.Uint64
	oldest   atomic.Uint64
	replaced atomic.Uint64
	overflow atomic.Uint64
	panics   atomic.Uint64
	lagMax   atomic.Int64
	lagMean  atomic.Int64
}

// publish shows the counters to Stats.
func (l *Loop) publish() {
	s, c := &l.stats, &l.count
	s.at = l.now
	show(&s.lagMax, max(l.lag.max, l.lag.before))
	show(&s.lagMean, l.lag.mean)
	show(&s.bytesIn, c.bytesIn)
	show(&s.bytesOut, c.bytesOut)
	show(&s.reads, c.reads)
	show(&s.writes, c.writes)
	show(&s.frames, c.frames)
	show(&s.dropped, c.dropped)
	show(&s.oldest, c.oldest)
	show(&s.replaced, c.replaced)
	show(&s.overflow, c.overflows)
	show(&s.panics, c.panics)
}

// show stores v unless it is there already: a store that others see is the
// dear part, and only the loop itself stores.
func show[T int64 | uint64, A interface {
	Load() T
	Store(T)
}](to A, v T) {
	if to.Load() != v {
		to.Store(v)
	}
}

// Stats returns the sums over all loops. Any goroutine.
func (p *Poller) Stats() Stats {
	s := p.admission.stats()
	s.Handshakes, s.HandshakesFailed = p.shakes.done.Load(), p.shakes.failed.Load()
	s.Handshaking = int(p.shakes.active.Load())
	for _, l := range p.loops {
		t := &l.stats
		s.BytesIn += t.bytesIn.Load()
		s.BytesOut += t.bytesOut.Load()
		s.Reads += t.reads.Load()
		s.Writes += t.writes.Load()
		s.Frames += t.frames.Load()
		s.Dropped += t.dropped.Load()
		s.Oldest += t.oldest.Load()
		s.Replaced += t.replaced.Load()
		s.Overflows += t.overflow.Load()
		s.Panics += t.panics.Load()
		s.LoopLagMax = max(s.LoopLagMax, time.Duration(t.lagMax.Load()))
		s.LoopLagMean = max(s.LoopLagMean, time.Duration(t.lagMean.Load()))
	}
	return s
}

// lag measures how late a loop is. While it handles one turn, whatever
// becomes ready waits: the turn's length is the most that anything waited. A
// timer that fires late shows a loop that was not given the processor.
type lag struct {
	max    int64 // of the present window
	before int64 // of the window before
	since  int64 // when the present window began
	mean   int64 // moving mean of the last turns
}

// add notes a turn of d ns that ended at now.
func (g *lag) add(now, d int64) {
	if now-g.since > lagWindow {
		g.before, g.max, g.since = g.max, 0, now
	}
	g.max = max(g.max, d)
	g.mean += (d - g.mean) / 64
}

// late notes a timer that fires d ns after it was due.
func (g *lag) late(d int64) {
	if d > tick {
		g.max = max(g.max, d)
	}
}
