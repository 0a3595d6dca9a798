package main

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSimulation: all join, have their heartbeats and each broadcast once; who
// is silent is cut, and when the others have left nothing is left of them. All
// that is checked by the phases themselves.
func TestSimulation(t *testing.T) {
	opt := small(t)
	r, err := simulate(context.Background(), opt)
	require.NoError(t, err)
	if len(r.Casts) != opt.casts || r.Cut != opt.silent || r.Beats.Pings < opt.clients {
		t.Errorf("%d broadcasts, %d cut, %d pings", len(r.Casts), r.Cut, r.Beats.Pings)
	}
	if r.Goroutines > 100 {
		t.Errorf("%d goroutines with %d sockets", r.Goroutines, opt.clients)
	}
	sum := 0.0
	for i, p := range r.Parts {
		if i < len(r.Parts)-1 {
			sum += p.Bytes
		}
	}
	if r.Heap < 300 || sum < 300 {
		t.Errorf("a socket has %.0f bytes, its parts %.0f", r.Heap, sum)
	}
	var b strings.Builder
	r.write(&b)
	if !strings.Contains(b.String(), "2,000 Socket.IO sockets in one process, **simulated**") {
		t.Errorf("the report does not say what it is:\n%s", b.String())
	}
}
