package poller

import (
	"math/bits"
	"time"
)

const (
	// tick is the wheel's resolution. Timers are never early and at most
	// about one tick late: fine enough for heartbeats of 200 ms, coarse
	// enough that many timers are handled by one wake.
	tick = int64(10 * time.Millisecond)
	// wheelSlots (a power of two) times tick is one revolution: 41 s. The
	// usual heartbeats fit, so that a timer is looked at once.
	wheelSlots = 4096
	wheelMask  = wheelSlots - 1
)

// onDueList is the when of a timer that is about to fire in this turn.
const onDueList = -1

// TimerHandler is told when a [Timer] is due.
type TimerHandler interface {
	// OnTimer is called on the loop's goroutine. t is idle and may be armed
	// again.
	OnTimer(t *Timer)
}

// Timer is one timer of a loop's wheel, to be embedded in what it belongs to.
// The zero value is idle. A Timer must not be copied or freed while armed.
type Timer struct {
	next, prev *Timer
	h          TimerHandler
	when       int64 // in ticks; onDueList
}

// Armed reports whether the timer waits to fire. Loop goroutine only.
func (t *Timer) Armed() bool { return t.h != nil }

// wheel holds the timers of one loop: a hashed wheel whose slots are linked
// lists, and a bitmap of the slots in use, so that the next one is found
// without walking.
type wheel struct {
	done  int64  // the last tick that was handled
	due   *Timer // what is firing now
	count int
	slots [wheelSlots]*Timer
	used  [wheelSlots / 64]uint64
}

// arm puts t, which is idle, into the slot of the tick when.
func (w *wheel) arm(t *Timer, h TimerHandler, when int64) {
	t.h, t.when = h, max(when, w.done+1)
	i := t.when & wheelMask
	t.prev, t.next = nil, w.slots[i]
	if t.next != nil {
		t.next.prev = t
	}
	w.slots[i] = t
	w.used[i>>6] |= 1 << (i & 63)
	w.count++
}

// disarm makes t idle.
func (w *wheel) disarm(t *Timer) {
	if t.h == nil {
		return
	}
	if t.next != nil {
		t.next.prev = t.prev
	}
	switch {
	case t.prev != nil:
		t.prev.next = t.next
	case t.when == onDueList:
		w.due = t.next
	default:
		i := t.when & wheelMask
		w.slots[i] = t.next
		if t.next == nil {
			w.used[i>>6] &^= 1 << (i & 63)
		}
	}
	t.next, t.prev, t.h = nil, nil, nil
	w.count--
}

// advance moves every timer that is due at tick now to the due list.
func (w *wheel) advance(now int64) {
	from := w.done + 1
	if now < from {
		return
	}
	w.done = now
	if w.count == 0 {
		return
	}
	n := min(now-from+1, wheelSlots)
	for n > 0 {
		i := from & wheelMask
		if w.used[i>>6]>>(i&63) == 0 { // nothing up to the end of the word
			skip := 64 - i&63
			from, n = from+skip, n-skip
			continue
		}
		if w.used[i>>6]&(1<<(i&63)) != 0 {
			w.collect(i, now)
		}
		from, n = from+1, n-1
	}
}

// collect moves the due timers of slot i to the due list. Those of a later
// revolution stay.
func (w *wheel) collect(i, now int64) {
	for t := w.slots[i]; t != nil; {
		next := t.next
		if t.when <= now {
			h := t.h
			w.disarm(t)
			t.h, t.when, t.next = h, onDueList, w.due
			if w.due != nil {
				w.due.prev = t
			}
			w.due = t
			w.count++
		}
		t = next
	}
}

// next returns the tick of the next slot in use, which is when the loop must
// look again; false when no timer is armed. A timer of a later revolution
// makes it look once too often.
func (w *wheel) next() (int64, bool) {
	if w.count == 0 {
		return 0, false
	}
	if w.due != nil {
		return w.done, true
	}
	start := w.done + 1
	i := start & wheelMask
	word := w.used[i>>6] >> (i & 63)
	if word != 0 {
		return start + int64(bits.TrailingZeros64(word)), true
	}
	at := start + 64 - i&63
	for range len(w.used) {
		if word := w.used[at&wheelMask>>6]; word != 0 {
			return at + int64(bits.TrailingZeros64(word)), true
		}
		at += 64
	}
	return start, true
}

// ceilTick returns the first tick that is not before the time ns.
func ceilTick(ns int64) int64 { return (ns + tick - 1) / tick }
