package compare

import (
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/bench/load"
)

func TestAimsSayWhichMarkIsReached(t *testing.T) {
	c := Case{Name: "echo", Title: "Echo", Servers: []string{"sirocco", "sirocco:inline", "wall-c"}, Metrics: []Metric{cpuEach}}
	run := func(server string, cpu float64) Run {
		return Run{Case: "echo", Server: server, Result: &load.Result{CPUMicros: cpu}}
	}
	for _, of := range []struct {
		cpu, inline, wall float64
		want              []string
	}{
		{10.4, 10, 10, []string{"over the C wall's | 1.04 | 1.25 | 1.05 | aim |", "CPU per echo | 1.04 | 1.60 | 1.20 | aim |"}},
		{12, 8, 10, []string{"over the C wall's | 1.20 | 1.25 | 1.05 | at least |", "CPU per echo | 1.50 | 1.60 | 1.20 | at least |"}},
		{13, 8, 10, []string{"over the C wall's | 1.30 | 1.25 | 1.05 | no |", "CPU per echo | 1.62 | 1.60 | 1.20 | no |"}},
	} {
		r := &Report{Cases: []Case{c}, Runs: []Run{run("sirocco", of.cpu), run("sirocco:inline", of.inline), run("wall-c", of.wall)}}
		var b strings.Builder
		r.Aims(&b)
		for _, want := range of.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%+v: no %q in\n%s", of, want, b.String())
			}
		}
		if strings.Contains(b.String(), "handshakes") {
			t.Error("an aim without a figure is in the table")
		}
	}
}

func TestBehindNamesEveryPeerThatIsAhead(t *testing.T) {
	r, _ := report()
	var b strings.Builder
	r.Behind(&b)
	if !strings.Contains(b.String(), "In no ratio") {
		t.Errorf("node and the wall are behind or no peers, yet: %s", b.String())
	}
	c := Case{Name: "x", Title: "X", Servers: []string{"sirocco", "sirocco:inline", "gws", "wall-c"}, Metrics: []Metric{cpuEach, rate, busy}}
	run := func(server string, cpu, rate float64) Run {
		return Run{Case: "x", Server: server, Result: &load.Result{CPUMicros: cpu, OpsPerSec: rate}}
	}
	r = &Report{Cases: []Case{c}, Runs: []Run{run("sirocco", 10, 500), run("sirocco:inline", 9, 600), run("gws", 9.5, 400), run("wall-c", 5, 900)}}
	b.Reset()
	r.Behind(&b)
	want := "- X: server CPU µs each: gws 9.50, ours 10.00.\n"
	if !strings.HasSuffix(b.String(), "\n\n"+want) {
		t.Errorf("got %q, want one line %q", b.String(), want)
	}
}
