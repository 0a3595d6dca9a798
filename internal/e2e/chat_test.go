package e2e

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
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestChatPage drives the page of cmd/sirocco in Chromium. SIROCCO_SCREENSHOTS names a folder for
// pictures of it.
func TestChatPage(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	c := startChat(t)
	shots := os.Getenv("SIROCCO_SCREENSHOTS")
	if shots != "" {
		var err error
		if shots, err = filepath.Abs(shots); err != nil {
			t.Fatal(err)
		}
	}
	runChecks(t, c, "chat.mjs", "URL="+c.url(), "MODE=upgrade", "CHROMIUM="+chromium(t), "SCREENSHOTS="+shots)
}

// TestChatForMachines asks for what is not the page.
func TestChatForMachines(t *testing.T) {
	needNode(t)
	c := startChat(t)
	if status, body := get(t, c.url()+"/healthz"); status != 200 || body != "ok\n" {
		t.Errorf("/healthz: %d %q", status, body)
	}
	status, body := get(t, c.url()+"/stats")
	var stats map[string]any
	if err := json.Unmarshal([]byte(body), &stats); err != nil || status != 200 || stats["sockets"] == nil {
		t.Errorf("/stats: %d %q %v", status, body, err)
	}
	if status, _ := get(t, c.url()+"/nowhere"); status != 404 {
		t.Errorf("/nowhere: %d", status)
	}
	status, page := get(t, c.url()+"/")
	if status != 200 || !strings.Contains(page, `src="/client/socket.io.min.js"`) {
		t.Errorf("/: %d, without the client that npm installed", status)
	}
	if status, script := get(t, c.url()+"/client/socket.io.min.js"); status != 200 || !strings.Contains(script, "Socket.IO v4") {
		t.Errorf("/client/socket.io.min.js: %d, %d bytes", status, len(script))
	}
}

// chromium finds the browser. That there is none is a failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{os.Getenv("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && name != "" {
			return path
		}
	}
	t.Fatal("no Chromium found: install it (make browser), or set CHROMIUM to its path")
	return ""
}

// chatServer is the command sirocco in a process of its own.
type chatServer struct {
	t    *testing.T
	bin  string
	addr string // with port 0 until the first start
	cmd  *exec.Cmd
	out  lockedBuffer
}

// listening is the line that tells the address.
var listening = regexp.MustCompile(`http://(\S+)/`)

func startChat(t *testing.T) *chatServer {
	t.Helper()
	c := &chatServer{t: t, bin: filepath.Join(t.TempDir(), "sirocco"), addr: "127.0.0.1:0"}
	build := exec.Command("go", "build", "-o", c.bin, "../../cmd/sirocco")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Errorf("the server did not end well: %v\n%s", err, c.out.String())
		}
	})
	return c
}

func (c *chatServer) url() string { return "http://" + c.addr }

func (c *chatServer) start() error {
	c.cmd = exec.Command(c.bin, "-drain", "5s")
	c.cmd.Env = append(os.Environ(), "SIROCCO_ADDR="+c.addr, // the environment configures as flags do
		"SIROCCO_CLIENT=../../cmd/sirocco/web/node_modules/socket.io-client/dist/socket.io.min.js")
	c.cmd.Stderr = &c.out
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	match := listening.FindStringSubmatch(first)
	if match == nil {
		_ = c.cmd.Process.Kill()
		return errors.Join(fmt.Errorf("the server said %q", first), err, c.cmd.Wait())
	}
	c.addr = match[1]
	go func() { _, _ = io.Copy(&c.out, lines) }() // ends with the process
	return nil
}

// stop asks the server to end, as a service manager does, and expects that it ends with 0.
func (c *chatServer) stop() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	if err := c.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }() // ends with the process
	select {
	case err := <-ended:
		return err
	case <-time.After(20 * time.Second):
		return errors.Join(errors.New("still running 20 s after SIGTERM"), c.cmd.Process.Kill())
	}
}

func get(t *testing.T, url string) (status int, body string) {
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
	return res.StatusCode, string(text)
}
