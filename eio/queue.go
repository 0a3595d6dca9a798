package eio

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// entryBytes is what a frame counts for in a queue beside its own bytes, so
// that small frames are bounded too.
const entryBytes = 16

// sendQueue holds what is sent to a client of long-polling between its GETs.
// It is bounded in bytes, with a policy at the bound, as the write queue of a
// WebSocket is. The zero queue is empty.
type sendQueue struct {
	entries []queued
	head    int // entries before it are gone
	bytes   int
}

// queued is one unit of a queue.
type queued = frame.Unit

func (q *sendQueue) empty() bool { return q.head == len(q.entries) }

// live returns what is in the queue.
func (q *sendQueue) live() []queued { return q.entries[q.head:] }

// append queues f, whatever the bound.
func (q *sendQueue) append(f *frame.Frame, control bool) {
	q.entries = append(q.entries, frame.NewUnit(f, control))
	q.bytes += f.Size() + entryBytes
}

// push takes over a reference. dropped tells how many others had to go for f.
// Closed tells that the session has to be closed.
func (q *sendQueue) push(f *frame.Frame, limit int, policy poller.Overflow) (o poller.Outcome, dropped int) {
	n := f.Size() + entryBytes
	if f.Keyed() && q.replace(f, limit) {
		return poller.Replaced, 0
	}
	if limit <= 0 || q.bytes+n <= limit {
		q.append(f, false)
		return poller.Queued, 0
	}
	if p := f.Policy(); p != 0 {
		policy = poller.Overflow(p - 1)
	}
	if policy == poller.OverflowDropOldest && n <= limit {
		dropped = q.dropOldest(q.bytes + n - limit)
	}
	switch {
	case q.bytes+n <= limit:
		q.append(f, false)
		return poller.MadeRoom, dropped
	case policy == poller.OverflowDisconnect:
		o = poller.Closed
	default:
		o = poller.Dropped
	}
	f.Release()
	return o, dropped
}

// pushControl takes over a reference to a frame that no policy drops. It
// reports false, and that the session has to be closed, at twice the limit.
func (q *sendQueue) pushControl(f *frame.Frame, limit int) bool {
	if limit > 0 && q.bytes+f.Size()+entryBytes > 2*limit {
		f.Release()
		return false
	}
	q.append(f, true)
	return true
}

// replace queues f, which has a key, instead of the entry of the same key, if
// there is one and that keeps the queue within limit. f takes its place; but it
// never overtakes an entry without a key, and goes to the end then.
func (q *sendQueue) replace(f *frame.Frame, limit int) bool {
	live := q.live()
	i, overtakes := frame.Predecessor(live, 0, f)
	if i < 0 {
		return false
	}
	old := live[i].F
	grown := f.Size() - old.Size()
	if limit > 0 && q.bytes+grown > limit {
		return false
	}
	q.bytes += grown
	old.Release()
	if overtakes {
		copy(live[i:], live[i+1:])
		i = len(live) - 1
	}
	live[i] = frame.NewUnit(f, false)
	return true
}

// dropOldest drops entries until need bytes are free, and returns how many.
// Control frames stay: there are few, and at the front only for a moment.
func (q *sendQueue) dropOldest(need int) (dropped int) {
	kept := q.entries[q.head:q.head]
	i := q.head
	for ; i < len(q.entries) && need > 0; i++ {
		e := q.entries[i]
		if e.Control {
			kept = append(kept, e)
			continue
		}
		n := e.F.Size() + entryBytes
		e.F.Release()
		q.bytes -= n
		need -= n
		dropped++
	}
	// What was kept moves up to what was not looked at.
	copy(q.entries[i-len(kept):i], kept)
	clear(q.entries[q.head : i-len(kept)])
	q.head = i - len(kept)
	if q.head > len(q.entries)/2 {
		n := copy(q.entries, q.entries[q.head:])
		clear(q.entries[n:])
		q.entries, q.head = q.entries[:n], 0
	}
	return dropped
}

// compressible reports whether any packet may be compressed.
func (q *sendQueue) compressible() bool {
	for _, e := range q.live() {
		if e.F.Compressible() {
			return true
		}
	}
	return false
}

// take empties the queue and returns what was in it, with its references.
func (q *sendQueue) take() []queued {
	entries := q.live()
	*q = sendQueue{}
	return entries
}

// drop empties the queue.
func (q *sendQueue) drop() {
	for _, e := range q.take() {
		e.F.Release()
	}
}
