package poller

import (
	"math/rand/v2"
	"testing"
	"unsafe"
)

// TestWheelAgainstModel arms and disarms at random, from outside and from
// inside of timers, and compares with a plain list of deadlines.
func TestWheelAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var w wheel
	timers := make([]Timer, 200)
	want := make(map[*Timer]int64)
	h := timerFunc(func() {})
	change := func() {
		x := &timers[r.IntN(len(timers))]
		w.disarm(x)
		delete(want, x)
		if r.IntN(4) > 0 {
			when := w.done + 1 + int64(r.IntN(3*wheelSlots))
			w.arm(x, h, when)
			want[x] = when
		}
	}
	now := int64(0)
	for range 20_000 {
		change()
		next, ok := w.next()
		if ok != (len(want) > 0) {
			t.Fatalf("next says %v with %d timers", ok, len(want))
		}
		switch step := r.IntN(10); {
		case step < 6: // sleep as a loop does
			if ok {
				now = max(now, next)
			}
		case step < 9:
			now += int64(r.IntN(20))
		default:
			now += int64(r.IntN(2 * wheelSlots))
		}
		for _, when := range want {
			if ok && when < next {
				t.Fatalf("next is %d, a timer is due at %d", next, when)
			}
		}
		w.advance(now)
		for x := w.due; x != nil; x = w.due {
			w.disarm(x)
			if want[x] > now || want[x] == 0 {
				t.Fatalf("fired at %d, due at %d", now, want[x])
			}
			delete(want, x)
			if r.IntN(3) == 0 {
				change()
			}
		}
		for _, when := range want {
			if when <= now {
				t.Fatalf("the timer of %d did not fire at %d", when, now)
			}
		}
	}
	if w.count != len(want) {
		t.Errorf("count is %d, want %d", w.count, len(want))
	}
}

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Timer{}); n > 40 {
		t.Errorf("a Timer has %d bytes, want 40 or less", n)
	}
	if n := unsafe.Sizeof(Conn{}); n > 100 {
		t.Errorf("a Conn has %d bytes, want 100 or less", n)
	}
	t.Logf("Conn %d, queue %d, Timer %d bytes", unsafe.Sizeof(Conn{}), unsafe.Sizeof(queue{}), unsafe.Sizeof(Timer{}))
}
