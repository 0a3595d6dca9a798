package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/bench/load"
)

// run puts one scenario on a server and prints what it counted.
func run(ctx context.Context, args []string) error {
	cfg, out, err := runFlags(args)
	if err != nil {
		return err
	}
	moreProcessors()
	var hdr bytes.Buffer
	if out.hdr != "" {
		cfg.HDR = &hdr
	}
	stop, err := profile(out.profile)
	if err != nil {
		return err
	}
	r, err := load.Run(ctx, cfg)
	stop()
	if r == nil {
		return err
	}
	if out.json != "" {
		if err := writeJSON(out.json, r); err != nil {
			return err
		}
	}
	if out.hdr != "" && err == nil {
		if err := os.WriteFile(out.hdr, hdr.Bytes(), 0o644); err != nil {
			return err
		}
	}
	if out.json != "-" {
		printResult(os.Stdout, r)
	}
	return err
}

// worker is one process of a run of several: run -procs starts it, and tells
// it by standard input what to do.
func worker(ctx context.Context, _ []string) error {
	moreProcessors()
	return load.Work(ctx, os.Stdin, os.Stdout)
}

// moreProcessors lets the pacer sleep in the kernel without holding the only
// processor meanwhile.
func moreProcessors() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(runtime.GOMAXPROCS(0), 4))
	}
}

// profile starts a CPU profile into path, when it is not empty. The caller
// calls stop.
func profile(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}, nil
}

// outputs are the files that a run writes.
type outputs struct{ json, hdr, profile string }

// runFlags reads the scenario and its flags: flags may stand on both sides of
// the scenario's name.
func runFlags(args []string) (load.Config, outputs, error) {
	var (
		cfg   load.Config
		out   outputs
		sizes string
		quiet bool
		tls   bool
	)
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	addLoadFlags(fs, &cfg)
	fs.StringVar(&cfg.URL, "url", "http://127.0.0.1:3000", "the server: http://address:port; several with commas: idle, connect and echo spread -procs over them")
	fs.BoolVar(&tls, "tls", false, "speak TLS: https instead of http in -url")
	fs.IntVar(&cfg.PID, "pid", 0, "the server's process; 0: who listens on the port")
	fs.StringVar(&sizes, "sizes", "", "idle, shootout, echo: numbers of sockets, with commas; empty: five up to -n, for echo only -n")
	fs.StringVar(&out.json, "json", "", "write the result as JSON to this file; -: to standard output")
	fs.StringVar(&out.hdr, "hdr", "", "latency: write the percentiles to this file")
	fs.StringVar(&out.profile, "cpuprofile", "", "write a profile of the load generator itself to this file")
	fs.BoolVar(&quiet, "q", false, "no progress lines")
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		cfg.Scenario, args = args[0], args[1:]
	}
	if err := fs.Parse(args); err != nil {
		return cfg, out, err
	}
	if cfg.Scenario == "" {
		cfg.Scenario = fs.Arg(0)
	}
	if tls {
		cfg.URL = strings.ReplaceAll(cfg.URL, "http:", "https:")
	}
	if !quiet {
		cfg.Progress = os.Stderr
	}
	var err error
	cfg.Sizes, err = parseInts(sizes)
	return cfg, out, err
}

