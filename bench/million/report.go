package million

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/bench/compare"
	"github.com/sirocco-io/sirocco/bench/proc"
)

// Report is what a run saw. Times are in seconds, memory in bytes, CPU in
// processors: 1 is all of one.
type Report struct {
	Machine   compare.Machine `json:"machine"`
	Command   []string        `json:"command"`
	Began     string          `json:"began"`
	Took      float64         `json:"took"`
	Aim       int             `json:"aim"`
	Connected int             `json:"connected"`
	Pairs     int             `json:"pairs"`             // of a server process and a load process
	Stopped   string          `json:"stopped,omitempty"` // why not all
	Void      string          `json:"void,omitempty"`    // what went wrong: nothing behind it counts

	Connect float64 `json:"connect"` // from the first pair's start until all were in their namespace
	Points  []Point `json:"points"`  // after each pair

	Before     proc.Kernel `json:"before"`
	Full       proc.Kernel `json:"full"`       // with all at rest
	ServersPss int64       `json:"serversPss"` // of all server processes, with all that Go holds
	ClientsPss int64       `json:"clientsPss"`

	Rest         float64 `json:"rest"`         // the time watched
	PingInterval float64 `json:"pingInterval"` //
	Pings        uint64  `json:"pings"`        // heartbeats answered in that time
	Fewest       uint32  `json:"fewest"`       // by the client that was asked least often
	Most         uint32  `json:"most"`         // and most often
	ServersCPU   float64 `json:"serversCPU"`   // at rest
	ClientsCPU   float64 `json:"clientsCPU"`   // at rest

	Echo      float64 `json:"echo"`      // every socket asked once and was answered
	Told      float64 `json:"told"`      // one broadcast by each server, a few at a time
	ToldOne   float64 `json:"toldOne"`   // the slowest of these
	Delivered uint64  `json:"delivered"` // of them
	Left      float64 `json:"left"`      // until the load processes had closed all
	Gone      float64 `json:"gone"`      // and the servers had seen it
}

// Point is the machine with a number of sockets.
type Point struct {
	Sockets   int     `json:"sockets"`
	Seconds   float64 `json:"seconds"` // since the start
	Available int64   `json:"available"`
	Slab      int64   `json:"slab"`
}

// each returns bytes for each socket.
func (r *Report) each(bytes int64) float64 { return float64(bytes) / float64(max(r.Connected, 1)) }

// WriteDocument puts the report into the Markdown file at path, between its
// marks.
func (r *Report) WriteDocument(path string) error {
	return compare.Splice(path, "siobench million", r.Document)
}

// Document writes the report as Markdown.
func (r *Report) Document(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("\nMachine: %s. It took %v, by\n\n    %s\n\n", r.Machine, time.Duration(r.Took*float64(time.Second)).Round(time.Second), strings.Join(r.Command, " "))
	p("**%s of %s sockets were connected at once**, in %d server processes and as many load processes, all on this machine.\n",
		count(r.Connected), count(r.Aim), r.Pairs)
	if r.Stopped != "" {
		p("What stopped it: %s.\n", r.Stopped)
	}
	if r.Void != "" {
		p("**Void**: %s.\n", r.Void)
	}
	p("\n| quantity | in all | a socket |\n| --- | --: | --: |\n")
	row := func(name, all, each string) { p("| %s | %s | %s |\n", name, all, each) }
	row("time to connect, WebSocket, in the namespace", fmt.Sprintf("%.0f s", r.Connect), fmt.Sprintf("%.0f/s", float64(r.Connected)/max(r.Connect, 1e-9)))
	memory := func(name string, bytes int64) { row(name, gib(bytes), fmt.Sprintf("%.0f B", r.each(bytes))) }
	memory("user space of the servers (Pss of the processes, with what each takes by itself)", r.ServersPss)
	memory("user space of the clients", r.ClientsPss)
	memory("kernel slabs, both ends", r.Full.Slab-r.Before.Slab)
	memory("buffers of TCP, both ends", r.Full.SocketBytes-r.Before.SocketBytes)
	memory("everything, both ends (what is less available)", r.Before.Available-r.Full.Available)
	if r.Rest > 0 {
		row(fmt.Sprintf("servers' CPU at rest, over %.0f s, a heartbeat every %g s", r.Rest, r.PingInterval), cpu(r.ServersCPU), r.beat(r.ServersCPU))
		row("clients' CPU at rest", cpu(r.ClientsCPU), r.beat(r.ClientsCPU))
		row("heartbeats answered", count(int(r.Pings)), fmt.Sprintf("%d to %d", r.Fewest, r.Most))
	}
	if r.Delivered > 0 {
		row("an echo to each, all servers at once", fmt.Sprintf("%.1f s", r.Echo), fmt.Sprintf("%.0f/s", float64(r.Connected)/r.Echo))
		row("one broadcast by each server to all of its own, as many at a time as there are processors, each delivery checked",
			fmt.Sprintf("%.1f s", r.Told), fmt.Sprintf("%.0f/s", float64(r.Delivered)/r.Told))
		row("the slowest of these broadcasts", fmt.Sprintf("%.0f ms", 1e3*r.ToldOne), "")
	}
	if r.Gone > 0 {
		row("time to close all; until the servers had seen it", fmt.Sprintf("%.1f s; %.1f s", r.Left, r.Gone), "")
	}
	if r.Void == "" {
		p("\nNo heartbeat stayed without its answer, no socket was lost, no message was lost or doubled.\n")
	}
}

func cpu(processors float64) string { return fmt.Sprintf("%.1f %% of a core", 100*processors) }

// beat is the CPU of one heartbeat.
func (r *Report) beat(processors float64) string {
	if r.Pings == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f µs a heartbeat", processors*r.Rest*1e6/float64(r.Pings))
}

// count writes n with commas.
func count(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
