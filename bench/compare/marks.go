package compare

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
)

// endMark ends a part of a document that is written by a program.
const endMark = "<!-- and ends here -->"

// mark begins the part that program by writes.
func mark(by string) string { return fmt.Sprintf("<!-- what `%s` writes begins here -->", by) }

// Splice puts what body writes into the Markdown file at path, between the
// marks of the program by: what stands outside them is written by hand and
// stays. A file without marks gets them at its end.
func Splice(path, by string, body func(io.Writer)) error {
	beginMark := mark(by)
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	before, rest, found := strings.Cut(string(old), beginMark)
	_, after, closed := strings.Cut(rest, endMark)
	if found && !closed {
		return fmt.Errorf("compare: %s has the first mark and not the second", path)
	}
	var b bytes.Buffer
	b.WriteString(before)
	b.WriteString(beginMark + "\n")
	body(&b)
	b.WriteString(endMark)
	if after == "" {
		after = "\n"
	}
	b.WriteString(after)
	return os.WriteFile(path, b.Bytes(), 0o644)
}
