package main

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

const (
	sampleEvery = time.Second
	// memoryFrom is the number of sockets from which their memory can be told from the rest of the
	// process: below it the growth is mostly the collector's.
	memoryFrom = 100
)

// sample is what the panel shows, once a second.
type sample struct {
	Sockets         int     `json:"sockets"`    // connections: a page is one, in two namespaces
	Rooms           int     `json:"rooms"`      // of the chat, with somebody in them
	Events          float64 `json:"events"`     // from clients, per second
	Deliveries      float64 `json:"deliveries"` // to clients, per second
	LagMicros       float64 `json:"lagMicros"`  // the longest that a ready socket waited, of late
	Memory          int64   `json:"memory"`     // bytes of the process
	MemoryPerSocket int64   `json:"memoryPerSocket"`
	MemoryFrom      int     `json:"memoryFrom"`
	BytesIn         uint64  `json:"bytesIn"`
	BytesOut        uint64  `json:"bytesOut"`
	Goroutines      int     `json:"goroutines"`
	Backend         string  `json:"backend"`
	Loops           int     `json:"loops"`
	Uptime          float64 `json:"uptime"` // seconds
}

// counters takes a sample each second and shows it to the namespace /stats.
type counters struct {
	io      *sio.Server
	chat    *chat
	panel   *sio.Namespace
	started time.Time
	empty   int64 // bytes of the process before the first client

	mu     sync.Mutex
	newest sample // guarded by mu
}

func newCounters(io *sio.Server, chat *chat) *counters {
	c := &counters{io: io, chat: chat, panel: io.Of("/stats"), started: time.Now()}
	// The page measures the round trip with an empty acknowledgement: a raw handler on the loop itself.
	c.panel.OnRaw("rtt", func(e *sio.RawEvent) { _ = e.Ack(nil) }, sio.Inline)
	return c
}

// run samples until ctx is done.
func (c *counters) run(ctx context.Context) {
	runtime.GC()
	c.empty = processMemory()
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	before, at := c.io.Stats(), time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			after := c.io.Stats()
			s := c.sample(before, after, now.Sub(at))
			before, at = after, now
			c.mu.Lock()
			c.newest = s
			c.mu.Unlock()
			// A viewer who cannot take it now gets the next one.
			_ = c.panel.Volatile().Emit("stats", s)
		}
	}
}

func (c *counters) sample(before, after sio.Stats, passed time.Duration) sample {
	rate := func(a, b uint64) float64 { return float64(b-a) / passed.Seconds() }
	reactor := c.io.Engine().Poller()
	s := sample{
		Sockets:    after.Connections,
		Rooms:      c.chat.occupied(),
		Events:     rate(before.EventsIn, after.EventsIn),
		Deliveries: rate(before.Deliveries, after.Deliveries),
		LagMicros:  float64(after.LoopLag.Microseconds()),
		Memory:     processMemory(),
		MemoryFrom: memoryFrom,
		BytesIn:    after.BytesIn,
		BytesOut:   after.BytesOut,
		Goroutines: runtime.NumGoroutine(),
		Backend:    string(reactor.Backend()),
		Loops:      len(reactor.Loops()),
		Uptime:     time.Since(c.started).Seconds(),
	}
	if s.Sockets >= memoryFrom {
		s.MemoryPerSocket = max(0, s.Memory-c.empty) / int64(s.Sockets)
	}
	return s
}

// last is the newest sample, the zero one in the first second.
func (c *counters) last() sample {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.newest
}
