package compare

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/stretchr/testify/require"
)

// TestWallsAnswerRight drives every wall with the load generator, which
// checks each answer. The large broadcasts are more than the kernel takes at
// once.
func TestWallsAnswerRight(t *testing.T) {
	tools := Tools{Root: "../..", Dir: t.TempDir()}
	for _, name := range []string{"wall-c", "wall-uring", "wall-go"} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath("gcc"); err != nil && name != "wall-go" {
				t.Skip("gcc is not installed")
			}
			s, err := tools.Server(name)
			if errors.Is(err, errUnavailable) {
				t.Skip(err)
			}
			require.NoError(t, err)
			var complaints strings.Builder
			p, err := s.start(context.Background(), -1, &complaints)
			require.NoError(t, err)
			defer p.stop()
			for _, c := range []load.Config{
				{Scenario: "echo", Clients: 50, Pipeline: 8},
				{Scenario: "ack", Clients: 20},
				{Scenario: "broadcast", Clients: 100, InFlight: 20},
				{Scenario: "broadcast", Clients: 40, InFlight: 16, Payload: 60_000},
				{Scenario: "broadcast", Clients: 30, Event: "bcast"},
				{Scenario: "churn", Clients: 20},
			} {
				c.URL, c.PID, c.Warmup, c.Duration = p.url, p.pid, 50*time.Millisecond, 200*time.Millisecond
				r, err := load.Run(context.Background(), c)
				if err != nil || r.Ops == 0 {
					t.Errorf("%s of %d bytes: %v; the server said %q", c.Scenario, c.Payload, err, complaints.String())
				}
			}
		})
	}
}

func TestServersThatTheKernelCannotRunAreLeftOut(t *testing.T) {
	tools := Tools{Root: t.TempDir(), Dir: t.TempDir()}
	broken := "#!/bin/sh\necho 'wall: io_uring is not available: io_uring_setup: Operation not permitted' >&2\nexit 1\n"
	require.NoError(t, os.WriteFile(filepath.Join(tools.Dir, "wall-uring"), []byte(broken), 0o755))

	var log strings.Builder
	rep, err := Do(context.Background(), tools, []Case{{Name: "echo", Servers: []string{"wall-uring"}, Note: "A note."}}, Options{Rounds: 1, Log: &log})
	require.NoError(t, err)
	note := rep.Cases[0].Note
	if len(rep.Runs) != 0 || !strings.HasPrefix(note, "A note. wall-uring is left out") || !strings.Contains(note, "Operation not permitted") || !strings.Contains(note, log.String()[:10]) {
		t.Errorf("%d runs, note %q, log %q", len(rep.Runs), note, log.String())
	}
	if _, _, err := tools.servers([]string{"nobody"}); err == nil {
		t.Error("a server that does not exist is no error")
	}
}
