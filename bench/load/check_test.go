package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// silent returns a fleet of n clients that have no connection: what they say
// goes nowhere, what they hear is checked.
func silent(t *testing.T, cfg Config, n int) *fleet {
	t.Helper()
	cfg.Clients = n
	require.NoError(t, cfg.check())
	f := &fleet{cfg: cfg, dialect: dialects[cfg.Dialect], epoch: time.Now()}
	for i := range n {
		f.clients = append(f.clients, &client{f: f, index: uint32(i), state: opening})
	}
	return f
}

func answer(m *message, stream, number uint32) []byte {
	b := append(append([]byte{}, m.head...), "00000.00000000."...)
	b = append(b, m.tail...)
	at := &message{stamp: len(m.head)}
	at.stampPlain(b, stream, number, number)
	return b
}

func TestEchoLoadSeesLossDoublesAndStrangers(t *testing.T) {
	for _, c := range []struct {
		name    string
		numbers []uint32
		stream  uint32
		ok      bool
	}{
		{"in order", []uint32{1, 2, 3}, 0, true},
		{"lost", []uint32{1, 3}, 0, false},
		{"double", []uint32{1, 1}, 0, false},
		{"never sent", []uint32{1, 2, 3, 4, 5, 6, 7, 8}, 0, false},
		{"of another client", []uint32{1}, 1, false},
	} {
		f := silent(t, Config{Scenario: "echo", Pipeline: 3}, 2)
		e := newEchoLoad(f)
		e.start(0)
		e.stop()
		var err error
		for _, n := range c.numbers {
			if err == nil {
				err = e.message(f.clients[0], answer(e.msg, c.stream, n))
			}
		}
		if (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

// casting returns a load of two streams to three members.
func casting(t *testing.T) (*fleet, *castLoad) {
	f := silent(t, Config{Scenario: "broadcast", InFlight: 2, Senders: 2, Event: "bcast"}, 3)
	l := newCastLoad(f)
	l.msg = newMessage(f.dialect.words("bcast", ""), f.cfg.Payload)
	l.members = f.clients
	l.streams = make([]stream, 2)
	for i := range l.streams {
		l.streams[i].from, l.streams[i].msg = f.clients[i], l.msg
	}
	l.mine = []int{0, 1}
	l.audience = func(int) int { return 3 }
	l.parts = func(int) int { return 1 }
	for _, c := range f.clients {
		c.last = make([]uint32, 2)
	}
	l.start(0)
	return f, l
}

func TestCastLoadGoesOnWhenAllHaveIt(t *testing.T) {
	f, l := casting(t)
	for i, c := range f.clients {
		if sent := l.streams[0].sent; sent != 1 {
			t.Fatalf("before delivery %d: %d messages of stream 0 were sent, want 1", i, sent)
		}
		require.NoError(t, l.message(c, answer(l.msg, 0, 1)))
	}
	if l.streams[0].sent != 2 || l.streams[0].done != 1 || l.streams[1].sent != 1 || f.count.ops != 3 {
		t.Errorf("after all: sent %d, done %d, other stream %d, deliveries %d; want 2, 1, 1, 3",
			l.streams[0].sent, l.streams[0].done, l.streams[1].sent, f.count.ops)
	}
	l.stop()
	if l.drained() {
		t.Error("drained with two messages in flight")
	}
	for _, c := range f.clients {
		require.NoError(t, l.message(c, answer(l.msg, 0, 2)))
		require.NoError(t, l.message(c, answer(l.msg, 1, 1)))
	}
	if !l.drained() {
		t.Error("not drained when all was delivered")
	}
}

func TestCastLoadSeesLossDoublesAndStrangers(t *testing.T) {
	for _, c := range []struct {
		name           string
		stream, number uint32
	}{
		{"lost", 0, 2}, {"number 0", 0, 0}, {"no such stream", 2, 1},
	} {
		f, l := casting(t)
		if err := l.message(f.clients[0], answer(l.msg, c.stream, c.number)); err == nil {
			t.Errorf("%s: no error", c.name)
		}
	}
	f, l := casting(t)
	require.NoError(t, l.message(f.clients[0], answer(l.msg, 0, 1)))
	if err := l.message(f.clients[0], answer(l.msg, 0, 1)); err == nil {
		t.Error("double: no error")
	}
}

func TestConfigCheck(t *testing.T) {
	for _, c := range []Config{
		{Scenario: "nothing"},
		{Scenario: "echo", Payload: MinPayload - 1},
		{Scenario: "echo", Clients: -1},
		{Scenario: "echo", Transport: "carrier pigeon"},
		{Scenario: "broadcast", Event: "shout"},
		{Scenario: "echo", Pipeline: ring},
		{Scenario: "latency", Rate: -1},
		{Scenario: "latency", Load: 2},
		{Scenario: "echo", FirstAddr: 1 << 24},
		{Scenario: "echo", Dialect: "esperanto"},
		{Scenario: "echo", Dialect: Centrifuge, Transport: Polling},
		{Scenario: "polling", Dialect: SocketIO2},
		{Scenario: "rooms", Dialect: Centrifuge},
	} {
		if err := c.check(); err == nil {
			t.Errorf("check(%+v) = nil", c)
		}
	}
	for _, s := range Scenarios {
		c := Config{Scenario: s}
		if err := c.check(); err != nil {
			t.Errorf("check of %s with defaults: %v", s, err)
		}
	}
}
