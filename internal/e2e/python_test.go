package e2e

import (
	"os/exec"
	"testing"
)

// needPython ends the test when Debian's client is not here: make deps installs it.
func needPython(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("end-to-end tests are left out by -short")
	}
	if out, err := exec.Command(python, "-c", "import socketio, aiohttp, requests, websocket").CombinedOutput(); err != nil {
		t.Fatalf("the package python3-socketio is not installed: run make deps (%v)\n%s", err, out)
	}
}

// TestPythonClient runs the checks of py/client.py, with every transport.
func TestPythonClient(t *testing.T) {
	needPython(t)
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := startTestServer(t, variant{})
			runChecks(t, s, "client.py", "URL="+s.url(), "MODE="+mode)
		})
	}
}
