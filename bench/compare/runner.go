package compare

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/bench/load"
	"github.com/sirocco-io/sirocco/bench/proc"
)

// Options of a comparison.
type Options struct {
	Rounds    int           // interleaved; at least 1
	ServerCPU int           // processor of the servers; negative: not pinned
	ClientCPU int           // processor of the load generator; negative: not pinned
	RunTime   time.Duration // bound of one run, after which it is cut
	Extra     []string      // flags added to every siobench run
	Log       io.Writer     // progress, and what servers and clients complain of
}

// Run is one scenario on one server, once.
type Run struct {
	Case   string       `json:"case"`
	Server string       `json:"server"`
	Round  int          `json:"round"`
	Error  string       `json:"error,omitempty"`
	Result *load.Result `json:"result"`
}

// Report is everything a comparison measured.
type Report struct {
	Machine Machine       `json:"machine"`
	Command []string      `json:"command"`
	Options string        `json:"options"`
	Took    time.Duration `json:"took"`
	Cases   []Case        `json:"-"`
	Runs    []Run         `json:"runs"`
}

var errVoid = errors.New("compare: runs of ours, of the reference or of a wall are void")

// Do runs the cases. It returns the report also when runs were void, with an
// error then, but for a peer's: that one got it wrong is a finding, for the table; a cancelled ctx ends it after the run that is under way.
func Do(ctx context.Context, t Tools, cases []Case, o Options) (*Report, error) {
	rep := &Report{Machine: ReadMachine(t.Root), Command: append([]string{"siobench"}, os.Args[1:]...), Cases: slices.Clone(cases)}
	rep.Options = fmt.Sprintf("%d rounds, server on processor %d, client on processor %d", o.Rounds, o.ServerCPU, o.ClientCPU)
	began := time.Now()
	defer func() { rep.Took = time.Since(began).Round(time.Second) }()
	void := 0
	for i, c := range cases {
		servers, absent, err := t.servers(c.Servers)
		if err != nil {
			return rep, err
		}
		if absent != "" {
			rep.Cases[i].Note = strings.TrimSpace(c.Note + " " + absent)
			_, _ = fmt.Fprintln(cmp.Or(o.Log, io.Discard), absent)
		}
		for round := range o.Rounds {
			for _, s := range servers {
				if ctx.Err() != nil {
					return rep, ctx.Err()
				}
				run := t.one(ctx, c, s, round, o)
				if run.Error != "" && mustHold(s.Name) {
					void++
				}
				rep.Runs = append(rep.Runs, run)
				progress(o.Log, c, run)
			}
		}
	}
	if void > 0 {
		return rep, fmt.Errorf("%w: %d of %d", errVoid, void, len(rep.Runs))
	}
	return rep, nil
}

// servers makes what the servers need. One that the kernel can't run is left
// out, and a sentence tells.
func (t Tools) servers(names []string) (all []Server, absent string, err error) {
	for _, n := range names {
		s, err := t.Server(n)
		switch {
		case errors.Is(err, errUnavailable):
			absent = fmt.Sprintf("%s is left out, %v.", n, err)
		case err != nil:
			return nil, "", err
		default:
			all = append(all, s)
		}
	}
	return all, absent, nil
}

// one starts the server, runs the client, and ends both.
func (t Tools) one(ctx context.Context, c Case, s Server, round int, o Options) Run {
	run := Run{Case: c.Name, Server: s.Name, Round: round}
	ctx, cancel := context.WithTimeout(ctx, o.RunTime)
	defer cancel()
	p, err := s.start(ctx, o.ServerCPU, o.Log)
	if err != nil {
		run.Error = err.Error()
		return run
	}
	defer p.stop()
	run.Result, err = t.client(ctx, c, s, p, o)
	if err != nil {
		run.Error = err.Error()
	}
	return run
}

// client runs the load generator as a process of its own.
func (t Tools) client(ctx context.Context, c Case, s Server, p *process, o Options) (*load.Result, error) {
	file := filepath.Join(t.Dir, "result.json")
	_ = os.Remove(file)
	args := append([]string{"run", c.Args[0], "-url", p.url, "-pid", strconv.Itoa(p.pid), "-q", "-json", file}, c.Args[1:]...)
	args = append(append(args, s.client...), o.Extra...)
	cmd := exec.CommandContext(ctx, t.Self, args...)
	cmd.WaitDelay = time.Second
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := proc.Start(cmd, o.ClientCPU); err != nil {
		return nil, err
	}
	runErr := cmd.Wait()
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("compare: the client wrote no result: %s", strings.TrimSpace(complaint.String()))
	}
	r := new(load.Result)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	if r.Void != "" {
		return r, errors.New(r.Void)
	}
	return r, runErr
}

// progress writes one line for a run.
func progress(w io.Writer, c Case, run Run) {
	if w == nil {
		return
	}
	_, _ = fmt.Fprintf(w, "%-18s %d %-28s", c.Name, run.Round+1, run.Server)
	if run.Error != "" {
		_, _ = fmt.Fprintf(w, " VOID: %s\n", run.Error)
		return
	}
	for _, m := range c.Metrics {
		_, _ = fmt.Fprintf(w, "  %s %s", format(m.Of(run.Result), m.Digits), m.Name)
	}
	if run.Result.Bound {
		_, _ = fmt.Fprint(w, "  (client-bound)")
	}
	_, _ = fmt.Fprintln(w)
}
