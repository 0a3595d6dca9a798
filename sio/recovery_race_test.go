package sio

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowStore is a store whose steps a test can hold.
type slowStore struct {
	Adapter
	*memoryStore
	hooks atomic.Pointer[storeHooks]
	takes atomic.Int32
}

// storeHooks are called in front of and behind what they are named for.
type storeHooks struct{ take, since, after func() }

func (h *storeHooks) run(pick func(*storeHooks) func()) {
	if h != nil && pick(h) != nil {
		pick(h)()
	}
}

func (s *slowStore) TakeSession(ctx context.Context, pid string) (Session, bool, error) {
	s.takes.Add(1)
	s.hooks.Load().run(func(h *storeHooks) func() { return h.take })
	return s.memoryStore.TakeSession(ctx, pid)
}

func (s *slowStore) EventsSince(ctx context.Context, offset string, yield func(Event) bool) error {
	h := s.hooks.Load()
	h.run(func(h *storeHooks) func() { return h.since })
	defer h.run(func(h *storeHooks) func() { return h.after })
	return s.memoryStore.EventsSince(ctx, offset, yield)
}

func (s *slowStore) Publish(Event) error { return nil }

func (s *slowStore) Close() error { s.close(); return nil }

// withStore serves with a store that an adapter keeps.
func withStore(t *testing.T, store *slowStore) (*Server, string) {
	return serve(t, Config{
		ConnectionStateRecovery: &Recovery{},
		Adapter: func(n *Node) Adapter {
			store.memoryStore = newMemoryStore(n, Recovery{}.withDefaults(), time.Minute)
			return store
		},
	})
}

func TestStoreOfTheAdapterIsUsed(t *testing.T) {
	store := new(slowStore)
	srv, addr := withStore(t, store)
	if srv.link.memory != nil || srv.link.store != SessionStore(store) {
		t.Fatal("the node keeps a store of its own")
	}
	r := visitor(t, addr)
	if store.takes.Load() != 0 {
		t.Error("the store was asked for a client that asked for nothing")
	}
	_ = srv.Local().Emit("local", 1) // not in the common log
	r.expect(`2["local",1]`)
	_ = srv.Socket(r.sid).Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	_ = srv.Local().Emit("local", 2)
	r.back(true)
	if store.takes.Load() != 1 {
		t.Errorf("the store was asked %d times", store.takes.Load())
	}
}

func TestStoreIsNotUsedUnlessAskedFor(t *testing.T) {
	store := &slowStore{memoryStore: newMemoryStore(nil, Recovery{}, 0)}
	_, addr := serve(t, Config{Adapter: func(*Node) Adapter { return store }})
	c := dial(t, addr)
	c.connect("/", `{"pid":"p","offset":"o"}`)
	c.send("1")
	if store.takes.Load() != 0 || len(store.sessions) != 0 {
		t.Error("the store of the adapter was used")
	}
}

// TestEventsWhileASessionIsOnItsWay: between the readings, and in front of
// the answer, nothing is lost and nothing comes twice.
func TestEventsWhileASessionIsOnItsWay(t *testing.T) {
	store := new(slowStore)
	srv, addr := withStore(t, store)
	r := visitor(t, addr)
	s := srv.Socket(r.sid)
	_ = s.Join("a")
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	var n atomic.Int32
	sid := r.sid
	emit := func() {
		k := n.Add(2) - 2
		_ = srv.Emit("n", k)
		_ = srv.To("a", sid).Emit("n", k+1)
		_ = srv.To("b").Emit("never")
		_ = srv.Volatile().Emit("never")
	}
	store.hooks.Store(&storeHooks{emit, emit, emit}) // there are two readings
	emit()
	r.testClient = dial(t, addr)
	r.send("0" + r.auth())
	r.answered()
	if !r.recovered || r.sid != sid {
		t.Fatal("not recovered")
	}
	var want []string
	for i := range n.Load() {
		want = append(want, fmt.Sprintf(`2["n",%d]`, i))
	}
	if fmt.Sprint(r.before) != fmt.Sprint(want) || len(want) != 12 {
		t.Errorf("missed %q, want %q", r.before, want)
	}
	_ = srv.Emit("live")
	r.events(`2["live"]`)
}

// TestConnectionLostWhileRecovering: the session is not spent.
func TestConnectionLostWhileRecovering(t *testing.T) {
	for _, step := range []string{"take", "first reading", "second reading"} {
		t.Run(step, func(t *testing.T) {
			store := new(slowStore)
			srv, addr := withStore(t, store)
			r := visitor(t, addr)
			_ = srv.Emit("x")
			r.events(`2["x"]`)
			r.lose(srv)
			_ = srv.Emit("missed")
			entered, release := make(chan struct{}), make(chan struct{})
			hold := func() { entered <- struct{}{}; <-release }
			reading := 0
			store.hooks.Store(map[string]*storeHooks{
				"take":          {take: hold},
				"first reading": {since: hold},
				"second reading": {since: func() {
					if reading++; reading == 2 {
						hold()
					}
				}},
			}[step])
			c := dial(t, addr)
			c.send("0" + r.auth())
			recv(t, entered)
			connections := srv.Stats().Connections
			_ = c.conn.Close()
			eventually(t, "the connection is gone", func() bool { return srv.Stats().Connections < connections })
			_ = srv.Emit("missed, too")
			close(release)
			eventually(t, "the session is kept again", func() bool { return srv.Stats().RecoverySessions == 1 })
			store.hooks.Store(nil)
			if st := srv.Stats(); st.Sockets != 0 || len(srv.Sockets()) != 0 {
				t.Errorf("left behind: %+v", st)
			}
			r.back(true, `2["missed"]`, `2["missed, too"]`)
		})
	}
}

