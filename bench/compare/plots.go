package compare

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/sirocco-io/sirocco/bench/plot"
)

// drawing is one plot of the document.
type drawing struct {
	file  string
	chart plot.Chart
}

// drawings are the plots that the report has data for.
func (r *Report) drawings() []drawing {
	var all []drawing
	for _, c := range r.Cases {
		switch c.Plot {
		case "memory":
			all = append(all, drawing{c.Name + ".svg", r.memoryChart(c)})
		case "percentiles":
			all = append(all, drawing{c.Name + ".svg", r.percentileChart(c)})
		case "size":
			all = append(all, drawing{c.Name + ".svg", r.sizeChart(c)})
		}
	}
	return slices.DeleteFunc(all, func(d drawing) bool { return len(d.chart.Lines) == 0 })
}

// memoryChart draws Pss over sockets.
func (r *Report) memoryChart(c Case) plot.Chart {
	chart := lines{plot.Chart{Title: c.Title, X: "sockets", Y: "Pss of the server, MiB", LogY: true}}
	for _, row := range r.rows(c) {
		line := plot.Line{Name: row.server}
		for i := 0; ; i++ {
			var x float64
			var y []float64
			for _, run := range row.runs {
				if run != nil && run.Idle != nil && i < len(run.Idle.Points) {
					x = float64(run.Idle.Points[i].Sockets)
					y = append(y, float64(run.Idle.Points[i].Pss)/(1<<20))
				}
			}
			if len(y) == 0 {
				break
			}
			line.X, line.Y = append(line.X, x), append(line.Y, median(y))
		}
		chart.add(line)
	}
	return chart.Chart
}

// percentileChart draws the latency of a delivery over its percentile.
func (r *Report) percentileChart(c Case) plot.Chart {
	chart := lines{plot.Chart{Title: c.Title, X: "percentile of all deliveries", Y: "ms since the message was due", LogY: true,
		Labels: []string{"50", "90", "95", "99", "99.9", "max"}}}
	of := []func(l *load.Latency) float64{
		func(l *load.Latency) float64 { return l.P50 }, func(l *load.Latency) float64 { return l.P90 },
		func(l *load.Latency) float64 { return l.P95 }, func(l *load.Latency) float64 { return l.P99 },
		func(l *load.Latency) float64 { return l.P999 }, func(l *load.Latency) float64 { return l.Max },
	}
	for _, row := range r.rows(c) {
		line := plot.Line{Name: row.server}
		for i, f := range of {
			ms := median(row.values(Metric{Of: each(func(l *load.Latency) float64 { return f(l) / 1e3 })}))
			line.X, line.Y = append(line.X, float64(i)), append(line.Y, ms)
		}
		chart.add(line)
	}
	return chart.Chart
}

// sizeChart draws the CPU of a delivery over the size of the room.
func (r *Report) sizeChart(c Case) plot.Chart {
	chart := lines{plot.Chart{Title: "CPU of a broadcast delivery over the size of the room", X: "sockets in the room", Y: "server CPU µs per delivery", LogX: true}}
	for _, row := range r.rows(c) {
		line := plot.Line{Name: row.server}
		for _, size := range sizesOf(row.runs) {
			var y []float64
			for _, run := range row.runs {
				for _, s := range stepsOf(run) {
					if s.Clients == size {
						y = append(y, s.CPUMicros)
					}
				}
			}
			line.X, line.Y = append(line.X, float64(size)), append(line.Y, median(y))
		}
		chart.add(line)
	}
	return chart.Chart
}

func stepsOf(r *load.Result) []load.StepResult {
	if r == nil {
		return nil
	}
	return r.Steps
}

func sizesOf(runs []*load.Result) (sizes []int) {
	for _, r := range runs {
		for _, s := range stepsOf(r) {
			sizes = append(sizes, s.Clients)
		}
	}
	slices.SortFunc(sizes, cmp.Compare[int])
	return slices.Compact(sizes)
}

// lines is a chart that takes only lines with points.
type lines struct{ plot.Chart }

func (l *lines) add(line plot.Line) {
	if len(line.X) > 0 {
		l.Lines = append(l.Lines, line)
	}
}

// writePlots writes the plots into dir, which is made.
func (r *Report) writePlots(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, d := range r.drawings() {
		f, err := os.Create(filepath.Join(dir, d.file))
		if err != nil {
			return err
		}
		err = d.chart.Write(f)
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("compare: %s: %w", d.file, err)
		}
	}
	return nil
}
