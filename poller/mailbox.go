package poller

import (
	"sync"
	"sync/atomic"
)

const (
	// maxRounds is how often a turn takes what was posted meanwhile.
	maxRounds = 8
	// maxTasks is the most posted calls that one turn makes.
	maxTasks = 16 << 10
	// keptTasks is the capacity that a mailbox keeps after a burst.
	keptTasks = 1 << 10
	// shrinkAfter is the number of small batches in a row after which a large
	// batch's memory is given back.
	shrinkAfter = 256
)

// task is one posted call.
type task struct {
	fn   func(a, b any)
	a, b any
}

// mailbox takes calls from any goroutine. The loop swaps the whole slice out,
// so that the lock is held for an append or a swap only.
type mailbox struct {
	mu     sync.Mutex
	tasks  []task // guarded by mu
	closed bool   // guarded by mu

	// sleeping is set by the loop before it waits and cleared by whoever
	// wakes it: only the first poster makes a system call.
	sleeping atomic.Bool

	// loop only
	batch  []task // being run
	pos    int    // next of batch
	small  int    // batches in a row that did not need their capacity
	budget int    // calls left in this turn
}

// put appends a call and reports whether the mailbox is open, and whether the
// loop must be woken.
func (m *mailbox) put(t task) (ok, wake bool) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false, false
	}
	m.tasks = append(m.tasks, t)
	m.mu.Unlock()
	return true, m.sleeping.Load() && m.sleeping.CompareAndSwap(true, false)
}

// sleep declares that the loop is about to wait. It reports false, and the
// loop must go on, when there is something to do. The flag is set before the
// look: a poster either sees the flag or is seen.
func (m *mailbox) sleep() bool {
	if m.pos < len(m.batch) {
		return false
	}
	m.sleeping.Store(true)
	m.mu.Lock()
	empty := len(m.tasks) == 0
	m.mu.Unlock()
	if !empty {
		m.sleeping.Store(false)
	}
	return empty
}

// awake declares that the loop runs.
func (m *mailbox) awake() {
	if m.sleeping.Load() {
		m.sleeping.Store(false)
	}
}

// refill takes what was posted as the next batch.
func (m *mailbox) refill() bool {
	used := len(m.batch)
	clear(m.batch)
	m.batch, m.pos = m.batch[:0], 0
	if cap(m.batch) > keptTasks {
		m.shrink(used)
	}
	m.mu.Lock()
	m.batch, m.tasks = m.tasks, m.batch
	m.mu.Unlock()
	return len(m.batch) > 0
}

// shrink lets go of a large batch that is no longer needed.
func (m *mailbox) shrink(used int) {
	if used > cap(m.batch)/4 {
		m.small = 0
		return
	}
	if m.small++; m.small > shrinkAfter {
		m.small = 0
		m.batch = nil
	}
}

// run makes the posted calls until there are none or the turn's share is
// used up. It can be entered again after a panic.
func (m *mailbox) run() {
	for round := 0; ; round++ {
		for m.pos < len(m.batch) {
			if m.budget == 0 {
				return
			}
			m.budget--
			t := &m.batch[m.pos]
			m.pos++
			t.fn(t.a, t.b)
		}
		if round == maxRounds || !m.refill() {
			return
		}
	}
}

// close refuses all further posts.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
}

// pending reports whether calls are left to be made.
func (m *mailbox) pending() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pos < len(m.batch) || len(m.tasks) > 0
}
