package eio

import (
	"testing"
	"unsafe"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// sink is a WebSocket that swallows what is sent.
type sink struct{ simSocket }

func (w *sink) send(f *frame.Frame, _ bool) poller.Outcome {
	f.Release()
	return poller.Queued
}

// TestMessagesAndHeartbeatsAllocateNothing: in, out, ping and pong.
func TestMessagesAndHeartbeatsAllocateNothing(t *testing.T) {
	h := newEcho()
	srv, err := NewServer(Config{}, h)
	if err != nil {
		t.Fatal(err)
	}
	loop := &simLoop{timers: map[*poller.Timer]simTimer{}}
	s := &Session{shard: newShard(srv, loop, nil), dialect: revision4, tr: gone{}}
	if !srv.register(s, nil) {
		t.Fatal("not registered")
	}
	s.open(&sink{}, nil)
	packets := map[string][]byte{"echo": []byte("4hello"), "pong": []byte("3")}
	for name, p := range packets {
		if n := testing.AllocsPerRun(100, func() { s.receive(p, false) }); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.receive([]byte{1, 2}[:2:2], true) }); n > 1 { // the literal
		t.Errorf("a binary echo allocates %v times", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		s.timing = nextPing
		s.heartbeatDue()
		s.gotPong()
	}); n != 0 {
		t.Errorf("a heartbeat allocates %v times", n)
	}
}

// TestIdleSessionIsSmall watches over the size class that every client costs.
func TestIdleSessionIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Session{}); unsafe.Sizeof(uintptr(0)) == 8 && size > 192 {
		t.Errorf("a Session has %d bytes, at most 192", size)
	}
}

// TestPollingAllocations bounds what a round trip by polling costs beyond the bytes of its answer.
func TestPollingAllocations(t *testing.T) {
	m := newSim(t, Config{})
	m.srv.handler = newEcho()
	m.startPolling()
	m.read()
	x := &simRequest{}
	body := []byte("4hello")
	if n := testing.AllocsPerRun(100, func() {
		*x = simRequest{}
		m.poll.begin(x, false)
		m.poll.payload(nil, body)
		*x = simRequest{}
		m.poll.poll(x, nil, 0)
		m.loop.posts = m.loop.posts[:0]
	}); n > 4 { // two strings of the simulation, the queue's array, and a post of the simulation
		t.Errorf("a round trip allocates %v times", n)
	}
	if m.s.State() != Open {
		t.Errorf("session %v", m.s.State())
	}
}
