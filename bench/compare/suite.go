package compare

import (
	"slices"
	"strings"
)

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
	oursRing   = join(ours, []string{"sirocco:uring"})
	reference  = []string{"node"}
	walls      = []string{"wall-go", "wall-c"}
	everything = join(oursRing, reference, walls)
	everybody  = join(oursRing, reference, Peers, walls)
)

// Names the tables compare with.
const (
	Reference = "node"
	Wall      = "wall-c"
)

// kind is a server's name without its options.
func kind(server string) string {
	k, _, _ := strings.Cut(server, ":")
	return k
}

// mustHold reports whether a void run of the server voids the comparison.
func mustHold(server string) bool {
	return slices.Contains([]string{ours[0], Reference}, kind(server)) || isWall(server)
}

// isWall reports whether server is a bare loop, with which nobody could work.
func isWall(server string) bool { return strings.HasPrefix(server, "wall-") }

func join(lists ...[]string) (all []string) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

// Full is the suite of BENCHMARKS.md. Its windows are short and its rounds
// many: what a long window would average away shows as the spread between
// rounds, and all of it ends within 40 minutes.
func Full() []Case {
	return slices.Concat(memory(), echoes(), casts(), latencies(), connections(), choices())
}

// within adds the suite's windows to a scenario and its flags.
func within(args ...string) []string {
	return append(args, "-warmup", "300ms", "-duration", "1s")
}

// byTheClock adds longer windows: the 99th percentile of few messages is the
// slowest of them.
func byTheClock(args ...string) []string {
	return append(args, "-warmup", "300ms", "-duration", "3s")
}

// memory is sockets that say nothing.
func memory() []Case {
	return []Case{
		{Name: "idle", Title: "Memory of idle sockets, WebSocket, each in the namespace", Plot: "memory",
			Args:    []string{"idle", "-n", "19000", "-settle", "500ms"},
			Servers: join(ours[:1], reference, Peers[:1], walls[1:]), Metrics: idleMetrics,
			Note: "Pss of the whole process, GOGC and heap flags at their defaults, no forced collection but in the last column. The wall sends no heartbeats."},
		{Name: "idle-peers", Title: "Memory of idle sockets, up to 5,000: our backends and all peers", Plot: "memory",
			Args:    []string{"idle", "-n", "5000", "-settle", "300ms"},
			Servers: join([]string{"sirocco:epoll", "sirocco:netpoll", "sirocco:uring"}, Peers), Metrics: idleMetrics},
		{Name: "heartbeats", Title: "CPU of 5,000 sockets at rest, a heartbeat every two seconds",
			Args:    []string{"idle", "-sizes", "5000", "-settle", "300ms", "-hold", "4s"},
			Servers: []string{"sirocco:ping=2s", "sirocco:uring+ping=2s", "node:ping=2s", "gws:ping=2s"}, Metrics: restMetrics,
			Note: "The default interval is 25 s; it is shortened here so that a short window sees enough of them."},
		{Name: "doors", Title: "Memory of idle sockets by the way they came in: our own listener, net/http, TLS",
			Args:    []string{"idle", "-n", "5000", "-settle", "300ms", "-window", "100"},
			Servers: []string{"sirocco", "sirocco:nethttp", "sirocco:tls"}, Metrics: idleMetrics,
			Note: "A TLS socket's memory is crypto/tls's, nearly all of it."},
	}
}

// echoes is one client, one conversation.
func echoes() []Case {
	return []Case{
		{Name: "echo", Title: "Echo, 64 B, 500 sockets, one message in flight each",
			Args: within("echo", "-n", "500"), Servers: everybody, Metrics: rateMetrics},
		{Name: "echo-open", Title: "Echo, 64 B, with ever more sockets open, all of them talking",
			Args:    within("echo", "-sizes", "100,19000"),
			Servers: join(ours[:1], reference, walls[1:]), Metrics: openMetrics},
		{Name: "ack", Title: "Acknowledgement, 64 B, 500 sockets",
			Args: within("ack", "-n", "500"), Servers: join(ours, reference, walls[1:]), Metrics: rateMetrics},
		{Name: "echo-pipelined", Title: "Echo, 64 B, 500 sockets, eight messages in flight each",
			Args: within("echo", "-n", "500", "-pipeline", "8"), Servers: join(ours, reference, walls[1:]), Metrics: rateMetrics},
		{Name: "polling", Title: "Echo by HTTP long-polling, 64 B, 200 clients",
			Args: within("polling", "-n", "200"), Servers: join(ours, reference), Metrics: rateMetrics},
	}
}