// addLoadFlags adds the flags that run and compare share.
func addLoadFlags(fs *flag.FlagSet, cfg *load.Config) {
	fs.StringVar(&cfg.Path, "path", "", "on the server; empty: the dialect's, /socket.io/")
	fs.StringVar(&cfg.Dialect, "dialect", load.SocketIO4, "what the server speaks: "+load.SocketIO4+", "+load.SocketIO2+" or "+load.Centrifuge)
	fs.StringVar(&cfg.Transport, "transport", load.WebSocket, "websocket, polling or upgrade")
	fs.BoolVar(&cfg.Deflate, "deflate", false, "have the clients offer permessage-deflate, and fail when the server does not agree")
	fs.IntVar(&cfg.Clients, "n", 0, "clients; 0: the scenario's default")
	fs.IntVar(&cfg.Procs, "procs", 1, "processes that the clients are spread over, where one has too few descriptors")
	fs.IntVar(&cfg.Payload, "payload", 0, "bytes of a message's string; 0: the scenario's default")
	fs.IntVar(&cfg.Pipeline, "pipeline", 1, "echo, ack: messages each client keeps in flight")
	fs.IntVar(&cfg.InFlight, "in-flight", 0, "broadcast, shootout, rooms: messages in flight in all; 0: default")
	fs.IntVar(&cfg.Senders, "senders", 0, "clients that send; 0: the scenario's default")
	fs.StringVar(&cfg.Event, "event", "", "echo, bcast or room; empty: the scenario's default")
	fs.Float64Var(&cfg.Rate, "rate", 0, "latency, mixed: messages per second in all; 0: 1000")
	fs.Float64Var(&cfg.Load, "load", 0, "latency of bcast and room: the rate as a part of the server's own capacity, measured first")
	fs.IntVar(&cfg.LoadWith, "load-with", 1, "latency with -load: messages in flight while the capacity is measured")
	fs.IntVar(&cfg.Rooms, "rooms", 0, "rooms: how many; 0: a quarter of -n")
	fs.IntVar(&cfg.RoomsEach, "rooms-each", 0, "rooms: how many each client joins; 0: 8")
	fs.DurationVar(&cfg.Settle, "settle", 3*time.Second, "idle: rest before each measurement")
	fs.DurationVar(&cfg.Hold, "hold", 0, "idle, connect, crowd: watch the last size for so long")
	fs.BoolVar(&cfg.Collect, "gc", false, "idle: ask the server to collect before each measurement")
	fs.IntVar(&cfg.Window, "window", 200, "connections being opened at a time")
	fs.IntVar(&cfg.Addrs, "addrs", 8, "local addresses that each process connects from")
	fs.IntVar(&cfg.FirstAddr, "first-addr", 2, "the first of them, counted from 127.0.0.0")
	fs.DurationVar(&cfg.Warmup, "warmup", 2*time.Second, "load before the measured window")
	fs.DurationVar(&cfg.Duration, "duration", 5*time.Second, "the measured window")
	fs.DurationVar(&cfg.Timeout, "timeout", time.Minute, "bound of connecting, joining and draining")
	fs.DurationVar(&cfg.Limit, "limit", 500*time.Millisecond, "shootout: the 95th percentile that ends it")
}

func parseInts(s string) ([]int, error) {
	var out []int
	for f := range strings.SplitSeq(s, ",") {
		if f = strings.TrimSpace(f); f == "" {
			continue
		}
		n, err := strconv.Atoi(f)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
	return out, nil
}

// writeJSON writes v to path, or to standard output when path is -.
func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// printResult prints what a reader looks for first.
func printResult(w *os.File, r *load.Result) {
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }
	p("%s %s: %d clients, %s\n", r.Scenario, r.Event, r.Clients, r.Transport)
	if r.Void != "" {
		p("  VOID: %s\n", r.Void)
	}
	if r.Ops > 0 {
		p("  %.0f/s   server %.3f µs each, %.0f %% of a core (%.0f %% user)   client %.3f µs each, %.0f %%\n",
			r.OpsPerSec, r.CPUMicros, 100*r.ServerCPU, 100*r.ServerUser, r.ClientOp, 100*r.ClientCPU)
		p("  sent %d, received %d in the whole run\n", r.Sent, r.Received)
	}
	if r.Bound {
		p("  the CLIENT was the bottleneck: the rate is a lower bound\n")
	}
	for name, l := range map[string]*load.Latency{"each": r.Latency, "last member": r.Last, "client's own lag": r.SendLag} {
		if l != nil {
			p("  latency, %s: p50 %.0f  p90 %.0f  p99 %.0f  p99.9 %.0f  max %.0f µs\n", name, l.P50, l.P90, l.P99, l.P999, l.Max)
		}
	}
	for _, s := range r.Steps {
		p("  %6d clients: %.0f/s, %.2f µs each", s.Clients, s.OpsPerSec, s.CPUMicros)
		if s.Last != nil {
			p(", last member p50 %.1f ms, p95 %.1f ms", s.Last.P50/1e3, s.Last.P95/1e3)
		}
		p("\n")
	}
	if r.Idle != nil {
		for _, pt := range r.Idle.Points {
			p("  %6d sockets: Pss %8.2f MiB, slab %8.2f MiB, %d goroutines, %d threads\n", pt.Sockets,
				float64(pt.Pss)/(1<<20), float64(pt.Slab)/(1<<20), pt.Goroutines, pt.Threads)
		}
		p("  per socket: %.0f bytes (none to last), slope %.0f (R² %.4f), after collection %.0f, kernel %.0f\n",
			r.Idle.PerSocket, r.Idle.Slope, r.Idle.R2, r.Idle.Collected, r.Idle.Kernel)
	}
}
