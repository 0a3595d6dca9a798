package main

import (
	"context"
	"flag"
	"os"

	"github.com/sirocco-io/sirocco/bench/million"
)

// openMillion opens as many sockets as the machine holds.
func openMillion(ctx context.Context, args []string) error {
	var (
		opt            million.Options
		json, document string
		quiet          bool
		floor          int
	)
	fs := flag.NewFlagSet("million", flag.ContinueOnError)
	fs.IntVar(&opt.Sockets, "n", 0, "sockets to open; 0: 1,000,000")
	fs.IntVar(&opt.Each, "each", 0, "sockets of each pair of processes; 0: 19,000, or what the limit of descriptors allows")
	fs.IntVar(&floor, "floor", 2048, "MiB of memory to leave available")
	fs.DurationVar(&opt.Rest, "rest", 0, "to watch heartbeats for; 0: 1m")
	fs.DurationVar(&opt.PingInterval, "ping-interval", 0, "between heartbeats; 0: 25s")
	fs.DurationVar(&opt.PingTimeout, "ping-timeout", 0, "for the answer to one; 0: 20s")
	fs.DurationVar(&opt.PhaseTimeout, "timeout", 0, "of each part of the run, and of opening each pair; 0: 10m")
	fs.StringVar(&json, "json", "", "write the report as JSON to this file; -: to standard output")
	fs.StringVar(&document, "write", "", "put the report into this Markdown file, between its marks")
	fs.BoolVar(&quiet, "q", false, "no progress lines")
	if err := fs.Parse(args); err != nil {
		return err
	}
	opt.FloorBytes = int64(floor) << 20
	if !quiet {
		opt.Log = os.Stderr
	}
	var err error
	if opt.Program, err = os.Executable(); err != nil {
		return err
	}
	report, runErr := million.Run(ctx, opt)
	if report == nil {
		return runErr
	}
	if json != "" {
		if err := writeJSON(json, report); err != nil {
			return err
		}
	}
	if json != "-" {
		report.Document(os.Stdout)
	}
	if document != "" && runErr == nil {
		return report.WriteDocument(document)
	}
	return runErr
}
