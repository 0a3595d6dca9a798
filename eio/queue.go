package eio

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// entryBytes is what a frame counts for in a queue beside its own bytes, so
// that small frames are bounded too.
const entryBytes = 16

// sendQueue holds what is sent to a client of long-polling between its GETs.
// It is bounded in bytes, with a policy at the bound. The zero queue is empty.
type sendQueue struct {
	entries []queued
	head    int // entries before it are gone
	bytes   int
}

type queued struct {
	f       *frame.Frame // a chain is one entry
	control bool
}

func (q *sendQueue) empty() bool { return q.head == len(q.entries) }

// push takes over a reference. ok tells that f was queued, dropped how many
// others had to go for it. overflow tells that the session has to be closed.
func (q *sendQueue) push(f *frame.Frame, control bool, limit int, policy poller.Overflow) (ok bool, dropped int, overflow bool) {
	n := f.Size() + entryBytes
	if control {
		overflow = limit > 0 && q.bytes+n > 2*limit
	} else if limit > 0 && q.bytes+n > limit {
		if policy == poller.OverflowDropOldest && n <= limit {
			dropped = q.dropOldest(q.bytes + n - limit)
		}
		if q.bytes+n > limit {
			f.Release()
			return false, dropped, policy == poller.OverflowDisconnect
		}
	}
	if overflow {
		f.Release()
		return false, dropped, true
	}
	q.entries = append(q.entries, queued{f, control})
	q.bytes += n
	return true, dropped, false
}

// dropOldest drops entries until need bytes are free, and returns how many.
// Control frames stay: there are few, and at the front only for a moment.
func (q *sendQueue) dropOldest(need int) (dropped int) {
	kept := q.entries[q.head:q.head]
	i := q.head
	for ; i < len(q.entries) && need > 0; i++ {
		e := q.entries[i]
		if e.control {
			kept = append(kept, e)
			continue
		}
		n := e.f.Size() + entryBytes
		e.f.Release()
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

// appendTo appends all packets to a payload and empties the queue. Ownership:
// the result is the caller's.
func (q *sendQueue) appendTo(dst []byte) []byte {
	for _, e := range q.entries[q.head:] {
		dst = appendPayload(dst, e.f)
		e.f.Release()
	}
	*q = sendQueue{}
	return dst
}

// take empties the queue and returns what was in it, with its references.
func (q *sendQueue) take() []queued {
	entries := q.entries[q.head:]
	*q = sendQueue{}
	return entries
}

// drop empties the queue.
func (q *sendQueue) drop() {
	for _, e := range q.take() {
		e.f.Release()
	}
}
