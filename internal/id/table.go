package id

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// chunkSlots slots are made at once: a table grows without copying the
	// slots that readers look at.
	chunkSlots = 1 << 10
	// maxSlots is what three bytes can name.
	maxSlots = 1 << 24
)

type chunk[T any] [chunkSlots]atomic.Pointer[T]

// Table holds the live owners of ids. Get and Lookup take no lock; Add and
// Remove take a short one. All methods may be called from any goroutine.
type Table[T any] struct {
	idOf   func(*T) *ID
	chunks atomic.Pointer[[]*chunk[T]] // grows by copy; the chunks stay
	live   atomic.Int64

	mu   sync.Mutex
	free []uint32 // guarded by mu: slots given back
	next uint32   // guarded by mu: the first slot that was never used

	guests  map[ID]*T    // guarded by mu: owners of ids that AddAs brought
	nguests atomic.Int64 // len(guests)
}

// NewTable returns an empty table. idOf returns where a T keeps its ID; the
// table writes it in Add, and nobody else may.
func NewTable[T any](idOf func(*T) *ID) *Table[T] {
	t := &Table[T]{idOf: idOf}
	t.chunks.Store(new([]*chunk[T]))
	return t
}

// Add gives v a new id, stores it in v, and makes v reachable by it. It
// reports false, and changes nothing, when all 2^24 slots are taken.
func (t *Table[T]) Add(v *T) (ID, bool) {
	t.mu.Lock()
	n, ok := t.takeSlot()
	t.mu.Unlock()
	if !ok {
		return ID{}, false
	}
	d := t.idOf(v)
	d.randomize()
	d.setSlot(n)
	t.live.Add(1)
	(*t.chunks.Load())[n/chunkSlots][n%chunkSlots].Store(v)
	return *d, true
}

// AddAs makes v reachable by an id that it had before, in this table or another
// one, and stores it in v. It reports false, and changes nothing, when the id
// has an owner. It is for few owners: their look-ups take a lock.
func (t *Table[T]) AddAs(v *T, d ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d.IsZero() || t.guests[d] != nil || t.own(d) != nil {
		return false
	}
	if t.guests == nil {
		t.guests = make(map[ID]*T)
	}
	*t.idOf(v) = d
	t.guests[d] = v
	t.nguests.Add(1)
	t.live.Add(1)
	return true
}

// guest returns the owner that AddAs brought, or nil.
func (t *Table[T]) guest(d ID) *T {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.guests[d]
}

// removeGuest takes a guest out and reports whether there was one.
func (t *Table[T]) removeGuest(d ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.guests[d] == nil {
		return false
	}
	delete(t.guests, d)
	if len(t.guests) == 0 {
		t.guests = nil // a map does not shrink
	}
	t.nguests.Add(-1)
	t.live.Add(-1)
	return true
}

// takeSlot returns a slot that nobody holds. t.mu held.
func (t *Table[T]) takeSlot() (uint32, bool) {
	if k := len(t.free); k > 0 {
		n := t.free[k-1]
		t.free = t.free[:k-1]
		return n, true
	}
	if t.next == maxSlots {
		return 0, false
	}
	n := t.next
	if old := *t.chunks.Load(); int(n/chunkSlots) == len(old) {
		grown := append(old[:len(old):len(old)], new(chunk[T]))
		t.chunks.Store(&grown)
	}
	t.next++
	return n, true
}

// Lookup returns the owner of d, or nil.
func (t *Table[T]) Lookup(d ID) *T {
	v := t.own(d)
	if v == nil && t.nguests.Load() > 0 {
		v = t.guest(d)
	}
	return v
}

// own returns the owner that Add gave the id d, or nil.
func (t *Table[T]) own(d ID) *T {
	n := d.slot()
	chunks := *t.chunks.Load()
	if int(n/chunkSlots) >= len(chunks) {
		return nil
	}
	v := chunks[n/chunkSlots][n%chunkSlots].Load()
	if v == nil || !t.idOf(v).equal(&d) {
		return nil
	}
	return v
}

// Get returns the owner of the id with this text form, or nil.
func (t *Table[T]) Get(text string) *T {
	d, ok := Parse(text)
	if !ok {
		return nil
	}
	return t.Lookup(d)
}

// Remove takes the owner of d out of the table and reports whether there was
// one. The slot may be given to another owner at once.
func (t *Table[T]) Remove(d ID) bool {
	v := t.own(d)
	if v == nil {
		return t.nguests.Load() > 0 && t.removeGuest(d)
	}
	n := d.slot()
	if !(*t.chunks.Load())[n/chunkSlots][n%chunkSlots].CompareAndSwap(v, nil) {
		return false
	}
	t.live.Add(-1)
	t.mu.Lock()
	t.free = append(t.free, n)
	t.mu.Unlock()
	return true
}

// Len returns the number of owners.
func (t *Table[T]) Len() int { return int(t.live.Load()) }

// Range calls f for owners until it returns false. Owners that are added or
// removed meanwhile may or may not be seen.
func (t *Table[T]) Range(f func(*T) bool) {
	for _, c := range *t.chunks.Load() {
		for i := range c {
			if v := c[i].Load(); v != nil && !f(v) {
				return
			}
		}
	}
	t.mu.Lock()
	guests := slices.Collect(maps.Values(t.guests))
	t.mu.Unlock()
	for _, v := range guests {
		if !f(v) {
			return
		}
	}
}
