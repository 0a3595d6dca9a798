package compare

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// aim is a figure the project wants to stand at.
type aim struct {
	quantity    string
	least, best float64 // what is asked for, and what is hoped for; NaN: nothing is
	digits      int
	higher      bool                            // more is better; otherwise less is
	of          func(r *Report) (float64, bool) // and whether the client was the bottleneck
}

// aims are about default handlers: what a new user gets.
var aims = []aim{
	{"user-space bytes per idle WebSocket socket, slope to 19,000", 900, 450, 0, false, median1("idle", "sirocco", idleSlope.Name)},
	{"CPU per 64 B echo, over the C wall's", 1.25, 1.05, 2, false, ratio1("echo", "sirocco", Wall, cpuEach.Name)},
	{"CPU per 100 B delivery, room of 2,000, one message at a time, over the C wall's", 1.25, 1.0, 2, false, ratio1("broadcast-1", "sirocco", Wall, cpuEach.Name)},
	{"deliveries/s, twenty messages in flight, room of 2,000", 1e6, 2e6, 0, true, median1("broadcast-20", "sirocco", rate.Name)},
	{"handshakes/s, WebSocket, namespace joined", 8000, 15000, 0, true, median1("connect", "sirocco", rate.Name)},
	{"last member's p99 in ms, room of 1,000, half of capacity, open loop", 10, math.NaN(), 2, false, median1("latency-half", "sirocco", lastP99.Name)},
	{"its p99.9 in ms", math.NaN(), 5, 2, false, median1("latency-half", "sirocco", lastP999.Name)},
	{"CPU per echo with 19,000 open over with 100 open", 1.5, 1.2, 2, false, median1("echo-open", "sirocco", openOver.Name)},
	{"off-loop handler over inline handler, CPU per echo", 1.6, 1.2, 2, false, ratio1("echo", "sirocco", "sirocco:inline", cpuEach.Name)},
}

// median1 is one cell of one table.
func median1(name, server, metric string) func(r *Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		row, m, ok := r.find(name, server, metric)
		if !ok {
			return math.NaN(), false
		}
		return median(row.values(m)), m.Bound && row.bound()
	}
}

// ratio1 is one ratio of one table.
func ratio1(name, server, base, metric string) func(r *Report) (float64, bool) {
	return func(r *Report) (float64, bool) {
		row, m, ok := r.find(name, server, metric)
		over, _, okBase := r.find(name, base, metric)
		if !ok || !okBase {
			return math.NaN(), false
		}
		return row.ratio(over, m), false
	}
}

// find looks up a server's row in a case, and a column by its name.
func (r *Report) find(name, server, metric string) (row, Metric, bool) {
	for _, c := range r.Cases {
		if c.Name != name {
			continue
		}
		for _, w := range r.rows(c) {
			for _, m := range c.Metrics {
				if w.server == server && m.Name == metric {
					return w, m, true
				}
			}
		}
	}
	return row{}, Metric{}, false
}

// reached says which of the two marks v stands at.
func (a aim) reached(v float64) string {
	meets := func(mark float64) bool {
		return !math.IsNaN(mark) && (a.higher && v >= mark || !a.higher && v <= mark)
	}
	switch {
	case meets(a.best):
		return "aim"
	case meets(a.least):
		return "at least"
	}
	return "no"
}

// Aims writes the table of aims, when the report has any of the figures.
func (r *Report) Aims(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	head := false
	for _, a := range aims {
		v, bound := a.of(r)
		if math.IsNaN(v) {
			continue
		}
		if !head {
			p("\n### Where we want to stand\n\n| quantity, one core, default handlers | measured | at least | aim | reached |\n| --- | --: | --: | --: | --- |\n")
			head = true
		}
		mark := ""
		if bound {
			mark = "≥ "
		}
		p("| %s | %s%s | %s | %s | %s |\n", a.quantity, mark, format(v, a.digits), format(a.least, a.digits), format(a.best, a.digits), a.reached(v))
	}
}

// Behind lists every figure in which a server that is no wall does better than
// ours, which is the first of its case: what BENCHMARKS.md must say as plainly
// as the rest.
func (r *Report) Behind(w io.Writer) {
	var lines []string
	for _, c := range r.Cases {
		rows := r.rows(c)
		if kind(rows[0].server) != ours[0] {
			continue
		}
		for _, m := range c.Metrics {
			for _, other := range rows[1:] {
				if other.ahead(rows[0], m) {
					lines = append(lines, fmt.Sprintf("- %s: %s: %s %s, ours %s.\n", c.Title, m.Name, other.server,
						format(median(other.values(m)), m.Digits), format(median(rows[0].values(m)), m.Digits)))
				}
			}
		}
	}
	p := func(s string) { _, _ = io.WriteString(w, s) }
	if len(lines) == 0 {
		p("\nIn no ratio of the tables is another server ahead of ours, the walls apart.\n")
		return
	}
	p("\n### Where another server is ahead of ours\n\n" + strings.Join(lines, ""))
}

// ahead reports whether w, a server of somebody else's that is no wall, does
// better than ours. A rate of ours that the client limited was not our end.
func (w row) ahead(ours row, m Metric) bool {
	if !m.Ratio || kind(w.server) == kind(ours.server) || isWall(w.server) || m.Bound && ours.bound() {
		return false
	}
	q := w.ratio(ours, m)
	return m.Higher && q > 1 || !m.Higher && q < 1
}
