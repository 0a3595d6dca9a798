package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestRun starts the whole program, asks it for what is not Socket.IO, and stops it.
func TestRun(t *testing.T) {
	base, stop := start(t, "-addr", "127.0.0.1:0")
	for path, want := range map[string]struct {
		status int
		kind   string
		holds  string
	}{
		"/":                     {200, "text/html; charset=utf-8", `<form class="card"`},
		"/assets/app.js":        {200, "text/javascript; charset=utf-8", "socket.on("},
		"/assets/style.css":     {200, "text/css; charset=utf-8", ":root"},
		"/assets/index.html":    {404, "text/plain; charset=utf-8", ""},
		"/assets/..%2fmain.go":  {404, "text/plain; charset=utf-8", ""},
		"/readyz":               {200, "text/plain; charset=utf-8", "ok"},
		"/healthz":              {200, "text/plain; charset=utf-8", "ok"},
		"/stats":                {200, "application/json", `"sockets":0`},
		"/nowhere":              {404, "text/plain; charset=utf-8", ""},
		"/socket.io/?transport": {400, "application/json", `"code":`},
	} {
		status, kind, body := fetch(t, base+path)
		if status != want.status || kind != want.kind || !strings.Contains(body, want.holds) {
			t.Errorf("GET %s: %d %s %.80q, want %d %s with %q", path, status, kind, body, want.status, want.kind, want.holds)
		}
	}
	stop()
}

// TestRunSamplesCounters waits for the first sample.
func TestRunSamplesCounters(t *testing.T) {
	base, stop := start(t, "-addr", "127.0.0.1:0", "-loops", "1")
	defer stop()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		_, _, body := fetch(t, base+"/stats")
		var s sample
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatalf("/stats: %v in %q", err, body)
		}
		if s.Uptime > 0 {
			if s.Memory <= 0 || s.Loops != 1 || s.Goroutines <= 0 {
				t.Errorf("the first sample is %+v", s)
			}
			return
		}
	}
	t.Error("no sample in 15 s")
}

// start runs the program until stop, which checks that it ends well.
func start(t *testing.T, args ...string) (base string, stop func()) {
	t.Helper()
	cfg, err := parseConfig(args, environment(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, cfg, in); in.Close() }() // ends when ctx is cancelled
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	match := regexp.MustCompile(`http://\S+`).FindString(first)
	if match == "" {
		t.Fatalf("the program said %q (%v)", first, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the program
	return strings.TrimSuffix(match, "/"), func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("run: %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("still running 20 s after its end")
		}
	}
}

func fetch(t *testing.T, url string) (status int, kind, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Content-Type"), string(text)
}
