package sio

import (
	"slices"
	"sync/atomic"
	"time"
)

// Histogram counts durations in buckets.
type Histogram struct {
	// Bounds are the upper bounds of the buckets, inclusive and rising. They
	// are the same in every snapshot.
	Bounds []time.Duration
	// Counts are the durations in each bucket, not in those below it, and
	// last those above all bounds.
	Counts []uint64
	// Count is how many durations there were, Sum their sum, Max the longest.
	Count    uint64
	Sum, Max time.Duration
}

// roundTripBounds reach from a neighbour's round trip to what nobody waits
// for: the usual ones of latencies, with finer steps below 10 ms.
var roundTripBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

func newHistogram() Histogram {
	return Histogram{Bounds: slices.Clone(roundTripBounds[:]), Counts: make([]uint64, len(roundTripBounds)+1)}
}

// durations are counted by one loop and read by anybody.
type durations struct {
	buckets  [len(roundTripBounds) + 1]atomic.Uint64
	sum, max atomic.Int64
}

// observe adds one duration. Loop only.
func (d *durations) observe(t time.Duration) {
	i, _ := slices.BinarySearch(roundTripBounds[:], t)
	d.buckets[i].Add(1)
	d.sum.Add(int64(t))
	if int64(t) > d.max.Load() {
		d.max.Store(int64(t))
	}
}

func (d *durations) addTo(h *Histogram) {
	for i := range d.buckets {
		n := d.buckets[i].Load()
		h.Counts[i] += n
		h.Count += n
	}
	h.Sum += time.Duration(d.sum.Load())
	h.Max = max(h.Max, time.Duration(d.max.Load()))
}
