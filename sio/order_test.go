package sio

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestOrderOfOneSender: what one goroutine does takes effect in its order,
// while others do the same.
func TestOrderOfOneSender(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	const clients, senders, rounds = 4, 4, 150
	var cs []*testClient
	var ss []*Socket
	for range clients {
		cs = append(cs, join(t, addr, "/"))
		ss = append(ss, recv(t, sockets))
	}
	var wg sync.WaitGroup
	for g := range senders {
		room := fmt.Sprint("room", g)
		wg.Go(func() {
			for r := range rounds {
				// Each line names what must be seen next of this sender.
				_ = srv.To(room).Emit("never", g) // nobody is in it
				for _, s := range ss {
					_ = s.Emit("x", g, r, 0)
					_ = s.Join(room)
				}
				_ = srv.To(room).Emit("x", g, r, 1)
				_ = srv.To(room, room).Emit("x", g, r, 2)
				for _, s := range ss {
					s.Leave(room)
				}
				_ = srv.To(room).Emit("never", g)
				_ = srv.Emit("x", g, r, 3)
				for _, s := range ss {
					_ = srv.To(s.ID()).Emit("x", g, r, 4)
				}
			}
		})
	}
	wg.Wait()
	for i, c := range cs {
		next := make([]int, senders)
		for range senders * rounds * 5 {
			var g, r, k int
			m := c.next()
			if _, err := fmt.Sscanf(m, `2["x",%d,%d,%d]`, &g, &r, &k); err != nil {
				t.Fatalf("client %d got %q", i, m)
			}
			if got := r*5 + k; got != next[g] {
				t.Fatalf("client %d, sender %d: number %d, want %d", i, g, got, next[g])
			}
			next[g]++
		}
	}
}

// TestEventsOfASocketKeepOrder: connection, events and disconnect run one
// after the other.
func TestEventsOfASocketKeepOrder(t *testing.T) {
	srv, addr := serve(t, Config{})
	type state struct {
		next    int
		running atomic.Int32
	}
	ended := make(chan int, 16)
	enter := func(s *Socket) func() {
		st := s.Data().(*state)
		if st.running.Add(1) != 1 {
			t.Error("two handlers of one socket at once")
		}
		return func() { st.running.Add(-1) }
	}
	srv.OnConnection(func(s *Socket) {
		s.SetData(new(state))
		defer enter(s)()
		time.Sleep(time.Millisecond)
	})
	On(srv, "n", func(s *Socket, n int) error {
		defer enter(s)()
		st := s.Data().(*state)
		if n != st.next {
			t.Errorf("event %d, want %d", n, st.next)
		}
		st.next++
		if n%50 == 0 {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Microsecond)
		}
		return nil
	})
	srv.OnDisconnect(func(s *Socket, _ Reason, _ error) {
		defer enter(s)()
		ended <- s.Data().(*state).next
	})
	const clients, events = 8, 300
	for range clients {
		c := dial(t, addr)
		c.send("0")
		go func() { // ends when all is sent
			for n := range events {
				c.send(`2["n",` + strconv.Itoa(n) + `]`)
			}
			c.send("1")
		}()
	}
	for range clients {
		if n := recv(t, ended); n != events {
			t.Errorf("%d events handled, %d sent", n, events)
		}
	}
}

// TestBlockedHandlersStallNobody: while many handlers block, others run.
func TestBlockedHandlersStallNobody(t *testing.T) {
	checkGoroutines(t)
	srv, addr := serve(t, Config{})
	entered, release := make(chan struct{}, 64), make(chan struct{})
	srv.OnRaw("block", func(*RawEvent) { entered <- struct{}{}; <-release })
	srv.OnRaw("echo", func(e *RawEvent) { _ = e.Ack(e.Args()) })
	var blocked []*testClient
	for range 40 {
		c := join(t, addr, "/")
		c.send(`2["block"]`, `21["echo",1]`)
		blocked = append(blocked, c)
	}
	for range blocked {
		recv(t, entered)
	}
	free := join(t, addr, "/")
	free.send(`21["echo",2]`)
	free.expect("31[2]")
	if n := srv.Stats().Workers; n < len(blocked) {
		t.Errorf("%d workers for %d blocked handlers", n, len(blocked))
	}
	close(release)
	for _, c := range blocked {
		c.expect("31[1]")
	}
	eventually(t, "the workers end", func() bool { return srv.Stats().Workers == 0 })
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	free.expectClosed()
	for _, c := range blocked {
		c.expectClosed()
	}
}

// TestFloodIsHeld: events that nobody handles in time stay in the client's
// socket, not in our memory.
func TestFloodIsHeld(t *testing.T) {
	srv, addr := serve(t, Config{MaxPendingEvents: 100, MaxPendingBytes: 1 << 20})
	release := make(chan struct{})
	handled := make(chan int, 1)
	n := 0
	sockets := make(chan *Socket, 1)
	srv.OnRaw("x", func(e *RawEvent) {
		if n == 0 {
			sockets <- e.Socket()
			<-release
		}
		if n++; n%1000 == 0 {
			handled <- n
		}
	})
	c := join(t, addr, "/")
	const total = 20_000
	payload := `2["x","` + strings.Repeat("x", 1000) + `"]`
	sent := make(chan struct{})
	go func() { // ends when all is sent
		defer close(sent)
		for range total {
			c.send(payload)
		}
	}()
	s := recv(t, sockets)
	eventually(t, "the connection is paused", func() bool { return srv.Stats().Paused == 1 })
	time.Sleep(quiet)
	// One read of the loop may come on top of the limit.
	if held := s.queuedCount.Load(); held > 100+64<<10/1000+1 {
		t.Errorf("%d events held, the limit is 100", held)
	}
	select {
	case <-sent:
		t.Error("the client could send everything")
	default:
	}
	other := join(t, addr, "/")
	other.send(`20["none"]`)
	close(release)
	for n := 1000; n <= total; n += 1000 {
		if got := recv(t, handled); got != n {
			t.Fatalf("handled %d, want %d", got, n)
		}
	}
	eventually(t, "nothing is held any more", func() bool {
		st := srv.Stats()
		return st.Paused == 0 && st.EventsIn == total+1 && s.queuedBytes.Load() == 0 && s.queuedCount.Load() == 0
	})
}

// TestHandlerThatEndsItsGoroutine: runtime.Goexit, as t.FailNow calls it, does
// not take the socket's other events with it.
func TestHandlerThatEndsItsGoroutine(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OnRaw("exit", func(*RawEvent) { goexit() })
	srv.OnRaw("echo", func(e *RawEvent) { _ = e.Ack(nil) })
	c := join(t, addr, "/")
	for range 20 {
		c.send(`2["exit"]`, `2["exit"]`, `21["echo"]`)
		c.expect("31[]")
	}
	eventually(t, "the workers end", func() bool { return srv.Stats().Workers == 0 })
}

func TestWatchdog(t *testing.T) {
	errs := make(chan error, 1)
	srv, addr := serve(t, Config{HandlerWatchdog: 20 * time.Millisecond, OnError: func(err error) {
		select {
		case errs <- err:
		default:
		}
	}})
	srv.OnRaw("slow", func(*RawEvent) { time.Sleep(300 * time.Millisecond) }, Inline)
	c := join(t, addr, "/")
	c.send(`2["slow"]`)
	se, ok := recv(t, errs).(*StallError)
	if !ok || se.Held < 20*time.Millisecond || !strings.Contains(string(se.Stack), "TestWatchdog") {
		t.Errorf("got %v", se)
	}
}
