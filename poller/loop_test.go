package poller

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/stretchr/testify/require"
)

func TestEchoFaults(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for name, f := range faultfd.Profiles() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := newPoller(t, Config{Backend: b, MaxQueueBytes: -1, IO: faultfd.New(3, f)})
				a := listen(t, p, acceptEcho)
				for range 3 {
					checkEcho(t, dial(t, a), 5_000)
				}
			})
		}
	})
}

// TestPostedIsCalled closes a poller while many post: each post that was
// accepted is called.
func TestPostedIsCalled(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		var posted, called atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Add(1)
			go func() { // ends when the loop is closed
				defer wg.Done()
				for p.Loops()[i%2].Post(func(a, _ any) { a.(*atomic.Int64).Add(1) }, &called, nil) {
					posted.Add(1)
				}
			}()
		}
		time.Sleep(20 * time.Millisecond)
		require.NoError(t, p.Close())
		wg.Wait()
		if posted.Load() != called.Load() || posted.Load() == 0 {
			t.Errorf("%d posted, %d called", posted.Load(), called.Load())
		}
	})
}

// TestPostOrder has several posters; each one's calls keep their order.
func TestPostOrder(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		const posters, each = 4, 5000
		p := newPoller(t, Config{Backend: b, Loops: 1})
		type mark struct{ poster, n int }
		var last [posters]int
		done := make(chan struct{})
		total := 0
		for i := range posters {
			go func() { // ends after its posts
				for n := 1; n <= each; n++ {
					p.Loops()[0].Post(func(a, _ any) {
						m := a.(*mark)
						if last[m.poster]++; last[m.poster] != m.n {
							t.Errorf("poster %d: call %d came as number %d", m.poster, m.n, last[m.poster])
						}
						if total++; total == posters*each {
							close(done)
						}
					}, &mark{i, n}, nil)
				}
			}()
		}
		within(t, done, "all calls")
	})
}

func TestTimers(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, Loops: 1})
		l := p.Loops()[0]
		type fired struct {
			want, got time.Duration
		}
		all := make(chan fired, 10)
		start := time.Now()
		delays := []time.Duration{0, time.Millisecond, 15 * time.Millisecond, 60 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}
		on(t, l, func() {
			for _, d := range delays {
				at := l.Now()
				l.Arm(new(Timer), timerFunc(func() { all <- fired{d, time.Duration(l.Now() - at)} }), d)
			}
			never := new(Timer)
			l.Arm(never, timerFunc(func() { t.Error("a disarmed timer fired") }), 20*time.Millisecond)
			l.Arm(never, timerFunc(func() { t.Error("a disarmed timer fired") }), 30*time.Millisecond)
			l.Disarm(never)
			l.Disarm(never)
		})
		for _, d := range delays {
			f := within(t, all, "timer")
			if f.want != d || f.got < f.want {
				t.Errorf("timer of %v fired as the one of %v after %v", f.want, d, f.got)
			}
		}
		if d := time.Since(start); d > soon {
			t.Errorf("took %v", d)
		}
	})
}

// TestIdleSleeps counts the turns of a poller with an armed timer far away.
func TestIdleSleeps(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, Loops: 1})
		l := p.Loops()[0]
		on(t, l, func() { l.Arm(new(Timer), timerFunc(func() {}), time.Hour) })
		eventually(t, "no turn for 50 ms", func() bool { // a busy machine may be late with the last one
			began := l.stats.lagMean.Load()
			time.Sleep(50 * time.Millisecond)
			return l.stats.lagMean.Load() == began
		})
	})
}

func TestStall(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		type stall struct {
			loop  int
			held  time.Duration
			stack string
		}
		stalls, noticed := make(chan stall, 10), make(chan struct{})
		p := newPoller(t, Config{
			Backend: b, StallAfter: 20 * time.Millisecond,
			OnStall: func(loop int, held time.Duration, stack []byte) {
				stalls <- stall{loop, held, string(stack)}
				close(noticed) // a second report for the same turn would panic
			},
		})
		p.Loops()[1].Post(func(_, _ any) { holdTheLoop(noticed) }, nil, nil)
		s := within(t, stalls, "OnStall")
		if s.loop != 1 || s.held < 20*time.Millisecond || !strings.Contains(s.stack, "holdTheLoop") {
			t.Errorf("OnStall(%d, %v, %s)", s.loop, s.held, s.stack)
		}
		eventually(t, "the lag shows it", func() bool { return p.Stats().LoopLagMax >= 20*time.Millisecond })
	})
}

// holdTheLoop blocks until the stall was noticed.
func holdTheLoop(noticed <-chan struct{}) {
	select {
	case <-noticed:
	case <-time.After(soon):
	}
}

func TestConfigErrors(t *testing.T) {
	for _, cfg := range []Config{
		{Loops: -1}, {Backend: "select"}, {ReadBufferBytes: -1}, {MaxEvents: -1}, {Overflow: 9},
	} {
		if p, err := New(cfg); err == nil {
			_ = p.Close()
			t.Errorf("New(%+v) succeeded", cfg)
		} else if !strings.Contains(err.Error(), "Config.") {
			t.Errorf("New: %v names no field", err)
		}
	}
}
