package load

import (
	"encoding/json"
	"io"
	"sync"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// The steps of a run: where all its processes wait for each other. What a step
// asks of the coordinator is beside it.
const (
	stepConnected = "connected" // all clients are in the namespace
	stepSample    = "sample"    // the counters are read: the servers' CPU
	stepMemory    = "memory"    // all rest: the servers' memory
	stepCollected = "collected" // the same after a collection
	stepPrepared  = "prepared"  // all know what will come: when to start
	stepStop      = "stop"      // the window is over: the servers' goroutines
	stepDrained   = "drained"   // what a process sent arrived: how much that was
	stepClosed    = "closed"    // crowd: everybody left
	stepResult    = "result"    // the end: the results are merged
)

// startDelay is how far ahead of stepPrepared the common start lies, so that
// the slowest process knows of it in time.
const startDelay = 20e6

// mark is a stream, a number of it, and a time: all of this process's audience
// had that message then. At stepDrained the number is the last one sent.
type mark [3]int64

func (m mark) stream() int    { return int(m[0]) }
func (m mark) number() uint32 { return uint32(m[1]) }
func (m mark) at() int64      { return m[2] }

// order is one line from the coordinator to a worker.
type order struct {
	Config *Config `json:"config,omitempty"` // the first: what to run
	Epoch  int64   `json:"epoch,omitempty"`  // with it: time zero of the run, in Unix nanoseconds
	Go     string  `json:"go,omitempty"`     // a step that all have reached
	At     int64   `json:"at,omitempty"`     // with stepPrepared: when to start
	Marks  []mark  `json:"marks,omitempty"`  // of other processes
}

// report is one line from a worker to the coordinator.
type report struct {
	Step   string   `json:"step,omitempty"`
	Marks  []mark   `json:"marks,omitempty"`
	Result *Result  `json:"result,omitempty"` // with stepResult
	Hist   []counts `json:"hist,omitempty"`   // with it: each, last, lag
	Fault  string   `json:"fault,omitempty"`  // the run is void
}

// counts is a histogram on the wire, nil when there is none.
type counts = *hdr.Snapshot

// lines writes JSON lines from any goroutine.
type lines struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func newLines(w io.Writer) *lines { return &lines{enc: json.NewEncoder(w)} }

func (l *lines) write(v any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enc.Encode(v)
}
