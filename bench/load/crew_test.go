package load

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowdOf starts a crew of n crowds, each with a server of its own, and waits
// until all are connected.
func crowdOf(t *testing.T, n int) *Crew {
	t.Helper()
	if testing.Short() {
		t.Skip("starts processes")
	}
	c := NewCrew()
	t.Cleanup(c.Close)
	for range n {
		cfg := short("crowd", contract(t, 0))
		cfg.Procs, cfg.Clients = 1, 10
		_, err := c.Start(cfg)
		require.NoError(t, err)
	}
	step, err := c.Gather(t.Context())
	require.NoError(t, err)
	require.Equal(t, stepConnected, step)
	return c
}

func TestCrewTakesTurns(t *testing.T) {
	c := crowdOf(t, 3)
	for _, want := range []string{stepSample, stepSample, stepPrepared, stepDrained, stepClosed, stepResult} {
		var step string
		var err error
		if want == stepDrained {
			step, err = c.Turns(t.Context(), 2)
		} else if err = c.Go(); err == nil {
			step, err = c.Gather(t.Context())
		}
		require.NoError(t, err)
		if step != want {
			t.Fatalf("step = %s, want %s", step, want)
		}
	}
	parts, err := c.Results()
	require.NoError(t, err)
	for i, r := range parts {
		if r.Received != 10 {
			t.Errorf("crowd %d received %d, want one each", i, r.Received)
		}
	}
}

func TestCrewDropsTheLastOne(t *testing.T) {
	c := crowdOf(t, 2)
	silent := short("crowd", "http://127.0.0.1:1") // nobody listens there
	silent.Procs, silent.Clients = 1, 10
	_, err := c.Start(silent)
	require.NoError(t, err)
	if _, err := c.Gather(t.Context()); err == nil || !strings.Contains(err.Error(), "process 3 of 3") {
		t.Errorf("Gather = %v, want the fault of process 3", err)
	}
	require.NoError(t, c.Drop())
	require.NoError(t, c.Go())
	if step, err := c.Gather(t.Context()); err != nil || step != stepSample {
		t.Errorf("Gather = %s, %v, want that the others go on", step, err)
	}
}

func TestCrewDoesNotDropWhatFailedMeanwhile(t *testing.T) {
	c := crowdOf(t, 2)
	require.NoError(t, c.workers[0].cmd.Process.Kill())
	cfg := short("crowd", contract(t, 0))
	cfg.Procs, cfg.Clients = 1, 10
	_, err := c.Start(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for err == nil { // the new one may be there before the dead one is noticed
		if _, err = c.Gather(ctx); err == nil {
			err = c.Go()
		}
	}
	if !strings.Contains(err.Error(), "process 1 of 3") {
		t.Errorf("error = %v, want that of process 1", err)
	}
	if err := c.Drop(); err == nil {
		t.Error("Drop has no error, though process 1 is dead")
	}
}
