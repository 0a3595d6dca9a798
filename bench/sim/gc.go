package main

import (
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// gcState is what the collector has done up to now.
type gcState struct {
	cycles int64
	total  time.Duration   // of all pauses
	pauses []time.Duration // the last ones, the newest first
	cpu    float64         // seconds of processors, of all cycles that ended
}

func takeGC() gcState {
	var st debug.GCStats
	debug.ReadGCStats(&st)
	sample := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}}
	metrics.Read(sample)
	g := gcState{cycles: st.NumGC, total: st.PauseTotal, pauses: st.Pause}
	if sample[0].Value.Kind() == metrics.KindFloat64 {
		g.cpu = sample[0].Value.Float64()
	}
	return g
}

// collections is what the collector did between two states.
type collections struct {
	Cycles  int64   `json:"cycles"`
	Longest float64 `json:"longestPauseSeconds"`
	Total   float64 `json:"pauseSeconds"`
	CPU     float64 `json:"cpuSeconds"`
}

// until is what the collector did from g to h. It remembers 256 pauses.
func (g gcState) until(h gcState) collections {
	c := collections{Cycles: h.cycles - g.cycles, Total: (h.total - g.total).Seconds(), CPU: h.cpu - g.cpu}
	for i := range min(int(c.Cycles), len(h.pauses)) {
		c.Longest = max(c.Longest, h.pauses[i].Seconds())
	}
	return c
}
