package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	hdr "github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sirocco-io/sirocco/poller"
)

// report is what a run found out. Everything is simulated: there is no kernel
// in any figure, and the clients' own share is in all of them.
type report struct {
	Simulated  bool    `json:"simulated"` // always true
	Sockets    int     `json:"sockets"`
	Room       int     `json:"socketsOfARoom"`
	Payload    int     `json:"payloadBytes"`
	Loops      int     `json:"loops"`
	Ping       float64 `json:"pingIntervalSeconds"`
	Go         string  `json:"go"`
	Took       float64 `json:"tookSeconds"`
	Goroutines int     `json:"goroutines"`
	Stalls     int     `json:"turnsAbove100ms"` // with all of them, and while they connected
	Cut        int     `json:"silentClientsCut,omitempty"`

	Connect    usage `json:"connect"`
	Disconnect usage `json:"disconnect"`

	// bytes for each socket
	Heap      float64      `json:"heapBytes"`
	Pss       float64      `json:"pssBytes"`
	Parts     []partReport `json:"parts"`
	HeapAfter float64      `json:"heapBytesAfterDisconnect"`
	PssAfter  float64      `json:"pssBytesAfterDisconnect"`

	Beats struct {
		usage
		Pings    int     `json:"pings"`
		Core     float64 `json:"coreAt25s"` // processors, at an interval of 25 s
		LateP99  int64   `json:"lateP99ms"`
		LateMost int64   `json:"lateMostms"`
	} `json:"heartbeats"`

	Casts   []usage `json:"broadcasts"`
	Clients usage   `json:"clientsOfABroadcast"` // the same without a server

	GC       collections `json:"collections"` // from the first client on
	Forced   collections `json:"forcedCollection"`
	ForcedAt usage       `json:"forcedCollectionUsage"`

	base memory
	gc   gcState
}

// partReport is one row of the memory of a socket.
type partReport struct {
	Name  string  `json:"name"`
	Bytes float64 `json:"bytes"`
}

func newReport(opt options) report {
	return report{Simulated: true, Sockets: opt.clients, Room: opt.room, Payload: opt.payload, Loops: opt.loops,
		Ping: opt.ping.Seconds(), Go: runtime.Version()}
}

// weigh takes what all sockets hold.
func (r *report) weigh(m memory) {
	each := func(a, b float64) float64 { return (a - b) / float64(r.Sockets) }
	r.Heap, r.Pss = each(m.heap, r.base.heap), each(m.pss, r.base.pss)
	rest := r.Heap
	for _, p := range parts {
		b := each(m.parts[p.name], r.base.parts[p.name])
		r.Parts = append(r.Parts, partReport{p.name, b})
		rest -= b
	}
	r.Parts = append(r.Parts, partReport{"the rest, and what sampling misses", rest})
}

// emptied takes what is left when everybody has gone.
func (r *report) emptied(m memory) {
	n := float64(r.Sockets)
	r.HeapAfter, r.PssAfter = (m.heap-r.base.heap)/n, (m.pss-r.base.pss)/n
}

// beats takes one round of heartbeats.
func (r *report) beats(u usage, pings int, late *hdr.Histogram) {
	r.Beats.usage, r.Beats.Pings = u, pings
	r.Beats.Core = u.CPU / float64(max(pings, 1)) * float64(r.Sockets) / (25 * time.Second).Seconds()
	r.Beats.LateP99, r.Beats.LateMost = late.ValueAtPercentile(99), late.Max()
}

func (r *report) cast(u usage) { r.Casts = append(r.Casts, u) }

// collected takes what the collector did since base, and between before and
// after, in one cycle.
func (r *report) collected(base, before, after gcState, u usage) {
	r.GC, r.Forced, r.ForcedAt = base.until(before), before.until(after), u
}

// median is the broadcast in the middle by CPU.
func (r *report) median() usage {
	c := slices.Clone(r.Casts)
	slices.SortFunc(c, func(a, b usage) int { return int((a.CPU - b.CPU) * 1e9) })
	if len(c) == 0 {
		return usage{}
	}
	return c[len(c)/2]
}

