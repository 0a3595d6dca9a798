// Command sim holds a million Socket.IO sockets with all their state in one
// process. Their kernel is simulated, and their clients, which speak every
// byte of the protocol; all else is the server as it is.
//
//	go run ./bench/sim -n 1000000 -json sim.json -write BENCHMARKS.md
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"
)

// profileRate is one sample of the heap profile in so many bytes: a part of
// 100 bytes of a million sockets is known to 1 or 2 %.
const profileRate = 16 << 10

func main() {
	runtime.MemProfileRate = profileRate // before all else, so that all is sampled alike
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "sim:", err)
		os.Exit(1)
	}
}

// command runs one simulation as the flags say.
func command(ctx context.Context, args []string) error {
	opt := options{log: os.Stderr}
	fs := flag.NewFlagSet("sim", flag.ContinueOnError)
	fs.IntVar(&opt.clients, "n", 1_000_000, "sockets; up to 16 million")
	fs.IntVar(&opt.loops, "loops", 0, "event loops; 0: one for each processor")
	fs.IntVar(&opt.room, "room", 1000, "sockets of a room")
	fs.IntVar(&opt.payload, "payload", 100, "bytes of a broadcast's argument")
	fs.IntVar(&opt.casts, "casts", 3, "broadcasts to all")
	fs.IntVar(&opt.silent, "silent", 0, "clients that stop to answer, and have to be cut before the others leave")
	fs.DurationVar(&opt.ping, "ping-interval", 25*time.Second, "between heartbeats; a round of them is measured")
	fs.DurationVar(&opt.pingTimeout, "ping-timeout", 20*time.Second, "for the answer to one")
	fs.DurationVar(&opt.patience, "patience", 10*time.Minute, "the longest that a phase may take")
	limit := fs.Int64("memory", 0, "GiB that the heap should stay below (GOMEMLIMIT); 0: no limit")
	document := fs.String("write", "", "put the tables into this Markdown file")
	file := fs.String("json", "", "write the report to this file")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if err := opt.validate(); err != nil {
		return err
	}
	if *limit > 0 {
		debug.SetMemoryLimit(*limit << 30)
	}
	r, err := simulate(ctx, opt)
	if err != nil {
		return err
	}
	r.write(os.Stdout)
	if *file != "" {
		b, err := json.MarshalIndent(r, "", "\t")
		if err != nil {
			return err
		}
		if err := os.WriteFile(*file, append(b, '\n'), 0o644); err != nil {
			return err
		}
	}
	if *document != "" {
		command := strings.Join(append([]string{"go run ./bench/sim"}, args...), " ")
		return r.document(*document, command)
	}
	return nil
}

// mostClients is what the tables of ids hold.
const mostClients = 1 << 24

// validate names the flag that makes no sense.
func (o *options) validate() error {
	switch {
	case o.clients < 1 || o.clients > mostClients:
		return fmt.Errorf("-n is %d, want 1 to %d", o.clients, mostClients)
	case o.loops < 0 || o.loops > 1024:
		return fmt.Errorf("-loops is %d, want 0 to 1024", o.loops)
	case o.room < 1:
		return fmt.Errorf("-room is %d, want 1 or more", o.room)
	case o.payload < 0 || o.payload > mostPayload:
		return fmt.Errorf("-payload is %d, want 0 to %d", o.payload, mostPayload)
	case o.casts < 1:
		return fmt.Errorf("-casts is %d, want 1 or more", o.casts)
	case o.silent < 0 || o.silent > o.clients:
		return fmt.Errorf("-silent is %d, want 0 to %d", o.silent, o.clients)
	case o.ping < 100*time.Millisecond || o.pingTimeout <= 0:
		return errors.New("-ping-interval must be 100ms or more, -ping-timeout more than 0")
	}
	return nil
}

// mostPayload keeps a message in one frame with a length of 16 bits.
const mostPayload = 60_000
