package load

import (
	"runtime"
	"time"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what one run counted. Times are in the unit of their name.
type Result struct {
	Scenario  string  `json:"scenario"`
	Server    string  `json:"server,omitempty"`
	Version   string  `json:"version,omitempty"`
	Transport string  `json:"transport"`
	Dialect   string  `json:"dialect"`
	Event     string  `json:"event,omitempty"`
	Clients   int     `json:"clients"`
	Members   int     `json:"members,omitempty"` // of the room, when not all clients
	Payload   int     `json:"payload,omitempty"`
	Pipeline  int     `json:"pipeline,omitempty"`
	InFlight  int     `json:"inFlight,omitempty"`
	Senders   int     `json:"senders,omitempty"`
	Rate      float64 `json:"rate,omitempty"` // offered, messages a second
	Client    string  `json:"client"`
	Began     string  `json:"began"`

	Seconds    float64 `json:"seconds"`              // the measured window
	Ops        uint64  `json:"ops"`                  // echoes, acks, deliveries or handshakes in it
	OpsPerSec  float64 `json:"opsPerSec"`            //
	CPUMicros  float64 `json:"cpuMicrosPerOp"`       // of the server
	ServerCPU  float64 `json:"serverCPU"`            // of one processor: 1 is all of it
	ServerUser float64 `json:"serverUser"`           // the part of it in user space, sampled
	ClientCPU  float64 `json:"clientCPU"`            // of one processor
	ClientOp   float64 `json:"clientMicrosPerOp"`    //
	Softirq    float64 `json:"softirq"`              // of the server's processor, as far as sampled
	Bound      bool    `json:"clientBound"`          // the client was the bottleneck: OpsPerSec is a lower bound
	Pings      uint64  `json:"pings,omitempty"`      // heartbeats answered in the whole run
	Goroutines int     `json:"goroutines,omitempty"` // of the server, under load

	Sent     uint64 `json:"sent"`           // messages in the whole run
	Received uint64 `json:"received"`       // answers and deliveries in the whole run
	Void     string `json:"void,omitempty"` // why nothing of this counts

	Latency *Latency     `json:"latency,omitempty"` // from the scheduled send time to each delivery
	Last    *Latency     `json:"last,omitempty"`    // to the last member's delivery
	SendLag *Latency     `json:"sendLag,omitempty"` // of the client itself: schedule to send
	Idle    *IdleResult  `json:"idle,omitempty"`
	Steps   []StepResult `json:"steps,omitempty"` // shootout, echo over sizes
	Crowd   *CrowdResult `json:"crowd,omitempty"`

	hist histograms // of which Latency, Last and SendLag are the summary
}

// IdleResult is the memory of idle sockets, in bytes.
type IdleResult struct {
	Points      []IdlePoint `json:"points"`
	Slope       float64     `json:"slope"`     // Pss per socket, least squares over the five sizes
	R2          float64     `json:"r2"`        // of that line
	PerSocket   float64     `json:"perSocket"` // (Pss of the last size - Pss of none) / sockets
	Kernel      float64     `json:"kernel"`    // slab per socket, both ends
	Collected   float64     `json:"collected"` // PerSocket after the server was asked to collect; 0 when it does not
	HoldCPU     float64     `json:"holdCPU"`   // of one processor while the last size rested
	HoldPings   uint64      `json:"holdPings"` // heartbeats answered in that time
	HoldSeconds float64     `json:"holdSeconds"`
}

// IdlePoint is one size of the idle scenario.
type IdlePoint struct {
	Sockets    int   `json:"sockets"`
	Pss        int64 `json:"pss"`
	Slab       int64 `json:"slab"`
	Threads    int   `json:"threads"`
	Goroutines int   `json:"goroutines"`
}

// CrowdResult is what a crowd did. Times are in seconds.
type CrowdResult struct {
	Pings  uint64  `json:"pings"`  // heartbeats answered between the two samples
	Fewest uint32  `json:"fewest"` // of them, by the client that was asked least often
	Most   uint32  `json:"most"`   // and most often
	Rested float64 `json:"rested"` // between the two samples
	Told   float64 `json:"told"`   // from the broadcast's sending until the last client had it
	Left   float64 `json:"left"`   // until every connection was closed
}

// StepResult is one size of the shootout or of echo; only the shootout has Last.
type StepResult struct {
	Clients   int      `json:"clients"`
	OpsPerSec float64  `json:"opsPerSec"`
	CPUMicros float64  `json:"cpuMicrosPerOp"`
	Last      *Latency `json:"last,omitempty"`
}

// Latency is a distribution in microseconds.
type Latency struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P95   float64 `json:"p95"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
}

// newHistogram counts nanoseconds up to a minute in three digits.
func newHistogram() *hdr.Histogram { return hdr.New(1000, int64(time.Minute), 3) }

// record counts ns, cut to what the histogram can hold.
func record(h *hdr.Histogram, ns int64) {
	_ = h.RecordValue(min(max(ns, h.LowestTrackableValue()), h.HighestTrackableValue()))
}

func latencyOf(h *hdr.Histogram) *Latency {
	if h == nil || h.TotalCount() == 0 {
		return nil
	}
	q := func(p float64) float64 { return float64(h.ValueAtQuantile(p)) / 1e3 }
	return &Latency{Count: h.TotalCount(), Mean: h.Mean() / 1e3, P50: q(50), P90: q(90), P95: q(95),
		P99: q(99), P999: q(99.9), Max: float64(h.Max()) / 1e3}
}

// newResult returns a Result that says what was asked for.
func (f *fleet) newResult() *Result {
	return &Result{
		Scenario: f.cfg.Scenario, Server: f.server.Server, Version: f.server.Version, Transport: f.cfg.Transport, Dialect: f.cfg.Dialect,
		Clients: f.cfg.Clients, Client: "siobench " + runtime.Version(), Began: f.epoch.UTC().Format(time.RFC3339),
	}
}
