package million

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/sirocco-io/sirocco/bench/proc"
	"github.com/stretchr/testify/require"
)

func TestLimitsStopInFrontOfThem(t *testing.T) {
	const gib = 1 << 30
	before := proc.Kernel{Available: 20 * gib, MaxFiles: 1000, Files: 100, PressureBytes: gib}
	with := func(change func(k *proc.Kernel)) proc.Kernel {
		k := before
		change(&k)
		return k
	}
	for _, c := range []struct {
		name    string
		now     proc.Kernel
		open, n int
		want    string // the beginning
	}{
		{"nothing", before, 0, 400, ""},
		{"memory, by guess", with(func(k *proc.Kernel) { k.Available = 2*gib + pairBytes }), 0, 100, "memory"},
		{"memory, just enough", with(func(k *proc.Kernel) { k.Available = 2*gib + pairBytes + 100*guessedSocket }), 0, 100, ""},
		{"memory, as seen", with(func(k *proc.Kernel) { k.Available = 4 * gib }), 4, 1, "memory"}, // 4 GiB each
		{"files, the last that go", before, 0, 450, ""},
		{"files", before, 0, 451, "open files: 100 of fs.file-max 1000 are open; to go on: sysctl -w fs.file-max=2000"},
		{"buffers", with(func(k *proc.Kernel) { k.SocketBytes = gib + 1 }), 1, 1, "TCP's buffers"},
		{"netfilter", with(func(k *proc.Kernel) { k.Tracked, k.MaxTracked = 90, 100 }), 90, 11, "netfilter"},
		{"netfilter, which leaves us alone", with(func(k *proc.Kernel) { k.Tracked, k.MaxTracked = 9, 100 }), 90, 100, ""},
	} {
		if got := limit(before, c.now, c.open, c.n, 2*gib); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%s: limit = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWatchedEndsWhenMemoryIsLow(t *testing.T) {
	ctx, stop := watched(t.Context(), time.Hour, 1<<60)
	<-ctx.Done()
	stop()
	if err := context.Cause(ctx); !strings.HasPrefix(err.Error(), errFloor.Error()) {
		t.Errorf("cause = %v, want %v", err, errFloor)
	}
	ctx, stop = watched(t.Context(), time.Nanosecond, 0)
	<-ctx.Done()
	stop()
	if err := context.Cause(ctx); !strings.Contains(err.Error(), "not done within") {
		t.Errorf("cause = %v, want that its time was over", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	o, err := Options{}.withDefaults()
	require.NoError(t, err)
	if o.Sockets != 1_000_000 || o.Each < 1 || o.Each > 19_000 || o.Rest != time.Minute || o.PingInterval != 25*time.Second || o.PingTimeout != 20*time.Second || o.FloorBytes != 2<<30 {
		t.Errorf("defaults = %+v", o)
	}
	for _, o := range []Options{{Sockets: -1}, {Each: -1}, {Each: 1 << 21}, {FloorBytes: -1}, {Rest: -1}, {PingInterval: -1}, {PingTimeout: -1}, {PhaseTimeout: -1}} {
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func TestReportsHoldCountsAgainstWhatMustBe(t *testing.T) {
	part := func(pings uint32, received uint64) *load.Result {
		return &load.Result{Received: received, Crowd: &load.CrowdResult{Pings: 2, Fewest: pings, Most: pings + 1}}
	}
	for _, c := range []struct {
		name  string
		parts []*load.Result
		ok    bool
	}{
		{"as it must be", []*load.Result{part(2, 10), part(3, 10)}, true},
		{"a silent socket", []*load.Result{part(2, 10), part(1, 10)}, false},
		{"a delivery lost", []*load.Result{part(2, 10), part(2, 9)}, false},
		{"a delivery too many", []*load.Result{part(2, 10), part(2, 11)}, false},
	} {
		r := Report{Connected: 20, Rest: 60, PingInterval: 25}
		if err := r.add(c.parts); (err == nil) != c.ok {
			t.Errorf("%s: error %v", c.name, err)
		}
	}
}

func TestReportSaysWhatStoppedItAndWhatIsVoid(t *testing.T) {
	r := Report{Connected: 1234567, Aim: 2000000, Pairs: 65, Stopped: "memory: too little", Connect: 100, Delivered: 1234567, Echo: 1, Told: 1}
	path := filepath.Join(t.TempDir(), "B.md")
	require.NoError(t, r.WriteDocument(path))
	r.Void = "a socket was lost"
	require.NoError(t, r.WriteDocument(path))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, want := range []string{"**1,234,567 of 2,000,000 sockets", "What stopped it: memory: too little.", "**Void**: a socket was lost.", "12346/s"} {
		if strings.Count(string(b), want) != 1 {
			t.Errorf("not once in the document: %q\n%s", want, b)
		}
	}
	if strings.Contains(string(b), "no socket was lost") {
		t.Errorf("a void run claims that all was well:\n%s", b)
	}
	if err := json.NewEncoder(&bytes.Buffer{}).Encode(r); err != nil {
		t.Errorf("JSON: %v", err)
	}
}

func TestCountWritesCommas(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 19000: "19,000", 1000000: "1,000,000"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %s, want %s", n, got, want)
		}
	}
}
