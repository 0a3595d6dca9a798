package sio

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The history checker: clients join, leave, talk and vanish at random; what
// each of them saw must fit what all of them did.

const (
	historyRooms = 3
	historySteps = 120
)

// stay is one time a client was in a room, in ticks of the common clock.
type stay struct{ room, acked, left int64 }

// said is one message with the ticks around its way through the server.
type said struct{ room, sent, acked int64 }

// actor is one client with its history.
type actor struct {
	t     *testing.T
	who   int
	c     *testClient
	clock *atomic.Int64
	rng   *rand.Rand

	ack    int
	acks   map[int]func() // what to do on the acknowledgement
	stays  []stay         // the last of a room may still be open (left 0)
	inside map[int64]bool // between the join being sent and the leave being acknowledged
	talk   []said         // by sequence number
	heard  map[[2]int]int // {sender, number} to how often
	last   map[int]int    // sender to the number heard last
	abrupt bool           // ended without leaving
	asked  bool           // a join or leave is on its way
}

func (a *actor) tick() int64 { return a.clock.Add(1) }

// request sends an event and has done called at its acknowledgement.
func (a *actor) request(done func(), event string, args ...any) {
	a.ack++
	list, _ := json.Marshal(append([]any{event}, args...))
	a.acks[a.ack] = done
	a.c.send(fmt.Sprintf("2%d%s", a.ack, list))
}

// handle takes in one message.
func (a *actor) handle(m string) {
	var who, room, n int
	if _, err := fmt.Sscanf(m, `2["heard",%d,%d,%d]`, &who, &room, &n); err == nil {
		if !a.inside[int64(room)] {
			a.t.Errorf("client %d is not in room %d and got %q", a.who, room, m)
		}
		if n <= a.last[who] {
			a.t.Errorf("client %d got %q after number %d", a.who, m, a.last[who])
		}
		a.last[who] = n
		a.heard[[2]int{who, n}]++
		return
	}
	var id int
	if _, err := fmt.Sscanf(m, "3%d[", &id); err != nil {
		a.t.Errorf("client %d got %q", a.who, m)
		return
	}
	done := a.acks[id]
	if done == nil {
		a.t.Errorf("client %d: acknowledgement %d, unknown or repeated", a.who, id)
		return
	}
	delete(a.acks, id)
	done()
}

// pump handles what has come; with wait, until no acknowledgement is owed.
func (a *actor) pump(wait bool) {
	deadline := time.After(patience)
	for {
		if wait && len(a.acks) > 0 {
			select {
			case m, ok := <-a.c.in:
				if !ok {
					a.t.Errorf("client %d was closed: %v", a.who, a.c.err)
					return
				}
				a.handle(m)
			case <-deadline:
				a.t.Errorf("client %d: %d acknowledgements are owed", a.who, len(a.acks))
				return
			}
			continue
		}
		select {
		case m, ok := <-a.c.in:
			if !ok {
				return
			}
			a.handle(m)
		default:
			return
		}
	}
}

func (a *actor) step() {
	room := int64(a.rng.IntN(historyRooms))
	switch k := a.rng.IntN(10); {
	case k < 2 && !a.asked && !a.inside[room]:
		a.inside[room], a.asked = true, true
		a.request(func() {
			a.asked = false
			a.stays = append(a.stays, stay{room: room, acked: a.tick()})
		}, "join", fmt.Sprint(room))
	case k < 3 && !a.asked && a.inside[room]:
		a.leave(room)
	case k < 9:
		n := len(a.talk)
		a.talk = append(a.talk, said{room: room, sent: a.tick()})
		a.request(func() { a.talk[n].acked = a.tick() }, "say", fmt.Sprint(room), a.who, room, n)
	default:
		a.pump(true)
	}
	a.pump(false)
}

func (a *actor) leave(room int64) {
	a.asked = true
	for i := range a.stays {
		if s := &a.stays[i]; s.room == room && s.left == 0 {
			s.left = a.tick()
		}
	}
	a.request(func() { a.asked, a.inside[room] = false, false }, "leave", fmt.Sprint(room))
}

