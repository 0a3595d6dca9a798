// Command siobench measures Socket.IO servers.
//
//	siobench serve    the server that load is put on
//	siobench run      one scenario against any Socket.IO 4 server
//	siobench million  as many sockets as the machine holds, in many processes
//	siobench compare  servers side by side, pinned and interleaved
//
// Each prints its flags with -h. BENCHMARKS.md is what compare wrote.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// command is one of siobench's verbs.
type command struct {
	name, does string
	run        func(ctx context.Context, args []string) error
}

var commands = []command{
	{"serve", "the server that load is put on: serve -addr 127.0.0.1:3000", serve},
	{"run", "one scenario: run <scenario> -url http://127.0.0.1:3000", run},
	{"load", "the same as run", run},
	{"million", "a million sockets, or as many as the machine holds: million -n 100000", openMillion},
	{"worker", "one process of a run of several, which starts it", worker},
	{"compare", "servers side by side: compare -scenario echo -servers sirocco,node,wall-c", compareServers},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := dispatch(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "siobench:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("the first argument must be serve, run, million or compare")

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		for _, c := range commands {
			if c.name == args[0] {
				return c.run(ctx, args[1:])
			}
		}
	}
	for _, c := range commands {
		fmt.Fprintf(os.Stderr, "  %-8s %s\n", c.name, c.does)
	}
	return errUsage
}
