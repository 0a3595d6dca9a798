package compare

// Case is one scenario as it is run against each of its servers.
type Case struct {
	Name    string   // unique within a suite
	Title   string   // the table's heading
	Args    []string // of siobench run: the scenario first
	Servers []string // names for [Tools.Server]
	Metrics []Metric // columns of its table
	Plot    string   // memory, percentiles or size: what its plot shows; empty: no plot
	Note    string   // a sentence below the table; may be empty
}

// The servers that a comparison usually has.
var (
	ours       = []string{"sirocco", "sirocco:inline"}
	walls      = []string{"wall-go", "wall-c"}
	reference  = []string{"node"}
	everything = join(ours, reference, walls)
)

// Names the tables compare with.
const (
	Reference = "node"
	Wall      = "wall-c"
)

func join(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Full is the suite of BENCHMARKS.md.
func Full() []Case {
	return []Case{
		{Name: "idle", Title: "Memory of idle sockets, WebSocket, each in the namespace", Plot: "memory",
			Args:    []string{"idle", "-n", "15000", "-settle", "2s", "-hold", "2s", "-window", "100"},
			Servers: join([]string{"sirocco:epoll", "sirocco:netpoll"}, reference, walls), Metrics: idleMetrics,
			Note: "Pss of the whole process, GOGC and heap flags at their defaults, no forced collection but in the last column. The wall sends no heartbeats."},
		{Name: "echo", Title: "Echo, 64 B, 500 sockets, one message in flight each",
			Args: []string{"echo", "-n", "500"}, Servers: everything, Metrics: rateMetrics},
		{Name: "ack", Title: "Acknowledgement, 64 B, 500 sockets",
			Args: []string{"ack", "-n", "500"}, Servers: everything, Metrics: rateMetrics},
		{Name: "echo-pipelined", Title: "Echo, 64 B, 500 sockets, eight messages in flight each",
			Args: []string{"echo", "-n", "500", "-pipeline", "8"}, Servers: everything, Metrics: rateMetrics},
		{Name: "broadcast-1", Title: "Broadcast, 100 B, room of 2,000, one message in flight",
			Args: []string{"broadcast", "-n", "2000", "-in-flight", "1"}, Servers: everything, Metrics: castMetrics},
		{Name: "broadcast-2", Title: "Broadcast, 100 B, room of 2,000, two messages in flight",
			Args: []string{"broadcast", "-n", "2000", "-in-flight", "2"}, Servers: everything, Metrics: castMetrics},
		{Name: "broadcast-20", Title: "Broadcast, 100 B, room of 2,000, twenty messages in flight",
			Args: []string{"broadcast", "-n", "2000", "-in-flight", "20"}, Servers: everything, Metrics: castMetrics},
		{Name: "room-sizes", Title: "CPU of a broadcast delivery over the size of the room, 100 B, two messages in flight", Plot: "size",
			Args:    []string{"shootout", "-event", "room", "-payload", "100", "-in-flight", "2", "-sizes", "10,30,100,300,1000,3000,10000", "-duration", "2s", "-warmup", "1s", "-limit", "1m"},
			Servers: everything, Metrics: sizeMetrics},
		{Name: "latency-room", Plot: "percentiles", Title: "Latency of a broadcast, room of 1,000, open loop at 40 messages/s",
			Args: []string{"latency", "-event", "room", "-n", "1000", "-rate", "40", "-payload", "100"}, Servers: everything, Metrics: latencyMetrics},
		{Name: "latency-half", Title: "Latency of a broadcast, room of 1,000, open loop at half of each server's own capacity",
			Args: []string{"latency", "-event", "room", "-n", "1000", "-load", "0.5", "-payload", "100"}, Servers: everything, Metrics: latencyMetrics},
		{Name: "latency-echo", Title: "Latency of an echo, 500 sockets, open loop at 10,000 messages/s",
			Args: []string{"latency", "-n", "500", "-rate", "10000"}, Servers: everything, Metrics: latencyMetrics},
		{Name: "connect", Title: "Connection storm: 5,000 WebSocket clients into the namespace",
			Args: []string{"connect", "-n", "5000"}, Servers: everything, Metrics: rateMetrics},
		{Name: "churn", Title: "Churn: 200 clients connect, join, leave, again",
			Args: []string{"churn", "-n", "200", "-addrs", "40"}, Servers: everything, Metrics: rateMetrics},
		{Name: "polling", Title: "Echo by HTTP long-polling, 64 B, 200 clients",
			Args: []string{"polling", "-n", "200"}, Servers: join(ours, reference), Metrics: rateMetrics},
		{Name: "upgrade", Title: "Connection storm: 1,000 clients by polling, then the upgrade",
			Args: []string{"connect", "-n", "1000", "-transport", "upgrade"}, Servers: join(ours, reference), Metrics: rateMetrics},
		{Name: "mixed", Title: "Mixed: 5,000 sockets, 90 % idle, 9 % readers, 1 % talkers, 100 messages/s",
			Args: []string{"mixed", "-n", "5000", "-rate", "100"}, Servers: join(ours, reference), Metrics: latencyMetrics},
		{Name: "rooms", Title: "Rooms: 2,000 sockets in 8 of 500 rooms each, twenty messages in flight",
			Args: []string{"rooms", "-n", "2000", "-rooms", "500", "-rooms-each", "8"}, Servers: join(ours, reference), Metrics: castMetrics},
		{Name: "shootout", Title: "Shootout: most clients with p95 of a broadcast within 500 ms, four in flight",
			Args:    []string{"shootout", "-n", "19000", "-sizes", "1000,2000,4000,8000,12000,16000,19000", "-duration", "4s"},
			Servers: join(ours[:1], reference, walls[1:]), Metrics: shootMetrics,
			Note: "19,000 is what the descriptor limit allows here, not what the server can do."},
		{Name: "backends", Title: "Both backends of the reactor: echo",
			Args: []string{"echo", "-n", "500"}, Servers: []string{"sirocco:epoll+inline", "sirocco:netpoll+inline", "wall-go"}, Metrics: rateMetrics},
		{Name: "backends-broadcast", Title: "Both backends of the reactor: broadcast, room of 2,000, two in flight",
			Args: []string{"broadcast", "-n", "2000"}, Servers: []string{"sirocco:epoll+inline", "sirocco:netpoll+inline", "wall-go"}, Metrics: castMetrics},
		{Name: "doors", Title: "Memory of idle sockets by the way they came in: our own listener, net/http, TLS",
			Args:    []string{"idle", "-n", "5000", "-settle", "1s", "-hold", "2s", "-window", "100"},
			Servers: []string{"sirocco", "sirocco:nethttp", "sirocco:tls"}, Metrics: idleMetrics,
			Note: "A TLS socket's memory is crypto/tls's, nearly all of it."},
		{Name: "choices", Title: "Options: echo",
			Args: []string{"echo", "-n", "500"}, Metrics: rateMetrics,
			Servers: []string{"sirocco:inline", "sirocco:inline+nethttp", "sirocco:inline+tls", "sirocco:inline+loops=1", "sirocco:inline+gogc=400"}},
		{Name: "handlers", Title: "Forms of handlers: echo",
			Args: []string{"echo", "-n", "500"}, Metrics: rateMetrics,
			Servers: []string{"sirocco:raw+inline", "sirocco:typed+inline", "sirocco:dynamic+inline", "sirocco:raw", "sirocco:typed", "sirocco:dynamic"}},
	}
}

// Smoke is a short suite that asserts correctness of deliveries, never speed:
// any lost, doubled or altered message fails it.
func Smoke() []Case {
	short := []string{"-warmup", "100ms", "-duration", "500ms", "-timeout", "30s"}
	with := func(args ...string) []string { return append(args, short...) }
	each := []string{"sirocco:raw+inline", "sirocco:typed", "sirocco:dynamic", "sirocco:netpoll"}
	two := []string{"sirocco", "sirocco:inline+loops=2"}
	return []Case{
		{Name: "echo", Args: with("echo", "-n", "200", "-pipeline", "4"), Servers: each, Metrics: rateMetrics},
		{Name: "ack", Args: with("ack", "-n", "200"), Servers: each, Metrics: rateMetrics},
		{Name: "broadcast", Args: with("broadcast", "-n", "500", "-in-flight", "20"), Servers: each, Metrics: castMetrics},
		{Name: "rooms", Args: with("rooms", "-n", "300", "-rooms", "50", "-rooms-each", "6"), Servers: two, Metrics: castMetrics},
		{Name: "polling", Args: with("polling", "-n", "100", "-pipeline", "4"), Servers: two, Metrics: rateMetrics},
		{Name: "upgrade", Args: with("broadcast", "-n", "100", "-transport", "upgrade"), Servers: two, Metrics: castMetrics},
		{Name: "mixed", Args: with("mixed", "-n", "500", "-rate", "50"), Servers: two, Metrics: latencyMetrics},
		{Name: "churn", Args: with("churn", "-n", "50", "-addrs", "40"), Servers: two, Metrics: rateMetrics},
		{Name: "idle", Args: with("idle", "-n", "500", "-settle", "200ms"), Servers: two, Metrics: idleMetrics},
		{Name: "shootout", Args: with("shootout", "-sizes", "200,400"), Servers: two[:1], Metrics: shootMetrics},
	}
}

// Single returns the case of one scenario, for quick experiments.
func Single(args, servers []string) Case {
	c := Case{Name: args[0], Title: args[0], Args: args, Servers: servers, Metrics: rateMetrics}
	switch args[0] {
	case "idle":
		c.Metrics = idleMetrics
	case "latency", "mixed":
		c.Metrics = latencyMetrics
	case "broadcast", "rooms":
		c.Metrics = castMetrics
	case "shootout":
		c.Metrics = shootMetrics
	}
	return c
}
