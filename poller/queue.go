package poller

import (
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
)

const (
	// inlineEntries is what a queue holds without a slice of its own: the
	// usual turn brings a connection one or two frames.
	inlineEntries = 4
	// keptEntries is the largest slice that a queue keeps in the pool.
	keptEntries = 256
	// keptQueues is how many queues a loop keeps for reuse at most, and
	// keptForever how many also when it needs them no more.
	keptQueues  = 8 << 10
	keptForever = 64
	// tidyEvery is how often a loop looks for queues that it did not need.
	tidyEvery = time.Second
)

// entry is one unit of a write queue: a chain of frames.
type entry = frame.Unit

// queue is what a connection has to write. It is attached to a connection
// only while there is something to write.
type queue struct {
	entries []entry // from head on
	head    int
	off     int     // bytes of the first entry's chain that are written
	bytes   int     // of all entries, not yet written
	sealed  *sealed // encrypted, to be written before the entries; its bytes are counted, or nil
	next    *queue
	inline  [inlineEntries]entry
}

// push appends a unit of n bytes.
func (q *queue) push(f *frame.Frame, control bool, n int) {
	q.entries = append(q.entries, frame.NewUnit(f, control))
	q.bytes += n
}

// live returns the entries that are not written completely.
func (q *queue) live() []entry { return q.entries[q.head:] }

// reset gives the references back and empties q.
func (q *queue) reset() {
	for _, e := range q.live() {
		e.F.Release()
	}
	q.clear()
}

// clear empties q, whose references are given back already.
func (q *queue) clear() {
	clear(q.entries)
	if cap(q.entries) > keptEntries {
		q.entries = q.inline[:0]
	} else {
		q.entries = q.entries[:0]
	}
	q.head, q.off, q.bytes, q.sealed = 0, 0, 0, nil
}

// compact moves the live entries to the front when the dead ones outnumber
// them, so that a queue which never empties does not grow for ever.
func (q *queue) compact() {
	if q.head < 32 || q.head < len(q.entries)/2 {
		return
	}
	n := copy(q.entries, q.live())
	clear(q.entries[n:])
	q.entries, q.head = q.entries[:n], 0
}

// dropOldest removes the oldest unit that may be dropped and returns its
// size; 0 when there is none.
func (q *queue) dropOldest() int {
	live := q.live()
	for i, e := range live {
		if e.Control || i == 0 && q.off > 0 {
			continue
		}
		return q.remove(i)
	}
	return 0
}

// remove takes the i-th of the live units out and returns its size. It must
// not be partly written.
func (q *queue) remove(i int) int {
	live := q.live()
	f := live[i].F
	n := f.Size()
	f.Release()
	copy(live[1:i+1], live[:i]) // those before it move up
	live[0] = entry{}
	q.head++
	q.bytes -= n
	q.compact()
	return n
}

// replace queues f, which has a key, instead of the unsent unit of the same
// key, if there is one and that keeps the queue within limit. f takes its
// place; but it never overtakes a unit without a key, and goes to the end then.
func (q *queue) replace(f *frame.Frame, n, limit int) bool {
	live, first := q.live(), 0
	if q.off > 0 {
		first = 1 // on its way already
	}
	i, overtakes := frame.Predecessor(live, first, f)
	if i < 0 || q.bytes-live[i].F.Size()+n > limit {
		return false
	}
	if overtakes {
		q.remove(i)
		q.push(f, false, n)
		return true
	}
	q.bytes += n - live[i].F.Size()
	live[i].F.Release()
	live[i] = frame.NewUnit(f, false)
	return true
}

// queues is a loop's stock of empty queues.
type queues struct {
	free  *queue
	count int
	least int // of count, since the last trim
}

// get returns an empty queue.
func (s *queues) get() *queue {
	q := s.free
	if q == nil {
		q = new(queue)
		q.entries = q.inline[:0]
		return q
	}
	s.free = q.next
	s.count--
	s.least = min(s.least, s.count)
	q.next = nil
	return q
}

// put takes back a queue that was reset or cleared.
func (s *queues) put(q *queue) {
	if s.count >= keptQueues {
		return
	}
	q.next = s.free
	s.free = q
	s.count++
}

// trim lets go of half of what was not needed since the last trim. It reports
// whether there may be more to let go of later.
func (s *queues) trim() bool {
	for n := min(s.least/2, s.count-keptForever); n > 0; n-- {
		s.free = s.free.next
		s.count--
	}
	s.least = s.count
	return s.count > keptForever
}
