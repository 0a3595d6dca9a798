package compare

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSpliceKeepsWhatIsWrittenByHand(t *testing.T) {
	const begin = "<!-- what `x` writes begins here -->"
	for _, c := range []struct{ name, old, want string }{
		{"no file", "", begin + "\nnew\n" + endMark + "\n"},
		{"no marks", "by hand\n", "by hand\n" + begin + "\nnew\n" + endMark + "\n"},
		{"marks", "a\n" + begin + "\nold\n" + endMark + "\nb\n", "a\n" + begin + "\nnew\n" + endMark + "\nb\n"},
		{"behind another's", "<!-- what `y` writes begins here -->\ny\n" + endMark + "\n" + begin + endMark + "\n",
			"<!-- what `y` writes begins here -->\ny\n" + endMark + "\n" + begin + "\nnew\n" + endMark + "\n"},
		{"half a mark", begin + "\nold\n", ""},
	} {
		path := filepath.Join(t.TempDir(), "x.md")
		if c.old != "" {
			require.NoError(t, os.WriteFile(path, []byte(c.old), 0o644))
		}
		err := Splice(path, "x", func(w io.Writer) { _, _ = io.WriteString(w, "new\n") })
		if (err != nil) != (c.want == "") {
			t.Errorf("%s: error %v", c.name, err)
			continue
		}
		if got, _ := os.ReadFile(path); err == nil && string(got) != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
	}
}
