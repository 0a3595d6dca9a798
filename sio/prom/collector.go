package prom

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sirocco-io/sirocco/sio"
)

// collector shows one server.
type collector struct {
	server  *sio.Server
	metrics []metric
	trips   *prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

// metric is one family of metrics, and how to read it from a snapshot.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(st *sio.Stats, show func(value float64, label ...string))
}

// NewCollector returns a collector of the counters of server, to be registered.
// labels are added to each metric; nil adds none. It may be used from any
// goroutine.
func NewCollector(server *sio.Server, labels prometheus.Labels) prometheus.Collector {
	c := &collector{server: server, trips: prometheus.NewDesc("socketio_ack_round_trip_seconds",
		"Time from sending an event to its acknowledgement by the client.", nil, labels)}
	for _, f := range families {
		var names []string
		if f.label != "" {
			names = []string{f.label}
		}
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("socketio_"+f.name, f.help, names, labels), f.kind, f.read})
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range c.metrics {
		ch <- m.desc
	}
	ch <- c.trips
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	st := c.server.Stats()
	for _, m := range c.metrics {
		m.read(&st, func(value float64, label ...string) {
			ch <- prometheus.MustNewConstMetric(m.desc, m.kind, value, label...)
		})
	}
	h := st.AckRoundTrip
	buckets, below := make(map[float64]uint64, len(h.Bounds)), uint64(0)
	for i, bound := range h.Bounds {
		below += h.Counts[i]
		buckets[bound.Seconds()] = below
	}
	ch <- prometheus.MustNewConstHistogram(c.trips, h.Count, h.Sum.Seconds(), buckets)
}

// family describes a metric without its labels.
type family struct {
	name, label, help string
	kind              prometheus.ValueType
	read              func(st *sio.Stats, show func(value float64, label ...string))
}

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// one reads a single number.
func one[T int | int64 | uint64 | float64](f func(st *sio.Stats) T) func(*sio.Stats, func(float64, ...string)) {
	return func(st *sio.Stats, show func(float64, ...string)) { show(float64(f(st))) }
}

// each reads a map from the label's value.
func each[K ~string, T int | uint64](f func(st *sio.Stats) map[K]T) func(*sio.Stats, func(float64, ...string)) {
	return func(st *sio.Stats, show func(float64, ...string)) {
		for k, v := range f(st) {
			show(float64(v), string(k))
		}
	}
}

var families = []family{
	{"connections", "transport", "Engine.IO sessions that are open.", gauge,
		each(func(st *sio.Stats) map[string]int { return st.ConnectionsByTransport })},
	{"connected_sockets", "namespace", "Sockets that are connected.", gauge,
		each(func(st *sio.Stats) map[string]int { return st.SocketsByNamespace })},
	{"namespaces", "", "Namespaces of the server.", gauge, one(func(st *sio.Stats) int { return st.Namespaces })},
	{"rooms", "", "Rooms with members, once for each event loop that has some.", gauge, one(func(st *sio.Stats) int { return st.Rooms })},
	{"paused_connections", "", "Connections that are not read from because their events wait for handlers.", gauge,
		one(func(st *sio.Stats) int { return st.Paused })},
	{"handler_workers", "", "Goroutines that run handlers.", gauge, one(func(st *sio.Stats) int { return st.Workers })},
	{"connection_memory_bytes", "", "Memory of the process for each connection, an estimate.", gauge,
		one(func(st *sio.Stats) int64 { return st.MemoryPerConnection })},
	{"loop_lag_seconds", "", "Longest time that something ready waited for its event loop, of late.", gauge,
		one(func(st *sio.Stats) float64 { return st.LoopLag.Seconds() })},
	{"loop_lag_mean_seconds", "", "Mean of that over the last turns of the slowest event loop.", gauge,
		one(func(st *sio.Stats) float64 { return st.LoopLagMean.Seconds() })},
	{"handshakes_total", "", "Engine.IO sessions since the start.", counter, one(func(st *sio.Stats) uint64 { return st.Handshakes })},
	{"upgrades_total", "", "Sessions that changed their transport.", counter, one(func(st *sio.Stats) uint64 { return st.Upgrades })},
	{"refused_requests_total", "code", "Requests refused, by the code of the answer.", counter,
		func(st *sio.Stats, show func(float64, ...string)) {
			for code, n := range st.HandshakesRefused {
				show(float64(n), strconv.Itoa(code))
			}
		}},
	{"refused_connections_total", "limit", "TCP connections closed at once, by limit.", counter,
		func(st *sio.Stats, show func(float64, ...string)) {
			r := st.ConnectionsRefused
			show(float64(r.Conns), "connections")
			show(float64(r.Addr), "address")
			show(float64(r.Rate), "rate")
			show(float64(r.FDs), "descriptors")
		}},
	{"disconnects_total", "reason", "Sockets that ended, by reason.", counter,
		each(func(st *sio.Stats) map[sio.Reason]uint64 { return st.Disconnects })},
	{"slow_consumers_total", "", "Connections closed because too much was queued for them.", counter,
		one(func(st *sio.Stats) uint64 { return st.SlowConsumers })},
	{"limits_exceeded_total", "limit", "What limits refused, by limit.", counter,
		each(func(st *sio.Stats) map[string]uint64 { return st.Limits })},
	{"events_received_total", "", "Events received.", counter, one(func(st *sio.Stats) uint64 { return st.EventsIn })},
	{"acks_received_total", "", "Acknowledgements received.", counter, one(func(st *sio.Stats) uint64 { return st.AcksIn })},
	{"broadcasts_total", "", "Broadcasts, once for each event loop they reach.", counter, one(func(st *sio.Stats) uint64 { return st.Broadcasts })},
	{"deliveries_total", "", "Events handed to a socket.", counter, one(func(st *sio.Stats) uint64 { return st.Deliveries })},
	{"dropped_events_total", "reason", "Events that clients were too slow for, by reason.", counter,
		each(func(st *sio.Stats) map[sio.DropReason]uint64 { return st.Drops })},
	{"protocol_violations_total", "", "Connections closed because the client broke the protocol.", counter,
		one(func(st *sio.Stats) uint64 { return st.Violations })},
	{"handler_panics_total", "", "Handlers that panicked.", counter, one(func(st *sio.Stats) uint64 { return st.Panics })},
	{"received_bytes_total", "", "Bytes read from connections.", counter, one(func(st *sio.Stats) uint64 { return st.BytesIn })},
	{"sent_bytes_total", "", "Bytes written to connections.", counter, one(func(st *sio.Stats) uint64 { return st.BytesOut })},
}
