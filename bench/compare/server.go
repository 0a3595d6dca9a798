package compare

import (
	"bufio"
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
	"github.com/sirocco-io/sirocco/poller"
)

// Server says how one of the compared servers is started.
type Server struct {
	Name string   // as in the tables: sirocco:inline, node, wall-c
	Args []string // the command
	Env  []string // added to the environment

	scheme string   // of its URL; empty means http
	client []string // flags that the load generator needs for it
}

// Tools is where the servers' programs are.
type Tools struct {
	Root string // of the module
	Self string // the siobench program
	Dir  string // where programs are built to
}

var (
	errNoModule = errors.New("compare: run it within the module: no go.mod above this folder")
	// errUnavailable is wrapped by what says which part of the kernel a server lacks.
	errUnavailable = errors.New("not on this machine")
	errNoNode      = errors.New("compare: bench/node/node_modules is missing: run npm ci in bench/node")
)

// NewTools finds the module and makes a folder to build in. The caller removes
// Dir.
func NewTools() (Tools, error) {
	var t Tools
	dir, err := os.Getwd()
	if err != nil {
		return t, err
	}
	for ; t.Root == ""; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			t.Root = dir
		} else if dir == filepath.Dir(dir) {
			return t, errNoModule
		}
	}
	if t.Self, err = os.Executable(); err != nil {
		return t, err
	}
	t.Dir, err = os.MkdirTemp("", "siobench")
	return t, err
}

// Server makes what the server called name needs. Names are a kind and its
// options: sirocco:netpoll+inline. The kinds are sirocco (raw, typed, dynamic,
// inline, deflate, tls, nethttp, epoll, netpoll, uring, eio3, ping=interval, loops=n, procs=n, gogc=n,
// bin=path of another siobench), node (deflate, eio3, ping=interval), wall-c, wall-uring, wall-go, and
// those of [Peers]. With eio3 the clients speak Socket.IO 2.
func (t Tools) Server(name string) (Server, error) {
	kind, rest, _ := strings.Cut(name, ":")
	var options []string
	if rest != "" {
		options = strings.Split(rest, "+")
	}
	s := Server{Name: name}
	switch kind {
	case "sirocco":
		return t.sirocco(s, options)
	case "node":
		return t.node(s, options)
	case "wall-c":
		out := filepath.Join(t.Dir, "wall-c")
		s.Args = []string{out}
		return s, t.build(out, "gcc", "-O2", "-o", out, "bench/wall/wall.c")
	case "wall-uring":
		out := filepath.Join(t.Dir, "wall-uring")
		s.Args = []string{out}
		if err := t.build(out, "gcc", "-O2", "-o", out, "bench/wall/uring.c"); err != nil {
			return s, err
		}
		if b, err := exec.Command(out, "-check").CombinedOutput(); err != nil {
			return s, fmt.Errorf("%w: %s", errUnavailable, cmp.Or(strings.TrimSpace(string(b)), err.Error()))
		}
		return s, nil
	case "wall-go":
		out := filepath.Join(t.Dir, "wall-go")
		s.Args = []string{out}
		return s, t.build(out, "go", "build", "-o", out, "./bench/wall/go")
	}
	if slices.Contains(Peers, kind) {
		return t.peer(s, kind, options)
	}
	return s, fmt.Errorf("compare: server %q is not sirocco, node, wall-c, wall-uring, wall-go or one of %v", name, Peers)
}

func (t Tools) sirocco(s Server, options []string) (Server, error) {
	s.Args = []string{t.Self, "serve"}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "inline":
			s.Args = append(s.Args, "-inline")
		case "deflate":
			s.Args = append(s.Args, "-deflate")
		case "tls":
			s.Args = append(s.Args, "-tls")
			s.scheme = "https"
		case "nethttp":
			s.Args = append(s.Args, "-door", "nethttp")
		case "eio3":
			s.Args = append(s.Args, "-eio3")
			s.client = []string{"-dialect", load.SocketIO2}
		case "raw", "typed", "dynamic":
			s.Args = append(s.Args, "-handlers", key)
		case "epoll", "netpoll", "uring":
			if err := available(poller.Backend(key)); err != nil {
				return s, fmt.Errorf("%w: %w", errUnavailable, err)
			}
			s.Args = append(s.Args, "-backend", key)
		case "ping":
			s.Args = append(s.Args, "-ping-interval", value)
		case "loops":
			s.Args = append(s.Args, "-loops", value)
		case "procs":
			s.Env = append(s.Env, "GOMAXPROCS="+value)
		case "gogc":
			s.Env = append(s.Env, "GOGC="+value)
		case "bin":
			s.Args[0] = value
		default:
			return s, fmt.Errorf("compare: sirocco has no option %q", o)
		}
	}
	return s, nil
}