// TestStoreThatFails: the client gets a new socket, or its connection is
// closed, so that it asks for one.
func TestStoreThatFails(t *testing.T) {
	store := new(slowStore)
	errs := make(chan error, 8)
	srv, addr := serve(t, Config{
		ConnectionStateRecovery: &Recovery{},
		OnError:                 func(err error) { errs <- err },
		Adapter: func(n *Node) Adapter {
			store.memoryStore = newMemoryStore(n, Recovery{MaxPackets: 4}.withDefaults(), time.Minute)
			return store
		},
	})
	overflow := func() {
		for range 8 {
			_ = srv.Emit("too many")
		}
	}
	r := visitor(t, addr)
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	store.hooks.Store(&storeHooks{since: overflow}) // in front of the first reading
	r.back(false)
	r.lose(srv)
	store.hooks.Store(nil)
	r.back(false) // it has seen no event
	_ = srv.Emit("y")
	r.events(`2["y"]`)
	r.lose(srv)
	reading := 0
	store.hooks.Store(&storeHooks{since: func() {
		if reading++; reading == 2 {
			overflow()
		}
	}})
	c := dial(t, addr)
	c.send("0" + r.auth())
	c.expectClosed()
	if err := recv(t, errs); !errors.Is(err, ErrUnknownOffset) {
		t.Errorf("got %v", err)
	}
	store.hooks.Store(nil)
	eventually(t, "the session is kept again", func() bool { return srv.Stats().RecoverySessions == 1 })
	r.back(false)
	store.hooks.Store(&storeHooks{take: func() { panic("a broken store") }})
	r.lose(srv)
	c = dial(t, addr)
	c.send("0" + r.auth())
	c.expectClosed()
	var pe *PanicError
	if err := recv(t, errs); !errors.As(err, &pe) {
		t.Errorf("got %v", err)
	}
}

// TestRecoveryLosesNothing: while everybody sends, clients lose their
// connections again and again. What a client has seen in the end is what was
// sent to it, once and in the order of each sender.
func TestRecoveryLosesNothing(t *testing.T) {
	const senders, clients, rounds = 3, 4, 400
	srv, addr := recovering(t, Recovery{MaxPackets: 1 << 20, MaxBytes: 1 << 30})
	var all []*returning
	var sids []string
	for i := range clients {
		r := visitor(t, addr)
		_ = srv.Socket(r.sid).Join(fmt.Sprint("room", i%2))
		_ = srv.Socket(r.sid).Emit("hello")
		r.events(`2["hello"]`)
		all, sids = append(all, r), append(sids, r.sid)
	}
	var losses atomic.Int64
	var everybody sync.WaitGroup
	for g := range senders {
		everybody.Go(func() { // ends after its rounds
			for k := range rounds {
				for losses.Load() < int64(k/10) && !t.Failed() {
					time.Sleep(time.Millisecond)
				}
				switch k % 4 {
				case 0:
					_ = srv.Emit("n", g, k)
				case 1:
					_ = srv.To("room0", "room1").Emit("n", g, k)
				case 2:
					for _, sid := range sids {
						_ = srv.To(sid).Emit("n", g, k)
					}
				case 3:
					_ = srv.To("room0").Emit("n", g, k)
					_ = srv.To("room1").Emit("n", g, k)
				}
			}
		})
	}
	for i, r := range all {
		everybody.Go(func() { // ends when everything has come
			w := watcher{t: t, who: i, next: make([]int, senders)}
			rng := rand.New(rand.NewPCG(uint64(i), 3))
			for w.seen < senders*rounds && !t.Failed() {
				w.readSome(r, 1+rng.IntN(60))
				_ = r.conn.Close()
				eventually(t, "the session is kept", func() bool { return srv.link.memory.has(r.pid) })
				if r.arrive(r.auth()); !r.recovered {
					t.Errorf("client %d was not recovered", i)
				}
				for _, m := range r.before {
					w.check(m)
				}
				losses.Add(1)
			}
		})
	}
	everybody.Wait()
}

// watcher checks what one client sees of numbered events.
type watcher struct {
	t    *testing.T
	who  int
	next []int // by sender
	seen int
}

func (w *watcher) check(m string) {
	var g, k int
	if _, err := fmt.Sscanf(m, `2["n",%d,%d]`, &g, &k); err != nil {
		w.t.Errorf("client %d got %q", w.who, m)
		return
	}
	if k != w.next[g] {
		w.t.Errorf("client %d got number %d of sender %d, want %d", w.who, k, g, w.next[g])
	}
	w.next[g] = k + 1
	w.seen++
}

// readSome reads up to n events, fewer when they stop to come.
func (w *watcher) readSome(r *returning, n int) {
	for range n {
		select {
		case m := <-r.in:
			w.check(r.strip(m))
		case <-time.After(5 * time.Millisecond):
			return
		}
	}
}
