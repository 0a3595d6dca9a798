package compare

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"strings"
)

// program is who writes the document.
const program = "siobench compare"

// plotDir is where the plots are, beside the document.
const plotDir = "bench/plots"

// WriteDocument puts the report into the Markdown file at path, between its
// marks. A file without marks gets them at its end.
func (r *Report) WriteDocument(path string) error {
	if err := r.writePlots(filepath.Join(filepath.Dir(path), plotDir)); err != nil {
		return err
	}
	return Splice(path, program, r.Document)
}

// Document writes all tables, with what is needed to repeat them.
func (r *Report) Document(w io.Writer) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("\nMachine: %s. %s. It took %v, by\n\n    %s\n", r.Machine, r.Options, r.Took, strings.Join(r.Command, " "))
	p("\nEach cell is the median of the rounds, with the lowest and the highest; × is the median of the ratios within\neach round. ≥ marks a rate that the load generator limited, not the server: it is\nno figure of the server's, and a ratio with it is only a bound, or left out.\n")
	r.Aims(w)
	r.Behind(w)
	drawings := r.drawings()
	for _, c := range r.Cases {
		p("\n### %s\n\n", cmp.Or(c.Title, c.Name))
		r.Table(w, c)
		for _, d := range drawings {
			if d.file == c.Name+".svg" {
				p("\n![%s](%s/%s)\n", d.chart.Title, plotDir, d.file)
			}
		}
		if c.Note != "" {
			p("\n%s\n", c.Note)
		}
		p("\n`siobench run %s`\n", strings.Join(c.Args, " "))
	}
}