// casts is one sender and many receivers.
func casts() []Case {
	return []Case{
		{Name: "broadcast-1", Title: "Broadcast, 100 B, room of 2,000, one message in flight",
			Args: within("broadcast", "-n", "2000", "-in-flight", "1"), Servers: everything, Metrics: castMetrics},
		{Name: "broadcast-2", Title: "Broadcast, 100 B, room of 2,000, two messages in flight",
			Args: within("broadcast", "-n", "2000", "-in-flight", "2"), Servers: everybody, Metrics: castMetrics},
		{Name: "broadcast-20", Title: "Broadcast, 100 B, room of 2,000, twenty messages in flight",
			Args: within("broadcast", "-n", "2000", "-in-flight", "20"), Servers: everything, Metrics: castMetrics},
		{Name: "room-sizes", Title: "CPU of a broadcast delivery over the size of the room, 100 B, two messages in flight", Plot: "size",
			Args: []string{"shootout", "-event", "room", "-payload", "100", "-in-flight", "2", "-sizes", "10,100,1000,5000",
				"-duration", "700ms", "-warmup", "300ms", "-limit", "1m"},
			Servers: []string{"sirocco", "sirocco:uring", "node", "gws", "wall-c"}, Metrics: sizeMetrics},
		{Name: "rooms", Title: "Rooms: 2,000 sockets in 8 of 500 rooms each, twenty messages in flight",
			Args: within("rooms", "-n", "2000", "-rooms", "500", "-rooms-each", "8"), Servers: join(ours, reference), Metrics: castMetrics},
		{Name: "shootout", Title: "Shootout: most clients with p95 of a broadcast within 500 ms, four in flight",
			Args:    []string{"shootout", "-sizes", "1000,2000,4000,8000,19000", "-duration", "1500ms", "-warmup", "300ms"},
			Servers: join(ours[:1], reference, walls[1:]), Metrics: shootMetrics,
			Note: "19,000 is what the descriptor limit allows here, not what the server can do."},
	}
}

// latencies are open loops: messages go by the clock, whatever the server does.
func latencies() []Case {
	return []Case{
		{Name: "latency-room", Plot: "percentiles", Title: "Latency of a broadcast, room of 1,000, open loop at 40 messages/s",
			Args:    byTheClock("latency", "-event", "room", "-n", "1000", "-rate", "40", "-payload", "100"),
			Servers: join(oursRing, reference, Peers[:1], walls[1:]), Metrics: latencyMetrics},
		{Name: "latency-half", Title: "Latency of a broadcast, room of 1,000, open loop at half of each server's own capacity",
			Args:    byTheClock("latency", "-event", "room", "-n", "1000", "-load", "0.5", "-payload", "100"),
			Servers: join(oursRing, reference, walls[1:]), Metrics: latencyMetrics,
			Note: "Capacity is measured first, one message in flight at a time: what the server does when it cannot write several messages at once."},
		{Name: "latency-batched", Title: "Latency of a broadcast, room of 1,000, open loop at half of what each server does with twenty messages in flight",
			Args:    byTheClock("latency", "-event", "room", "-n", "1000", "-load", "0.5", "-load-with", "20", "-payload", "100"),
			Servers: join(ours[:1], reference, walls[1:]), Metrics: latencyMetrics,
			Note: "At this rate a server must write several messages with one system call to keep up, and each of them waits for the others."},
		{Name: "latency-echo", Title: "Latency of an echo, 500 sockets, open loop at 10,000 messages/s",
			Args: byTheClock("latency", "-n", "500", "-rate", "10000"), Servers: join(ours, reference, walls[1:]), Metrics: latencyMetrics},
		{Name: "mixed", Title: "Mixed: 5,000 sockets, 90 % idle, 9 % readers, 1 % talkers, 100 messages/s",
			Args: byTheClock("mixed", "-n", "5000", "-rate", "100"), Servers: join(ours[:1], reference), Metrics: latencyMetrics},
	}
}

