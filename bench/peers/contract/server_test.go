package contract

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// plain is the fan-out of a library whose prepared message is the packet.
type plain struct{}

func (plain) Prepare(packet []byte) string { return string(packet) }
func (plain) Release(string)               {}

// recorder is a wire that keeps what it was given.
type recorder struct {
	mu     sync.Mutex
	got    []string
	closed chan struct{}
	once   sync.Once
}

func newRecorder() *recorder { return &recorder{closed: make(chan struct{})} }

func (r *recorder) Reply(packet []byte) { r.Deliver(string(packet)) }

func (r *recorder) Deliver(m string) {
	r.mu.Lock()
	r.got = append(r.got, m)
	r.mu.Unlock()
}

func (r *recorder) Close() { r.once.Do(func() { close(r.closed) }) }

// take returns what came since the last call.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	got := r.got
	r.got = nil
	return got
}

func testServer(t *testing.T) *Server[string] {
	t.Helper()
	o := Options{PingInterval: pingInterval, PingTimeout: pingTimeout}
	require.NoError(t, o.check())
	return newServer(o, plain{})
}

// joined returns a member in the namespace.
func joined(t *testing.T, s *Server[string]) (*Member[string], *recorder) {
	t.Helper()
	r := newRecorder()
	m := s.Open(r)
	require.NoError(t, m.Receive([]byte("40")))
	r.take()
	return m, r
}

func TestOpenGreetsAndConnects(t *testing.T) {
	r := newRecorder()
	m := testServer(t).Open(r)
	got := r.take()
	if len(got) != 1 || !strings.HasPrefix(got[0], `0{"sid":"`) ||
		!strings.HasSuffix(got[0], `","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}`) {
		t.Errorf("open = %q", got)
	}
	if err := m.Receive([]byte(`42["echo","x"]`)); err == nil {
		t.Error("an event before CONNECT is taken")
	}
	require.NoError(t, m.Receive([]byte("40")))
	if got = r.take(); len(got) != 1 || !strings.HasPrefix(got[0], `40{"sid":"`) {
		t.Errorf("connect = %q", got)
	}
	if err := m.Receive([]byte("40")); err == nil {
		t.Error("a second CONNECT is taken")
	}
}

func TestEventsGoWhereTheyShould(t *testing.T) {
	s := testServer(t)
	a, ra := joined(t, s)
	b, rb := joined(t, s)
	_, rc := joined(t, s)
	require.NoError(t, b.Receive([]byte(`42["join","r1"]`)))
	require.NoError(t, b.Receive([]byte(`42["join","r1"]`)))
	for _, c := range []struct {
		packet  string
		a, b, c []string
	}{
		{packet: `42["echo","x"]`, a: []string{`42["echo","x"]`}},
		{packet: `4217["ack","x",1]`, a: []string{`4317["x",1]`}},
		{packet: `42["bcast","x"]`, a: []string{`42["bcast","x"]`}, b: []string{`42["bcast","x"]`}, c: []string{`42["bcast","x"]`}},
		{packet: `42["room","r1","x"]`, b: []string{`42["room","x"]`}},
		{packet: `42["room","r1"]`, b: []string{`42["room"]`}},
		{packet: `42["room","nobody","x"]`},
		{packet: `421["join","r1"]`, a: []string{"431[]"}},
		{packet: `42["room","r1","y"]`, a: []string{`42["room","y"]`}, b: []string{`42["room","y"]`}},
		{packet: `422["leave","r1"]`, a: []string{"432[]"}},
		{packet: `42["leave","r1"]`},
		{packet: `42["room","r1","z"]`, b: []string{`42["room","z"]`}},
		{packet: "3"},
	} {
		if err := a.Receive([]byte(c.packet)); err != nil {
			t.Errorf("Receive(%s): %v", c.packet, err)
		}
		for _, r := range []struct {
			name string
			got  []string
			want []string
		}{{"a", ra.take(), c.a}, {"b", rb.take(), c.b}, {"c", rc.take(), c.c}} {
			if !slices.Equal(r.got, r.want) {
				t.Errorf("%s: %s has %q, want %q", c.packet, r.name, r.got, r.want)
			}
		}
	}
	for _, packet := range []string{"", "1", "2probe", "41", `42["unknown"]`, `42["ack","x"]`, `42["join",1]`, `42["room"]`, "x"} {
		if err := a.Receive([]byte(packet)); err == nil {
			t.Errorf("Receive(%q) = nil", packet)
		}
	}
}

