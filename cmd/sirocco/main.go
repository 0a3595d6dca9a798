// Command sirocco runs a Socket.IO server with a chat page: what `make run` starts. It is also the
// example of a whole application on package sio: typed handlers, rooms, acknowledgements, binary,
// namespaces, an ordinary http.Handler for the other paths, and a clean end.
//
// Start reading in chat.go. Flags, or environment variables of the same names (SIROCCO_ADDR for -addr),
// configure it; `sirocco -h` lists them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirocco-io/sirocco/sio"
)

func main() {
	cfg, err := parseConfig(os.Args[1:], os.Getenv, os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, cfg, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sirocco:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, then lets the clients go: what is queued is written, every socket is
// told, and no connection is left.
func run(ctx context.Context, cfg config, out io.Writer) error {
	web := newWeb(cfg)
	server, err := sio.NewServer(cfg.server(web))
	if err != nil {
		return err
	}
	chat := newChat(server)
	chat.register()
	counters := newCounters(server, chat)
	web.counters = counters

	addr, err := server.Listen("tcp", cfg.addr)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "sirocco: http://%s/\n", addr)

	counters.run(ctx)

	fmt.Fprintln(out, "sirocco: draining")
	ctx, cancel := context.WithTimeout(context.Background(), cfg.drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w", err)
	}
	fmt.Fprintln(out, "sirocco: done")
	return nil
}
