package main

import (
	"fmt"
	"io"

	"github.com/sirocco-io/sirocco/bench/compare"
)

// document puts the report into the Markdown file at path, between its marks.
func (r *report) document(path, command string) error {
	return compare.Splice(path, "bench/sim", func(w io.Writer) {
		r.write(w)
		_, _ = fmt.Fprintf(w, "\n    %s\n\nIt took %.0f s.\n", command, r.Took)
	})
}
