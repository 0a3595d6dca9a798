package poller

import (
	"bytes"
	"runtime"
	"strconv"
	"time"
)

// maxStack is the most of all goroutines' stacks that is looked through for
// the one of a loop.
const maxStack = 4 << 20

// watchdog looks from outside whether loops get through their turns.
type watchdog struct {
	p    *Poller
	quit chan struct{}
	done chan struct{}
}

// startWatchdog starts the goroutine, which ends with stop.
func startWatchdog(p *Poller) *watchdog {
	w := &watchdog{p: p, quit: make(chan struct{}), done: make(chan struct{})}
	go w.run() // ends with stop
	return w
}

// stop ends the goroutine and waits for that.
func (w *watchdog) stop() {
	close(w.quit)
	<-w.done
}

// run looks at the loops twice in the time that a turn may take.
func (w *watchdog) run() {
	defer close(w.done)
	limit := w.p.cfg.StallAfter
	tick := time.NewTicker(max(limit/2, time.Millisecond))
	defer tick.Stop()
	told := make([]int64, len(w.p.loops)) // the turn that was reported last
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		now := w.p.clock()
		for i, l := range w.p.loops {
			began := l.began.Load()
			if began == 0 || began == told[i] || now-began < int64(limit) {
				continue
			}
			told[i] = began
			w.p.cfg.OnStall(i, time.Duration(now-began), stackOf(l.goid.Load()))
		}
	}
}

// stackOf returns the stack of one goroutine.
func stackOf(id uint64) []byte {
	buf := make([]byte, 64<<10)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) >= maxStack {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	head := "goroutine " + strconv.FormatUint(id, 10) + " "
	for part := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if bytes.HasPrefix(part, []byte(head)) {
			return bytes.Clone(part)
		}
	}
	return nil
}
