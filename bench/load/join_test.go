package load

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
	"github.com/stretchr/testify/require"
)

// TestMain is a worker when a run of several processes starts this program.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		if err := Work(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// contract starts a server as siobench serve does. lose is the number of the
// broadcast that only half of the room receives; 0 for none.
func contract(t *testing.T, lose int) string {
	t.Helper()
	io, err := sio.NewServer(sio.Config{Poller: poller.Config{Loops: 1}, PingInterval: 300 * time.Millisecond, PingTimeout: time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { _ = io.Close() })
	cut := func(e *sio.RawEvent) (first string, rest []byte) {
		s, tail, _ := strings.Cut(strings.TrimPrefix(string(e.Args()), `"`), `"`)
		return s, []byte(strings.TrimPrefix(tail, ","))
	}
	rooms := 0
	io.OnRaw("echo", func(e *sio.RawEvent) { _ = e.Socket().EmitRaw("echo", e.Args()) }, sio.Inline)
	io.OnRaw("ack", func(e *sio.RawEvent) { _ = e.Ack(e.Args()) }, sio.Inline)
	io.OnRaw("bcast", func(e *sio.RawEvent) { _ = io.EmitRaw("bcast", e.Args()) }, sio.Inline)
	io.OnRaw("join", func(e *sio.RawEvent) {
		room, _ := cut(e)
		_ = e.Socket().Join(room)
		if rooms++; rooms%2 == 0 {
			_ = e.Socket().Join("half")
		}
	}, sio.Inline)
	sent := 0
	io.OnRaw("room", func(e *sio.RawEvent) {
		room, rest := cut(e)
		if sent++; sent == lose {
			room = "half"
		}
		_ = io.To(room).EmitRaw("room", rest)
	}, sio.Inline)
	at, err := io.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return "http://" + at.String()
}

// short is a run that a slow machine gets through.
func short(scenario, url string) Config {
	return Config{Scenario: scenario, URL: url, PID: os.Getpid(), Procs: 3, Clients: 64, Warmup: 50 * time.Millisecond,
		Duration: 150 * time.Millisecond, Settle: 10 * time.Millisecond, Rate: 100, Timeout: 2 * time.Minute}
}

func TestProcessesJoinIntoOneRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	url := contract(t, 0)
	for _, c := range []struct {
		scenario, event string
		procs, members  int
	}{
		{"echo", "echo", 3, 0}, {"ack", "ack", 2, 0}, {"broadcast", "room", 3, 64}, {"broadcast", "bcast", 2, 64},
		{"latency", "room", 3, 64}, {"latency", "echo", 3, 0}, {"mixed", "room", 3, 6}, {"rooms", "room", 3, 32}, {"rooms", "room", 1, 32}, {"broadcast", "room", 1, 64}, {"connect", "", 3, 0},
	} {
		cfg := short(c.scenario, url)
		if cfg.Procs = c.procs; c.event != "ack" {
			cfg.Event = c.event
		}
		r, err := Run(t.Context(), cfg)
		require.NoError(t, err, c.scenario)
		if r.Clients != 64 || r.Members != c.members || r.Ops == 0 || r.Void != "" || r.ServerCPU <= 0 {
			t.Errorf("%s: clients %d, members %d, ops %d, void %q, server CPU %v; want 64, %d, some, none, some",
				c.scenario, r.Clients, r.Members, r.Ops, r.Void, r.ServerCPU, c.members)
		}
		if c.members > 0 && r.Received != r.Sent*uint64(c.members) {
			t.Errorf("%s: %d sent to %d members, %d received", c.scenario, r.Sent, c.members, r.Received)
		}
		if c.event != "" && c.members == 0 && r.Received != r.Sent {
			t.Errorf("%s: %d sent, %d received", c.scenario, r.Sent, r.Received)
		}
		if c.scenario == "latency" && (r.Latency == nil || r.SendLag == nil) {
			t.Errorf("latency of %s: each %v, lag %v, want both", c.event, r.Latency, r.SendLag)
		}
	}
}

func TestLatencyOfAJoinedRunCountsEachMessageOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	cfg := short("latency", contract(t, 0))
	cfg.Event, cfg.Warmup = "room", time.Nanosecond
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.NotNil(t, r.Latency)
	sent := int64(r.Sent) - 1 // the first falls into the warm-up
	if r.Latency.Count != 64*sent || r.SendLag.Count != sent || r.Last.Count != sent {
		t.Errorf("each %d of %d, lag %d, last %d of %d", r.Latency.Count, r.Received, r.SendLag.Count, r.Last.Count, r.Sent)
	}
}

