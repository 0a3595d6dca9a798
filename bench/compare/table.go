package compare

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/sirocco-io/sirocco/bench/load"
)

// row is one server's runs of one case, in the order of rounds. A void run is
// nil.
type row struct {
	server string
	runs   []*load.Result
	void   []string
}

// rows collects the runs of a case, servers in the order of the case.
func (r *Report) rows(c Case) []row {
	var rows []row
	for _, name := range c.Servers {
		row := row{server: name}
		for _, run := range r.Runs {
			if run.Case != c.Name || run.Server != name {
				continue
			}
			if run.Error != "" {
				row.runs, row.void = append(row.runs, nil), append(row.void, run.Error)
				continue
			}
			row.runs = append(row.runs, run.Result)
		}
		rows = append(rows, row)
	}
	return rows
}

// values are a metric's figures, NaN for void runs.
func (w row) values(m Metric) []float64 {
	v := make([]float64, len(w.runs))
	for i, r := range w.runs {
		if v[i] = math.NaN(); r != nil {
			v[i] = m.Of(r)
		}
	}
	return v
}

// bound reports whether the client was the bottleneck in most runs.
func (w row) bound() bool {
	n := 0
	for _, r := range w.runs {
		if r != nil && r.Bound {
			n++
		}
	}
	return 2*n > len(w.runs)
}

// ratio is the median, over the rounds, of w's figure over base's.
func (w row) ratio(base row, m Metric) float64 {
	a, b := w.values(m), base.values(m)
	var q []float64
	for i := range min(len(a), len(b)) {
		if b[i] != 0 {
			q = append(q, a[i]/b[i])
		}
	}
	return median(q)
}

// Table writes the case as a Markdown table.
func (r *Report) Table(w io.Writer, c Case) {
	rows := r.rows(c)
	bases := bases(rows)
	var head, line []string
	head, line = append(head, "server"), append(line, "---")
	for _, m := range c.Metrics {
		head, line = append(head, m.Name), append(line, "--:")
		if m.Ratio {
			for _, b := range bases {
				head, line = append(head, "× "+b.server), append(line, "--:")
			}
		}
	}
	p := func(cells []string) { _, _ = fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | ")) }
	p(head)
	p(line)
	for _, row := range rows {
		p(row.cells(c.Metrics, bases))
	}
	for _, row := range rows {
		for i, void := range row.void {
			if i == 0 {
				_, _ = fmt.Fprintf(w, "\n%d of %d runs of %s are void: %s\n", len(row.void), len(row.runs), row.server, void)
			}
		}
	}
}

// bases are the rows that the others are compared with, among those there are.
func bases(rows []row) []row {
	var b []row
	for _, name := range []string{Reference, Wall, "wall-go"} {
		for _, r := range rows {
			if r.server == name && len(b) < 2 {
				b = append(b, r)
			}
		}
	}
	if len(b) == 0 && len(rows) > 1 {
		b = append(b, rows[0])
	}
	return b
}

// cells are a row of the table.
func (w row) cells(metrics []Metric, bases []row) []string {
	out := []string{w.server}
	for _, m := range metrics {
		v := w.values(m)
		cell := format(median(v), m.Digits)
		if low, high := spread(v); low != high && !math.IsNaN(low) {
			cell += fmt.Sprintf(" (%s..%s)", format(low, m.Digits), format(high, m.Digits))
		}
		if m.Bound && w.bound() {
			cell = "≥ " + cell
		}
		out = append(out, cell)
		if !m.Ratio {
			continue
		}
		for _, b := range bases {
			out = append(out, w.ratioCell(b, m))
		}
	}
	return out
}

// ratioCell is w's figure over base's. A rate that the client limited is not
// the server's: the ratio is then a bound, or nothing when both are.
func (w row) ratioCell(base row, m Metric) string {
	switch {
	case base.server == w.server:
		return "1"
	case !m.Bound || !w.bound() && !base.bound():
		return format(w.ratio(base, m), 2)
	case w.bound() && base.bound():
		return format(math.NaN(), 2)
	case w.bound():
		return "≥ " + format(w.ratio(base, m), 2)
	}
	return "≤ " + format(w.ratio(base, m), 2)
}

// format prints v with digits behind the point, and groups of thousands.
func format(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	whole, rest, _ := strings.Cut(s, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}