// write writes the report as Markdown tables.
func (r *report) write(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	n := float64(r.Sockets)
	p("\n%s Socket.IO sockets in one process, **simulated**: connections, sessions, WebSockets, sockets in the default\n", thousands(n))
	p("namespace and in a room of %s are the real ones, %d loops turn as ever, and the clients shake hands, answer pings\n", thousands(float64(r.Room)), r.Loops)
	p("and check every byte. Only the kernel is not there (`bench/sim`): its buffers and its CPU come on top, and the\n")
	p("clients' share is in all figures. %s; the ping interval is %gs.\n", r.Go, r.Ping)
	p("\n| memory of a socket, in bytes | simulated |\n| --- | --: |\n")
	for _, part := range r.Parts {
		p("| %s | %.0f |\n", part.Name, part.Bytes)
	}
	p("| **heap after a collection** | **%.0f** |\n", r.Heap)
	p("| the process (Pss), after a collection that gave back what was free | %.0f |\n", r.Pss)
	p("| heap, after all have left | %.0f |\n| the process, after all have left | %.0f |\n", r.HeapAfter, r.PssAfter)
	p("\nThe parts are the heap profile by the function that allocates, less what was there before the first client; the\n")
	p("heap is the runtime's own count. A session holds its one timer, of %d bytes, for all heartbeats.\n", unsafe.Sizeof(poller.Timer{}))
	r.writeWork(p, n)
}

// writeWork writes what was done, and what it took.
func (r *report) writeWork(p func(string, ...any), n float64) {
	cast := r.median()
	p("\n| what | simulated |\n| --- | --: |\n")
	row := func(what, format string, args ...any) { p("| %s | %s |\n", what, fmt.Sprintf(format, args...)) }
	row("connect all, handshake and CONNECT: time, CPU of each", "%.1f s, %.1f µs", r.Connect.Seconds, r.Connect.CPU/n*1e6)
	row("heartbeats: pings in one round, every client had one", "%s", thousands(float64(r.Beats.Pings)))
	row("CPU of a ping and its pong", "%.2f µs", r.Beats.CPU/float64(max(r.Beats.Pings, 1))*1e6)
	row("CPU of all heartbeats at 25 s, of one core", "%.1f %%", r.Beats.Core*100)
	row("pings late by: 99 of 100, the latest", "%d ms, %d ms", r.Beats.LateP99, r.Beats.LateMost)
	row(fmt.Sprintf("broadcast of %d B to all: until the last has it", r.Payload), "%.3f s", cast.Seconds)
	row("CPU of a delivery; of it, the client's check", "%.0f ns; %.0f ns", cast.CPU/n*1e9, r.Clients.CPU/n*1e9)
	row("allocations of a broadcast, bytes", "%s, %s", thousands(float64(cast.Allocs)), thousands(float64(cast.Bytes)))
	row("collections since the first client: cycles, CPU", "%d, %.1f s", r.GC.Cycles, r.GC.CPU)
	row("pauses of these: all, the longest", "%.1f ms, %.2f ms", r.GC.Total*1e3, r.GC.Longest*1e3)
	row("one collection with all of them: time, CPU, longest pause", "%.2f s, %.2f s, %.2f ms", r.ForcedAt.Seconds, r.Forced.CPU, r.Forced.Longest*1e3)
	row("goroutines with all of them", "%d", r.Goroutines)
	row("turns of a loop above 100 ms, with the simulation's own", "%d", r.Stalls)
	row("disconnect all: time, CPU of each", "%.1f s, %.1f µs", r.Disconnect.Seconds, r.Disconnect.CPU/n*1e6)
	p("\nEvery client had the broadcast exactly once, byte for byte; when all had left, no state of them was left.\n")
}

// thousands prints a whole number in groups.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	var groups []string
	for len(s) > 3 {
		s, groups = s[:len(s)-3], append(groups, s[len(s)-3:])
	}
	groups = append(groups, s)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}