// available says why the kernel can't run a backend.
func available(b poller.Backend) error {
	p, err := poller.New(poller.Config{Loops: 1, Backend: b})
	if err != nil {
		return err
	}
	return p.Close()
}

func (t Tools) node(s Server, options []string) (Server, error) {
	dir := filepath.Join(t.Root, "bench", "node")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "socket.io")); err != nil {
		return s, errNoNode
	}
	s.Args = []string{"node", "--expose-gc", filepath.Join(dir, "server.js")}
	for _, o := range options {
		key, value, _ := strings.Cut(o, "=")
		switch key {
		case "deflate":
			s.Args = append(s.Args, "-deflate")
		case "eio3":
			s.Args = append(s.Args, "-eio3")
			s.client = []string{"-dialect", load.SocketIO2}
		case "ping":
			d, err := time.ParseDuration(value)
			if err != nil {
				return s, fmt.Errorf("compare: %s: %w", s.Name, err)
			}
			s.Args = append(s.Args, "-ping-interval", strconv.FormatInt(d.Milliseconds(), 10))
		default:
			return s, fmt.Errorf("compare: node has no option %q", o)
		}
	}
	return s, nil
}

// build runs a compiler unless its output is there.
func (t Tools) build(out, name string, args ...string) error {
	if _, err := os.Stat(out); err == nil {
		return nil
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = t.Root
	if b, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("compare: %s %s: %w\n%s", name, strings.Join(args, " "), err, b)
	}
	return nil
}

// process is a started server.
type process struct {
	cmd  *exec.Cmd
	url  string
	pid  int
	done chan struct{} // closed when it ended
}

// startTime is how long a server may take to listen.
const startTime = 20 * time.Second

var errNotListening = errors.New("compare: the server did not say that it listens")

// start starts s on processor cpu, on a port of the kernel's choice.
func (s Server) start(ctx context.Context, cpu int, log io.Writer) (*process, error) {
	args := append([]string{}, s.Args[1:]...)
	if strings.HasPrefix(s.Name, "wall-c") || strings.HasPrefix(s.Name, "wall-uring") {
		args = append(args, "127.0.0.1", "0")
	} else if strings.HasPrefix(s.Name, "wall-go") {
		args = append(args, "127.0.0.1:0")
	} else {
		args = append(args, "-addr", "127.0.0.1:0")
	}
	cmd := exec.CommandContext(ctx, s.Args[0], args...)
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stderr = log
	cmd.WaitDelay = time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := proc.Start(cmd, cpu); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	line := make(chan string, 1)
	go func() { // ends when the server closes its output, which is when it ends
		defer close(p.done)
		r := bufio.NewReader(out)
		first, _ := r.ReadString('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r)
		_ = cmd.Wait()
	}()
	return p, p.listening(cmp.Or(s.scheme, "http"), line)
}

// listening waits for the server's first line.
func (p *process) listening(scheme string, line <-chan string) error {
	var hello struct {
		Listening string `json:"listening"`
		PID       int    `json:"pid"`
	}
	t := time.NewTimer(startTime)
	defer t.Stop()
	select {
	case l := <-line:
		if err := json.Unmarshal([]byte(l), &hello); err != nil {
			p.stop()
			return fmt.Errorf("%w: %q", errNotListening, l)
		}
	case <-t.C:
		p.stop()
		return errNotListening
	}
	p.url, p.pid = scheme+"://"+hello.Listening, hello.PID
	return nil
}

// stop ends the server.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	<-p.done
}
