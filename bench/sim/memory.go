package main

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/sirocco-io/sirocco/bench/proc"
)

// module is how our functions' names begin.
const module = "github.com/sirocco-io/sirocco/"

// memory is what the process holds after a collection.
type memory struct {
	heap  float64 // bytes of live objects
	pss   float64 // bytes of the process
	parts map[string]float64
}

// takeMemory collects, gives back what is free, and looks.
func takeMemory() memory {
	runtime.GC() // the profile shows the state at the last collection but one
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out := memory{heap: float64(m.HeapAlloc), parts: heapParts()}
	if p, err := proc.ReadMemory(os.Getpid()); err == nil {
		out.pss = float64(p.Pss)
	}
	return out
}

// part is what one kind of state is allocated by.
type part struct {
	name  string
	sites []string // beginnings of functions' names, in our module
}

// parts of a socket, in the order of the report. The first that fits counts.
var parts = []part{
	{"connection of the poller", []string{"poller."}},
	{"WebSocket connection", []string{"internal/web."}},
	{"engine session, its timer inside", []string{"eio."}},
	{"session and socket tables by id", []string{"internal/id."}},
	{"room: membership, members, names", []string{"sio.(*Socket).join", "sio.(*nspLoop).enter", "sio.(*socketExt)"}},
	{"socket's extension, for the room", []string{"sio.(*Socket).extend"}},
	{"namespace: members", []string{"sio.(*nspLoop)"}},
	{"client and its socket", []string{"sio."}},
	{"handlers of the simulation", []string{"bench/sim"}},
}

// heapParts sums up the heap profile by part. A profile that has samples is
// scaled to what they stand for, as pprof does it.
func heapParts() map[string]float64 {
	records := make([]runtime.MemProfileRecord, 0)
	for n, ok := runtime.MemProfile(nil, false); !ok; {
		records = make([]runtime.MemProfileRecord, n+64)
		n, ok = runtime.MemProfile(records, false)
		if ok {
			records = records[:n]
		}
	}
	sum := make(map[string]float64)
	for i := range records {
		r := &records[i]
		if n := r.InUseObjects(); n > 0 {
			sum[partOf(r.Stack())] += unsampled(float64(n), float64(r.InUseBytes()))
		}
	}
	return sum
}

// unsampled is how many bytes the samples stand for.
func unsampled(objects, bytes float64) float64 {
	rate := float64(runtime.MemProfileRate)
	if rate <= 1 {
		return bytes
	}
	return bytes / (1 - math.Exp(-bytes/objects/rate))
}

// partOf names the part by the innermost function of ours.
func partOf(stack []uintptr) string {
	frames := runtime.CallersFrames(stack)
	for {
		f, more := frames.Next()
		if own, ok := strings.CutPrefix(f.Function, module); ok {
			for _, p := range parts {
				for _, site := range p.sites {
					if strings.HasPrefix(own, site) {
						return p.name
					}
				}
			}
			return ""
		}
		if !more {
			return ""
		}
	}
}
