package million

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// server is one process that serves.
type server struct {
	cmd  *exec.Cmd
	in   io.Closer
	url  string
	gone chan struct{} // closed when it ended
}

// serverProcs is how many processors Go's scheduler uses in a server: it has one
// loop, which lets go of it while it waits.
const serverProcs = "1"

// startTime is how long a server may take to listen.
const startTime = 30 * time.Second

var errNotListening = errors.New("million: a server did not say that it listens")

// startServer starts a server on a port of the kernel's choice.
func startServer(o Options) (*server, error) {
	s := &server{gone: make(chan struct{})}
	s.cmd = exec.Command(o.Program, "serve", "-addr", "127.0.0.1:0", "-loops", "1", "-inline", "-until-eof",
		"-ping-interval", o.PingInterval.String(), "-ping-timeout", o.PingTimeout.String(), "-watchdog", "-1s") // a loop waits its turn among all the others
	s.cmd.Env = append(os.Environ(), "GOMAXPROCS="+serverProcs)
	s.cmd.Stderr = o.Log
	s.cmd.WaitDelay = time.Second
	in, err := s.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	s.in = in
	line := make(chan []byte, 1)
	go func() { // ends when the server does, which close sees to
		defer close(s.gone)
		r := bufio.NewReader(out)
		first, _ := r.ReadBytes('\n')
		line <- first
		_, _ = io.Copy(io.Discard, r)
		_ = s.cmd.Wait()
	}()
	var hello struct{ Listening string }
	select {
	case l := <-line:
		err = json.Unmarshal(l, &hello)
	case <-time.After(startTime):
		err = errNotListening
	}
	if err != nil {
		s.close()
		return nil, errors.Join(errNotListening, err)
	}
	s.url = "http://" + hello.Listening
	return s, nil
}

func (s *server) pid() int { return s.cmd.Process.Pid }

// close ends the server.
func (s *server) close() {
	_ = s.in.Close()
	_ = s.cmd.Process.Kill()
	<-s.gone
}

// census is what a server counts of its connections.
type census struct {
	Connections int
	Disconnects map[string]uint64
}

// ask reads the server's counters.
func (s *server) ask(ctx context.Context) (census, error) {
	var answer struct{ Sio census }
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/debug/stats", nil)
	if err != nil {
		return census{}, err
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Do(req)
	if err != nil {
		return census{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return census{}, fmt.Errorf("million: %s: %s", s.url, resp.Status)
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&answer)
	return answer.Sio, err
}