// connections is coming and going.
func connections() []Case {
	return []Case{
		{Name: "connect", Title: "Connection storm: 5,000 WebSocket clients into the namespace",
			Args: within("connect", "-n", "5000"), Servers: join(ours, reference, Peers[:1], walls[1:]), Metrics: rateMetrics},
		{Name: "churn", Title: "Churn: 200 clients connect, join, leave, again",
			Args: within("churn", "-n", "200", "-addrs", "40"), Servers: join(ours[:1], reference, walls[1:]), Metrics: rateMetrics},
		{Name: "upgrade", Title: "Connection storm: 1,000 clients by polling, then the upgrade",
			Args: within("connect", "-n", "1000", "-transport", "upgrade"), Servers: join(ours[:1], reference), Metrics: rateMetrics},
	}
}

// choices is our own options side by side.
func choices() []Case {
	return []Case{
		{Name: "backends", Title: "The backends of the reactor: echo",
			Args:    within("echo", "-n", "500"),
			Servers: []string{"sirocco:epoll+inline", "sirocco:netpoll+inline", "sirocco:uring+inline", "wall-c", "wall-uring"}, Metrics: rateMetrics},
		{Name: "backends-broadcast", Title: "The backends of the reactor: broadcast, room of 2,000, two in flight",
			Args:    within("broadcast", "-n", "2000"),
			Servers: []string{"sirocco:epoll+inline", "sirocco:netpoll+inline", "sirocco:uring+inline", "wall-c", "wall-uring"}, Metrics: castMetrics},
		{Name: "handlers", Title: "Forms of handlers, on the loop and off it: echo",
			Args: within("echo", "-n", "500"), Metrics: rateMetrics,
			Servers: []string{"sirocco:raw+inline", "sirocco:typed+inline", "sirocco:dynamic+inline", "sirocco:raw", "sirocco:typed", "sirocco:dynamic"}},
		{Name: "options", Title: "Options: echo",
			Args: within("echo", "-n", "500"), Metrics: rateMetrics,
			Servers: []string{"sirocco:inline", "sirocco:inline+gogc=50", "sirocco:inline+gogc=400", "sirocco:inline+loops=2", "sirocco:inline+nethttp", "sirocco:inline+tls"},
			Note:    "All of them have one processor: two loops share it."},
		{Name: "gogc", Title: "GOGC: memory of idle sockets",
			Args: []string{"idle", "-n", "5000", "-settle", "300ms"}, Metrics: idleMetrics,
			Servers: []string{"sirocco", "sirocco:gogc=50", "sirocco:gogc=400"}},
		{Name: "deflate", Title: "permessage-deflate: broadcast, 2 KB, room of 500, two in flight",
			Args: within("broadcast", "-n", "500", "-payload", "2000", "-deflate"), Metrics: castMetrics,
			Servers: []string{"sirocco:deflate", "node:deflate"}},
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
		{Name: "latency", Args: with("latency", "-event", "room", "-n", "200", "-rate", "50"), Servers: two, Metrics: latencyMetrics},
		{Name: "echo-open", Args: with("echo", "-sizes", "50,500"), Servers: two[:1], Metrics: rateMetrics},
		{Name: "deflate", Args: with("broadcast", "-n", "100", "-payload", "2000", "-deflate"), Servers: []string{"sirocco:deflate"}, Metrics: castMetrics},
		{Name: "doors", Args: with("echo", "-n", "100"), Servers: []string{"sirocco:tls", "sirocco:nethttp"}, Metrics: rateMetrics},
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
