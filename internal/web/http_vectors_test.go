package web

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// smugglingVectors reads the inputs of http1's testdata by their names.
func smugglingVectors(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "http1", "testdata", "smuggling.txt"))
	require.NoError(t, err)
	out := map[string]string{}
	name := ""
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if n, ok := strings.CutPrefix(line, "# "); ok {
			name = n
		}
		if in, ok := strings.CutPrefix(line, "> "); ok {
			in, err := strconv.Unquote(in)
			require.NoError(t, err)
			out[name] += in
		}
	}
	require.GreaterOrEqual(t, len(out), 60)
	return out
}
