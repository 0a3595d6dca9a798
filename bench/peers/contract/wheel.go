package contract

import (
	"sync/atomic"
	"time"
)

// slots is how many groups of connections have their heartbeat one after the
// other: two a second at the default interval.
const slots = 50

// wheel does the heartbeats of all connections with one timer: a slot is asked
// once a turn, and looked at again when the time for its answers is over.
type wheel[M any] struct {
	slots [slots]set[M]
	tick  time.Duration
	late  int64 // ticks from a ping to the end of the time for its answer
	ping  M     // made once
	hand  atomic.Int64
}

func newWheel[M any](f Fanout[M], o Options) *wheel[M] {
	w := &wheel[M]{tick: o.PingInterval / slots, ping: f.Prepare([]byte("2"))}
	w.late = int64((o.PingTimeout + w.tick - 1) / w.tick)
	return w
}

// add gives a new member the slot that has just had its turn, so that its first
// ping comes after one interval.
func (w *wheel[M]) add(p *seat[M]) { w.slots[int(w.hand.Load())%slots].add(p) }

func (w *wheel[M]) run() {
	for range time.Tick(w.tick) {
		w.turn()
	}
}

// turn closes who did not answer in time, and asks the next slot. A member that
// still owes an answer is not asked again.
func (w *wheel[M]) turn() {
	hand := w.hand.Add(1)
	if asked := hand - w.late; asked > 0 {
		w.slots[asked%slots].each(func(m *Member[M]) {
			if at := m.asked.Load(); at != 0 && at <= asked {
				go m.wire.Close() // ends when the library let go of the connection
			}
		})
	}
	w.slots[hand%slots].each(func(m *Member[M]) {
		if m.asked.CompareAndSwap(0, hand) {
			m.wire.Deliver(w.ping)
		}
	})
}
