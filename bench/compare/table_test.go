package compare

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/stretchr/testify/require"
)

func TestMedian(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		in   []float64
		want float64
	}{
		{[]float64{3, 1, 2}, 2}, {[]float64{4, 1, 2, 3}, 2.5}, {[]float64{nan, 7}, 7}, {[]float64{5}, 5},
	} {
		if got := median(c.in); got != c.want {
			t.Errorf("median(%v) = %v, want %v", c.in, got, c.want)
		}
	}
	if got := median([]float64{nan}); !math.IsNaN(got) {
		t.Errorf("median of nothing = %v, want NaN", got)
	}
}

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		v      float64
		digits int
		want   string
	}{
		{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {1234567.891, 2, "1,234,567.89"}, {-1234, 0, "-1,234"}, {math.NaN(), 1, "–"},
	} {
		if got := format(c.v, c.digits); got != c.want {
			t.Errorf("format(%v, %d) = %s, want %s", c.v, c.digits, got, c.want)
		}
	}
}

// report has three servers in two rounds; one run is void, one server was
// held back by the client.
func report() (*Report, Case) {
	c := Case{Name: "echo", Title: "Echo", Args: []string{"echo"}, Servers: []string{"sirocco", "node", "wall-c"}, Metrics: []Metric{cpuEach, rate}}
	run := func(server string, round int, cpu, rate float64, bound bool) Run {
		return Run{Case: "echo", Server: server, Round: round, Result: &load.Result{CPUMicros: cpu, OpsPerSec: rate, Bound: bound}}
	}
	return &Report{Cases: []Case{c}, Runs: []Run{
		run("sirocco", 0, 6, 150000, false), run("node", 0, 18, 50000, false), run("wall-c", 0, 5, 180000, true),
		run("sirocco", 1, 8, 120000, false), {Case: "echo", Server: "node", Round: 1, Error: "lost one"}, run("wall-c", 1, 5, 170000, true),
	}}, c
}

func TestTable(t *testing.T) {
	r, c := report()
	var b strings.Builder
	r.Table(&b, c)
	want := []string{
		"| server | server CPU µs each | × node | × wall-c | per second | × node | × wall-c |",
		"| --- | --: | --: | --: | --: | --: | --: |",
		"| sirocco | 7.00 (6.00..8.00) | 0.33 | 1.40 | 135,000 (120,000..150,000) | 3.00 | ≤ 0.77 |",
		"| node | 18.00 | 1 | 3.60 | 50,000 | 1 | ≤ 0.28 |",
		"| wall-c | 5.00 | 0.28 | 1 | ≥ 175,000 (170,000..180,000) | ≥ 3.60 | 1 |",
		"",
		"1 of 2 runs of node are void: lost one",
	}
	if got := strings.Split(strings.TrimSpace(b.String()), "\n"); !slices.Equal(got, want) {
		t.Errorf("table:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestWriteDocumentKeepsWhatIsWrittenByHand(t *testing.T) {
	r, _ := report()
	path := filepath.Join(t.TempDir(), "B.md")
	require.NoError(t, os.WriteFile(path, []byte("# By hand\n\n"+mark(program)+"\nold tables\n"+endMark+"\nbelow\n"), 0o600))
	require.NoError(t, r.WriteDocument(path))
	require.NoError(t, r.WriteDocument(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	s := string(b)
	if !strings.HasPrefix(s, "# By hand\n") || !strings.HasSuffix(s, endMark+"\nbelow\n") || strings.Contains(s, "old tables") || strings.Count(s, "### Echo") != 1 {
		t.Errorf("document:\n%s", s)
	}
}

func TestSuitesAreWellFormed(t *testing.T) {
	for _, suite := range [][]Case{Full(), Smoke()} {
		seen := map[string]bool{}
		for _, c := range suite {
			if seen[c.Name] || len(c.Servers) == 0 || len(c.Metrics) == 0 || !slices.Contains(load.Scenarios, c.Args[0]) {
				t.Errorf("case %+v is a double or lacks something", c)
			}
			seen[c.Name] = true
			for _, s := range c.Servers {
				kind, _, _ := strings.Cut(s, ":")
				if !slices.Contains(append([]string{"sirocco", "node", "wall-c", "wall-uring", "wall-go"}, Peers...), kind) {
					t.Errorf("%s: server %q", c.Name, s)
				}
			}
		}
	}
}