func TestIdleJoinsProcessesOverServers(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	cfg := short("idle", contract(t, 0)+","+contract(t, 0))
	cfg.PID, cfg.Sizes, cfg.Hold = 0, []int{20, 41}, 2*time.Second
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Len(t, r.Idle.Points, 4)
	if last := r.Idle.Points[3]; r.Clients != 41 || last.Sockets != 41 || last.Pss == 0 || r.Idle.HoldPings < 41 {
		t.Errorf("clients %d, last point %+v, heartbeats %d; want 41 of each, with memory", r.Clients, last, r.Idle.HoldPings)
	}
}

func TestAMessageLostInAnotherProcessVoidsTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	cfg := short("broadcast", contract(t, 3))
	cfg.Senders, cfg.InFlight = 1, 8
	r, err := Run(t.Context(), cfg)
	if err == nil || r == nil || !strings.Contains(r.Void, "want delivery") {
		t.Errorf("run = %+v, %v; want void for a delivery left out", r, err)
	}
}

// endless is a run of several processes that somebody has to end.
func endless(t *testing.T) *jointRun {
	t.Helper()
	cfg := short("broadcast", contract(t, 0))
	cfg.Duration = time.Hour
	require.NoError(t, cfg.check())
	return &jointRun{cfg: cfg, crew: NewCrew()}
}

func TestAProcessThatDiesVoidsTheRun(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	j := endless(t)
	defer j.crew.Close()
	require.NoError(t, j.start())
	require.NoError(t, j.crew.workers[1].cmd.Process.Kill())
	if err := j.run(t.Context()); err == nil || !strings.Contains(err.Error(), "process 2 of 3: "+errDied.Error()) {
		t.Errorf("run = %v, want that process 2 died", err)
	}
}

func TestARunThatIsCancelledLeavesNoProcess(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	j := endless(t)
	require.NoError(t, j.start())
	ctx, cancel := context.WithCancel(t.Context())
	_, err := j.gather(ctx)
	require.NoError(t, err)
	cancel()
	if err := j.run(ctx); err == nil {
		t.Error("a cancelled run has no error")
	}
	j.crew.Close()
	for _, w := range j.crew.workers {
		if w.cmd.ProcessState == nil {
			t.Errorf("process %d was not waited for", w.number)
		}
	}
}

func TestPartsOfARun(t *testing.T) {
	for _, procs := range []int{1, 2, 3, 53} {
		for _, n := range []int{0, 1, 2, 52, 53, 54, 1000} {
			seen := map[int]bool{}
			for part := range procs {
				c := Config{Procs: procs, Part: part}
				for local := range c.count(n) {
					g := c.whole(local)
					if g >= n || seen[g] {
						t.Errorf("%d clients in %d processes: %d is out of range or has two owners", n, procs, g)
					}
					seen[g] = true
				}
			}
			if len(seen) != n {
				t.Errorf("%d clients in %d processes: %d have an owner", n, procs, len(seen))
			}
		}
	}
}

func TestAddressesOfPartsNeverOverlap(t *testing.T) {
	for _, c := range []struct{ procs, addrs, first int }{{1, 8, 2}, {3, 8, 2}, {53, 8, 2}, {60, 40, 200}, {500, 300, 1}, {4, 3, maxAddr - 11}} {
		owner := map[netip.Addr]int{}
		for part := range c.procs {
			cfg := Config{Scenario: "echo", Procs: c.procs, Part: part, Addrs: c.addrs, FirstAddr: c.first}
			if c.procs > 1 {
				require.NoError(t, cfg.check())
			}
			for n := range 2 * c.addrs {
				a := cfg.local(n)
				if !a.IsLoopback() || a == netip.MustParseAddr("127.255.255.255") || a == netip.MustParseAddr("127.0.0.0") {
					t.Errorf("%+v: %v cannot be bound", c, a)
				}
				if other, ok := owner[a]; ok && other != part {
					t.Errorf("%+v: %v belongs to processes %d and %d", c, a, other, part)
				}
				owner[a] = part
			}
		}
		if len(owner) != c.procs*c.addrs {
			t.Errorf("%+v: %d addresses, want %d", c, len(owner), c.procs*c.addrs)
		}
	}
}

