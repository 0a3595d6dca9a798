package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/bench/compare"
)

// compareFlags are the flags of compare.
type compareFlags struct {
	suite, only, servers string
	document, json       string
	scenario             []string // and its flags
	options              compare.Options
}

var errSuite = errors.New("-suite must be full or smoke, or -scenario given")

// compareServers runs servers side by side and writes the tables.
//
//	siobench compare -suite full -write BENCHMARKS.md
//	siobench compare -scenario "echo -n 500" -servers sirocco:inline,node,wall-c -rounds 3
func compareServers(ctx context.Context, args []string) error {
	opt, err := parseCompare(args)
	if err != nil {
		return err
	}
	cases, err := opt.cases()
	if err != nil {
		return err
	}
	tools, err := compare.NewTools()
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(tools.Dir) }()
	began := time.Now()
	report, runErr := compare.Do(ctx, tools, cases, opt.options)
	if report == nil {
		return runErr
	}
	if opt.json != "" {
		if err := writeJSON(opt.json, report); err != nil {
			return err
		}
	}
	report.Document(os.Stdout)
	fmt.Fprintf(os.Stderr, "took %v\n", time.Since(began).Round(time.Second))
	if opt.document != "" && runErr == nil {
		return report.WriteDocument(opt.document)
	}
	return runErr
}

func parseCompare(args []string) (compareFlags, error) {
	opt := compareFlags{options: compare.Options{Log: os.Stderr}}
	fs := flag.NewFlagSet("compare", flag.ContinueOnError)
	var scenario string
	fs.StringVar(&opt.suite, "suite", "", "full: all of BENCHMARKS.md; smoke: correctness in under two minutes")
	fs.StringVar(&opt.only, "only", "", "of the suite, only these cases, with commas")
	fs.StringVar(&scenario, "scenario", "", `one scenario, with flags of run if need be: "echo -n 500 -pipeline 8"`)
	fs.StringVar(&opt.servers, "servers", "", "with commas: sirocco[:raw|typed|dynamic|inline|deflate|tls|nethttp|epoll|netpoll|uring|loops=n|procs=n|gogc=n|bin=path, with +], node, wall-c, wall-uring, wall-go, "+strings.Join(compare.Peers, ", "))
	fs.StringVar(&opt.document, "write", "", "put the tables into this Markdown file")
	fs.StringVar(&opt.json, "json", "", "write every run to this file")
	fs.IntVar(&opt.options.Rounds, "rounds", 5, "interleaved rounds")
	seconds := fs.Float64("seconds", 0, "the measured window of each run; 0: as the case says")
	fs.IntVar(&opt.options.ServerCPU, "server-cpu", 0, "processor of the servers; -1: any")
	fs.IntVar(&opt.options.ClientCPU, "client-cpu", 1, "processor of the load generator; -1: any")
	fs.DurationVar(&opt.options.RunTime, "run-time", 3*time.Minute, "bound of one run")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	opt.scenario = append(strings.Fields(scenario), fs.Args()...)
	if *seconds > 0 {
		opt.options.Extra = []string{"-duration", fmt.Sprintf("%gs", *seconds)}
	}
	opt.options.Rounds = max(opt.options.Rounds, 1)
	if runtime.NumCPU() < 2 {
		opt.options.ServerCPU, opt.options.ClientCPU = -1, -1
	}
	return opt, nil
}

// cases picks what to run.
func (o compareFlags) cases() ([]compare.Case, error) {
	servers := split(o.servers)
	var cases []compare.Case
	switch {
	case len(o.scenario) > 0:
		if len(servers) == 0 {
			servers = []string{"sirocco", "sirocco:inline", "node", "wall-go", "wall-c"}
		}
		return []compare.Case{compare.Single(o.scenario, servers)}, nil
	case o.suite == "full":
		cases = compare.Full()
	case o.suite == "smoke":
		cases = compare.Smoke()
	default:
		return nil, errSuite
	}
	if only := split(o.only); len(only) > 0 {
		cases = slices.DeleteFunc(cases, func(c compare.Case) bool { return !slices.Contains(only, c.Name) })
	}
	if len(servers) > 0 {
		for i := range cases {
			cases[i].Servers = servers
		}
	}
	return cases, nil
}

func split(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
