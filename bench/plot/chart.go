package plot

import (
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

// Chart is a line chart. Its zero value but for Lines is usable.
type Chart struct {
	Title  string
	X, Y   string   // what the axes show, with the unit
	LogX   bool     // x by powers of ten; all x must be positive
	LogY   bool     // the same for y
	Labels []string // names of x = 0, 1, 2, ... in place of numbers
	Lines  []Line
}

// Line is one series of points, in rising order of X.
type Line struct {
	Name string
	X, Y []float64
}

// The drawing's measures, in pixels.
const (
	width, height          = 760, 420
	left, right            = 78, 178
	top, bottom            = 44, 52
	plotWidth, plotHeight  = width - left - right, height - top - bottom
	legendStep, legendLine = 22, 18
	ticks                  = 6
)

// colours are told apart on light and dark ground, also by most of the
// colour-blind. Lines beyond them get them again, dashed.
var colours = []string{"#0f8a5f", "#d1495b", "#3a7bd5", "#b8860b", "#8e5bc0", "#00798c", "#a0522d"}

const style = `<style>
text{font:13px system-ui,sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}.small{font-size:12px;fill:#57606a}
.grid{stroke:#d0d7de;stroke-width:1}.line{fill:none;stroke-width:2.25;stroke-linejoin:round}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.grid{stroke:#3d444d}}
</style>`

// Write writes the chart as an SVG document.
func (c Chart) Write(w io.Writer) error {
	x, y := c.axes()
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`, width, height, width, height)
	p("<title>%s</title>", html.EscapeString(c.Title))
	p("%s", style)
	p(`<text class="title" x="%d" y="24">%s</text>`, left, html.EscapeString(c.Title))
	for _, t := range y.ticks() {
		at := top + plotHeight*(1-y.at(t))
		p(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`, left, left+plotWidth, at, at)
		p(`<text class="small" x="%d" y="%.1f" text-anchor="end">%s</text>`, left-8, at+4, number(t))
	}
	for _, t := range x.ticks() {
		p(`<text class="small" x="%.1f" y="%d" text-anchor="middle">%s</text>`, left+plotWidth*x.at(t), top+plotHeight+18, c.label(t))
	}
	p(`<text x="%d" y="%d" text-anchor="middle">%s</text>`, left+plotWidth/2, height-10, html.EscapeString(c.X))
	p(`<text transform="translate(16 %d) rotate(-90)" text-anchor="middle">%s</text>`, top+plotHeight/2, html.EscapeString(c.Y))
	for i, l := range c.Lines {
		drawLine(p, i, l, x, y)
	}
	p("</svg>")
	_, err := io.WriteString(w, b.String())
	return err
}

// drawLine draws line number i and its entry of the legend.
func drawLine(p func(format string, args ...any), i int, l Line, x, y axis) {
	colour, dash := colours[i%len(colours)], ""
	if i/len(colours)%2 == 1 {
		dash = ` stroke-dasharray="7 4"`
	}
	var points []string
	for j := range min(len(l.X), len(l.Y)) {
		if !x.holds(l.X[j]) || !y.holds(l.Y[j]) {
			continue
		}
		px, py := left+plotWidth*x.at(l.X[j]), top+plotHeight*(1-y.at(l.Y[j]))
		points = append(points, fmt.Sprintf("%.1f,%.1f", px, py))
		p(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>`, px, py, colour)
	}
	p(`<polyline class="line" stroke="%s"%s points="%s"/>`, colour, dash, strings.Join(points, " "))
	at := top + 10 + i*legendStep
	p(`<line class="line" stroke="%s"%s x1="%d" x2="%d" y1="%d" y2="%d"/>`, colour, dash, left+plotWidth+14, left+plotWidth+14+legendLine, at, at)
	p(`<text x="%d" y="%d">%s</text>`, left+plotWidth+20+legendLine, at+4, html.EscapeString(l.Name))
}

// label names a place on the x axis.
func (c Chart) label(t float64) string {
	if i := int(t); len(c.Labels) > 0 && i >= 0 && i < len(c.Labels) {
		return html.EscapeString(c.Labels[i])
	}
	return number(t)
}

// axis maps values to 0..1.
type axis struct {
	low, high float64
	log       bool
	steps     []float64 // the ticks, when they are given
}

// axes fits both axes around the points. Linear axes begin at zero.
func (c Chart) axes() (x, y axis) {
	x, y = axis{log: c.LogX}, axis{log: c.LogY}
	for _, l := range c.Lines {
		for i := range min(len(l.X), len(l.Y)) {
			x.include(l.X[i])
			y.include(l.Y[i])
		}
	}
	x.round(false)
	y.round(true)
	for i := range c.Labels {
		x.steps = append(x.steps, float64(i))
	}
	return x, y
}

// holds reports whether v can be drawn at all.
func (a *axis) holds(v float64) bool {
	return !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0)
}

func (a *axis) include(v float64) {
	if !a.holds(v) {
		return
	}
	if a.low == 0 && a.high == 0 {
		a.low, a.high = v, v
	}
	a.low, a.high = math.Min(a.low, v), math.Max(a.high, v)
}

// round widens the axis to whole powers of ten, or to begin at zero. wide
// leaves room above the highest point.
func (a *axis) round(wide bool) {
	switch {
	case a.log && a.low > 0:
		a.low = math.Pow(10, math.Floor(math.Log10(a.low)+1e-9))
		a.high = math.Pow(10, math.Ceil(math.Log10(a.high)-1e-9))
		if a.high == a.low {
			a.high *= 10
		}
	default:
		a.low = math.Min(a.low, 0)
		if wide {
			a.high *= 1.05
		}
		if a.high <= a.low {
			a.high = a.low + 1
		}
	}
}

// at returns where v lies, from 0 to 1.
func (a *axis) at(v float64) float64 {
	if a.log {
		return (math.Log10(v) - math.Log10(a.low)) / (math.Log10(a.high) - math.Log10(a.low))
	}
	return (v - a.low) / (a.high - a.low)
}

// ticks returns the values that are named.
func (a *axis) ticks() []float64 {
	if a.steps != nil {
		return a.steps
	}
	var t []float64
	if a.log {
		for v := a.low; v <= a.high*1.001; v *= 10 {
			t = append(t, v)
		}
		return t
	}
	step := math.Pow(10, math.Floor(math.Log10((a.high-a.low)/ticks)))
	for _, m := range []float64{1, 2, 5, 10} {
		if (a.high-a.low)/(step*m) <= ticks {
			step *= m
			break
		}
	}
	for v := math.Ceil(a.low/step) * step; v <= a.high*1.0001; v += step {
		t = append(t, v)
	}
	return t
}

// number prints a tick briefly: 12000 is 12k.
func number(v float64) string {
	for _, u := range []struct {
		of   float64
		name string
	}{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}} {
		if math.Abs(v) >= u.of {
			return strconv.FormatFloat(v/u.of, 'g', 4, 64) + u.name
		}
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
