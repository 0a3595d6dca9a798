package main

import (
	"fmt"
	"os"
	"strings"
)

// The marks between which document puts the tables: what stands outside them
// stays.
const (
	beginMark = "<!-- what bench/sim writes begins here -->"
	endMark   = "<!-- what bench/sim writes ends here -->"
)

// document puts the report into the Markdown file at path, between its marks.
// A file without marks gets them at its end.
func (r *report) document(path, command string) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	before, rest, found := strings.Cut(string(old), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if found && !closed {
		return fmt.Errorf("%s has the first mark and not the second", path)
	}
	var b strings.Builder
	b.WriteString(before)
	if !found && before != "" {
		b.WriteString("\n")
	}
	b.WriteString(beginMark + "\n")
	r.write(&b)
	fmt.Fprintf(&b, "\n    %s\n\nIt took %.0f s.\n", command, r.Took)
	b.WriteString(endMark)
	if after == "" {
		after = "\n"
	}
	b.WriteString(after)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}
