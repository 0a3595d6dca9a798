package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/bench/million"
	"github.com/stretchr/testify/require"
)

// TestMain is siobench itself when a test starts this program as such.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "worker") {
		main()
		return
	}
	os.Exit(m.Run())
}

// few is a million that a test gets through. A slow machine has seconds for the
// one heartbeat that each socket must have.
func few(t *testing.T) million.Options {
	if testing.Short() {
		t.Skip("starts processes and waits for heartbeats")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	return million.Options{Sockets: 500, Each: 200, Rest: 8 * time.Second, PingInterval: 4500 * time.Millisecond, FloorBytes: 1, Program: self, Log: t.Output()}
}

func TestMillionInSmall(t *testing.T) {
	r, err := million.Run(t.Context(), few(t))
	require.NoError(t, err)
	if r.Connected != 500 || r.Pairs != 3 || r.Delivered != 500 || r.Stopped != "" || r.Void != "" || len(r.Points) != 3 {
		t.Errorf("report = %+v; want 500 sockets in 3 pairs, 500 deliveries", r)
	}
	if r.Fewest < 1 || r.Pings < 500 || r.ServersPss == 0 || r.ClientsPss == 0 || r.ServersCPU <= 0 || r.Gone <= 0 {
		t.Errorf("report = %+v; want heartbeats, memory, CPU and an end", r)
	}
}

// TestMillionStopsAtItsFloor: the first pair needs more than may be taken.
func TestMillionStopsAtItsFloor(t *testing.T) {
	opt := few(t)
	opt.FloorBytes = 1 << 60
	r, err := million.Run(t.Context(), opt)
	if err == nil || r == nil || r.Connected != 0 || !strings.Contains(r.Stopped, "memory") {
		t.Errorf("run = %+v, %v; want that memory stopped it", r, err)
	}
}

func TestMillionEndsWithItsContext(t *testing.T) {
	opt := few(t)
	opt.Rest = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	opt.Log = writerFunc(func(b []byte) (int, error) {
		if strings.Contains(string(b), "at rest") {
			cancel()
		}
		return len(b), nil
	})
	r, err := million.Run(ctx, opt)
	if err == nil || r.Connected != 500 || r.Void == "" {
		t.Errorf("run = %+v, %v; want void at rest", r, err)
	}
}

type writerFunc func(b []byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