func (a *actor) run() {
	for range historySteps {
		a.step()
	}
	if a.abrupt {
		_ = a.c.conn.Close()
		return
	}
	a.pump(true)
	for room := range int64(historyRooms) {
		if a.inside[room] {
			a.leave(room)
			a.pump(true)
		}
	}
	a.pump(true)
	a.c.send("1")
}

// check compares what a heard with what others said: complete, and nothing
// else. It returns how many messages a had to hear.
func (a *actor) check(all []*actor) (owed int) {
	for key, times := range a.heard {
		if times != 1 || key[1] >= len(all[key[0]].talk) {
			a.t.Errorf("client %d heard number %d of %d %d times", a.who, key[1], key[0], times)
		}
	}
	if a.abrupt {
		return 0
	}
	for _, o := range all {
		for n, m := range o.talk {
			for _, s := range a.stays {
				if m.room != s.room || m.acked == 0 || m.sent < s.acked || m.acked > s.left {
					continue
				}
				owed++
				if a.heard[[2]int{o.who, n}] == 0 {
					a.t.Errorf("client %d was in room %d and missed number %d of %d", a.who, s.room, n, o.who)
				}
			}
		}
	}
	return owed
}

func TestHistory(t *testing.T) {
	srv, addr := serve(t, Config{})
	var mu sync.Mutex
	lives := map[string]int{} // id to connections minus disconnects, plus 10 for each connection
	OnAck(srv, "join", func(s *Socket, room string) (bool, error) { return true, s.Join(room) })
	OnAck(srv, "leave", func(s *Socket, room string) (bool, error) { s.Leave(room); return true, nil })
	srv.OnRaw("say", func(e *RawEvent) {
		_, rest, _ := nextValue(e.Args())
		var room string
		if err := e.Decode(&room); err != nil {
			t.Error(err)
		}
		_ = srv.To(room).EmitRaw("heard", rest)
		_ = e.Ack(nil)
	})
	srv.OnConnection(func(s *Socket) {
		mu.Lock()
		lives[s.ID()] += 11
		mu.Unlock()
	})
	srv.OnDisconnecting(func(s *Socket, r Reason, _ error) {
		if rooms := s.Rooms(); len(rooms) == 0 || rooms[0] != s.ID() {
			t.Errorf("rooms while disconnecting: %v", rooms)
		}
	})
	srv.OnDisconnect(func(s *Socket, _ Reason, _ error) {
		if rooms := s.Rooms(); len(rooms) != 0 {
			t.Errorf("rooms after disconnect: %v", rooms)
		}
		mu.Lock()
		lives[s.ID()]--
		mu.Unlock()
	})
	const clients = 24
	var clock atomic.Int64
	var all []*actor
	var wg sync.WaitGroup
	for i := range clients {
		a := &actor{
			t: t, who: i, c: join(t, addr, "/"), clock: &clock, rng: rand.New(rand.NewPCG(uint64(i), 7)),
			acks: map[int]func(){}, inside: map[int64]bool{}, heard: map[[2]int]int{}, last: map[int]int{}, abrupt: i%6 == 5,
		}
		for who := range clients {
			a.last[who] = -1
		}
		all = append(all, a)
	}
	for _, a := range all {
		wg.Go(a.run)
	}
	wg.Wait()
	owed := 0
	for _, a := range all {
		owed += a.check(all)
	}
	if owed < clients*historySteps/2 {
		t.Errorf("only %d deliveries were certain: the test proves little", owed)
	}
	eventually(t, "everybody is gone", func() bool {
		st := srv.Stats()
		return st.Sockets == 0 && st.Rooms == 0 && st.Workers == 0
	})
	mu.Lock()
	defer mu.Unlock()
	if len(lives) != clients {
		t.Errorf("%d sockets were announced", len(lives))
	}
	for id, n := range lives {
		if n != 10 {
			t.Errorf("socket %s: connections and disconnects do not pair (%d)", id, n)
		}
	}
}
