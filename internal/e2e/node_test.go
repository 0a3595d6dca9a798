package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// needNode ends the test when what it runs on is not here. A missing tool is a failure, never a silent
// skip: only -short leaves these tests out.
func needNode(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("end-to-end tests are left out by -short")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("the end-to-end tests need Node.js 20 or newer; install it, or run go test -short")
	}
	if _, err := os.Stat(filepath.Join("node_modules", "socket.io-client-2")); err != nil {
		t.Fatal("the npm packages are not installed: run make deps (npm ci in internal/e2e)")
	}
}

// notUnderRace leaves out what runs no code of ours, none that the other tests do not run, or what takes
// minutes with the race detector.
func notUnderRace(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("left out under the race detector")
	}
}

// line is what scripts print, one JSON object a line, one field set or a check with its result.
type line struct {
	Check string          `json:"check"` // a check that ended
	OK    bool            `json:"ok"`
	MS    int             `json:"ms"`
	Error string          `json:"error"`
	Fact  string          `json:"fact"` // something observed, for comparison
	Value json.RawMessage `json:"value"`
	Ask   string          `json:"ask"`   // something that the Go side must do; answered by "ok" or an error
	Ready int             `json:"ready"` // a server's port
}

// script is a Node process that talks in lines.
type script struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Scanner
	stderr lockedBuffer
	cancel context.CancelFunc
}

// python is Debian's, which its package python3-socketio is for.
const python = "/usr/bin/python3"

// startScript runs js/name, or py/name, with env added to ours. It is killed when the test ends, or
// after limit.
func startScript(t *testing.T, limit time.Duration, name string, env ...string) *script {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	cmd := exec.CommandContext(ctx, "node", filepath.Join("js", name))
	if filepath.Ext(name) == ".py" {
		cmd = exec.CommandContext(ctx, python, filepath.Join("py", name))
	}
	s := &script{cmd: cmd, cancel: cancel}
	s.cmd.Env = append(os.Environ(), env...)
	s.cmd.Stderr = &s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in, s.out = in, bufio.NewScanner(out)
	s.out.Buffer(nil, 1<<20)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	return s
}

// next returns the next line, or false at the end of the output. Other output is an error.
func (s *script) next() (line, bool, error) {
	if !s.out.Scan() {
		return line{}, false, s.out.Err()
	}
	var l line
	if err := json.Unmarshal(s.out.Bytes(), &l); err != nil {
		return l, true, fmt.Errorf("not a line of a check: %q", s.out.Text())
	}
	return l, true, nil
}

func (s *script) answer(err error) {
	text := "ok"
	if err != nil {
		text = strings.ReplaceAll(err.Error(), "\n", " ")
	}
	_, _ = io.WriteString(s.in, text+"\n")
}

// wait returns how the process ended, with what it wrote to its error output.
func (s *script) wait() error {
	err := s.cmd.Wait()
	s.cancel()
	if text := strings.TrimSpace(s.stderr.String()); text != "" {
		err = errors.Join(err, errors.New(text))
	}
	return err
}

// kill ends the process, if it still runs; safe after wait.
func (s *script) kill() {
	s.cancel()
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Wait()
	}
}

// lockedBuffer is a buffer that a process writes while a test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// restarter is a server that a script may ask to stop and to start again on the same port.
type restarter interface {
	stop() error
	start() error
}

// runChecks runs a script to its end. Each of its checks becomes a subtest. It returns the facts.
func runChecks(t *testing.T, server restarter, name string, env ...string) map[string]string {
	t.Helper()
	s := startScript(t, 5*time.Minute, name, env...)
	facts := map[string]string{}
	ran, failed := 0, 0
	for {
		l, more, err := s.next()
		if err != nil {
			t.Error(err)
			continue
		}
		if !more {
			break
		}
		switch {
		case l.Check != "":
			ran++
			if !l.OK {
				failed++
			}
			t.Run(l.Check, func(t *testing.T) {
				if !l.OK {
					t.Errorf("after %d ms: %s", l.MS, l.Error)
				}
			})
		case l.Fact != "":
			facts[l.Fact] = string(l.Value)
		case l.Ask != "":
			s.answer(obey(server, l.Ask))
		}
	}
	if err := s.wait(); err != nil && failed == 0 {
		t.Errorf("%s: %v", name, err)
	}
	if ran == 0 && len(facts) == 0 {
		t.Errorf("%s ran no check", name)
	}
	return facts
}

func obey(server restarter, what string) error {
	switch what {
	case "stop":
		return server.stop()
	case "start":
		return server.start()
	}
	return fmt.Errorf("nobody knows how to %q", what)
}