// TestEndLeavesNothing: whoever is gone is in no room, no namespace, no slot.
func TestEndLeavesNothing(t *testing.T) {
	s := testServer(t)
	a, _ := joined(t, s)
	b, rb := joined(t, s)
	for _, room := range []string{"one", "two", "three"} {
		require.NoError(t, a.Receive([]byte(`42["join","`+room+`"]`)))
	}
	require.NoError(t, b.Receive([]byte(`42["join","two"]`)))
	a.End()
	if len(s.rooms) != 1 || len(s.rooms["two"].seats) != 1 || len(s.space.seats) != 1 {
		t.Errorf("%d rooms and %d in the namespace are left, want 1 and 1", len(s.rooms), len(s.space.seats))
	}
	require.NoError(t, b.Receive([]byte(`42["room","two","x"]`)))
	if got := rb.take(); !slices.Equal(got, []string{`42["room","x"]`}) {
		t.Errorf("who stayed has %q", got)
	}
	b.End()
	s.Open(newRecorder()).End()
	for i := range s.wheel.slots {
		if n := len(s.wheel.slots[i].seats); n != 0 {
			t.Errorf("%d members are left in slot %d", n, i)
		}
	}
}

// TestHeartbeat: each member is asked once a turn, and only who is silent for
// the time-out is closed, be it shorter or longer than a turn.
func TestHeartbeat(t *testing.T) {
	for _, timeout := range []time.Duration{pingTimeout, pingInterval, 2*pingInterval + pingTimeout} {
		t.Run(timeout.String(), func(t *testing.T) { heartbeat(t, timeout) })
	}
}

func heartbeat(t *testing.T, timeout time.Duration) {
	s := newServer(Options{PingInterval: pingInterval, PingTimeout: timeout}, plain{})
	silent, quiet := joined(t, s)
	lively, r := joined(t, s)
	for turn := int64(1); turn < slots+s.wheel.late; turn++ {
		s.wheel.turn()
		want := []string{"2"}
		if turn%slots != 0 {
			want = nil
		}
		if got := r.take(); !slices.Equal(got, want) {
			t.Fatalf("turn %d: who answers has %q, want %q", turn, got, want)
		}
		require.NoError(t, lively.Receive([]byte("3")))
		select {
		case <-quiet.closed:
			t.Fatalf("turn %d: closed before its time was over", turn)
		default:
		}
	}
	if got := quiet.take(); !slices.Equal(got, []string{"2"}) {
		t.Errorf("who is silent has %q, want one ping", got)
	}
	s.wheel.turn()
	<-quiet.closed
	silent.End()
	for range 2 * (slots + s.wheel.late) {
		s.wheel.turn()
		require.NoError(t, lively.Receive([]byte("3")))
	}
	select {
	case <-r.closed:
		t.Error("who answered was closed")
	default:
	}
}

func TestOptionsCheck(t *testing.T) {
	for _, c := range []struct {
		interval, timeout time.Duration
		ok                bool
	}{
		{pingInterval, pingTimeout, true},
		{50 * time.Millisecond, 50 * time.Millisecond, true},
		{49 * time.Millisecond, time.Millisecond, false},
		{time.Second, 0, false},
		{time.Second, 2 * time.Second, true},
	} {
		o := Options{PingInterval: c.interval, PingTimeout: c.timeout}
		if err := o.check(); (err == nil) != c.ok {
			t.Errorf("check of %v, %v: %v", c.interval, c.timeout, err)
		}
	}
}