func TestWhatCannotJoinSaysWhy(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		want string
	}{
		{Config{Scenario: "churn", Procs: 2}, "runs in one process"},
		{Config{Scenario: "shootout", Procs: 2}, "runs in one process"},
		{Config{Scenario: "echo", Procs: 2, Sizes: []int{10}}, "idle only"},
		{Config{Scenario: "latency", Event: "room", Load: 0.5, Procs: 2}, "capacity"},
		{Config{Scenario: "echo", Clients: 2, Procs: 3}, "processes"},
		{Config{Scenario: "echo", Procs: -1}, "processes"},
		{Config{Scenario: "echo", URL: "http://127.0.0.1:1,http://127.0.0.1:2"}, "several servers"},
		{Config{Scenario: "broadcast", Procs: 2, URL: "http://127.0.0.1:1,http://127.0.0.1:2"}, "one server"},
		{Config{Scenario: "echo", Procs: 2, URL: "a,b,c"}, "as many processes"},
		{Config{Scenario: "echo", Procs: 2, PID: 1, URL: "a,b"}, "pid"},
		{Config{Scenario: "echo", Procs: 3, FirstAddr: maxAddr - 22}, "local addresses"},
		{Config{Scenario: "echo", Clients: portsPerAddr + 1, Addrs: 1}, "local ports"},
	} {
		if err := c.cfg.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("check(%+v) = %v, want %q in it", c.cfg, err, c.want)
		}
	}
	c := Config{Clients: 1 << 30, Procs: 2, Transport: WebSocket}
	if err := c.checkFiles(); err == nil {
		t.Error("half of 2^30 clients are within the limit of descriptors")
	}
}

func TestHistogramsOfPartsAreThoseOfTheWhole(t *testing.T) {
	whole, parts := newHistogram(), []*Result{{}, {}, {}}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 10000 {
		ns := int64(random.ExpFloat64() * 1e6)
		record(whole, ns)
		h := &parts[i%3].hist.each
		if *h == nil {
			*h = newHistogram()
		}
		record(*h, ns)
	}
	var r Result
	for _, p := range parts {
		var came histograms // as from the wire
		came.add(p.hist.export())
		r.hist.merge(&came)
	}
	r.summarize()
	if !r.hist.each.Equals(whole) || r.Last != nil {
		t.Errorf("merged %+v, want %+v, and no last", r.Latency, latencyOf(whole))
	}
	if got, want := fmt.Sprint(*r.Latency), fmt.Sprint(*latencyOf(whole)); got != want {
		t.Errorf("summary = %s, want %s", got, want)
	}
}

func TestOneBusyProcessBoundsTheRun(t *testing.T) {
	part := func(cpu float64) *Result { return &Result{Ops: 10, Seconds: 2, ClientCPU: cpu} }
	idle, busy := sample{}, sample{at: 2e9}
	busy.server.Total = 2 * time.Second
	for _, c := range []struct {
		name  string
		parts []*Result
		end   sample
		bound bool
	}{
		{"none", []*Result{part(0.1), part(0.2)}, sample{at: 2e9}, false},
		{"one", []*Result{part(0.1), part(0.99)}, sample{at: 2e9}, true},
		{"one, and the server", []*Result{part(0.1), part(0.99)}, busy, false},
	} {
		var r Result
		r.merge(c.parts)
		if r.serve(idle, c.end, 1); r.Bound != c.bound || r.Ops != 20 || r.OpsPerSec != 10 {
			t.Errorf("%s: bound %v, ops %d, %v/s; want %v, 20, 10", c.name, r.Bound, r.Ops, r.OpsPerSec, c.bound)
		}
	}
}

func TestCrowdRestsHearsAndLeaves(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for heartbeats")
	}
	cfg := short("crowd", contract(t, 0))
	cfg.Procs, cfg.Hold = 1, 2*time.Second
	r, err := Run(t.Context(), cfg)
	require.NoError(t, err)
	if c := r.Crowd; r.Received != 64 || c.Fewest < 1 || c.Pings < 64 || c.Told <= 0 {
		t.Errorf("received %d, crowd %+v; want one message and one heartbeat each at least", r.Received, c)
	}
}
