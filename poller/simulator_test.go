package poller

import (
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// noKernel is a simulator without connections.
type noKernel struct{ sysio.Kernel }

func (noKernel) Watch(int, int, uint64, bool, bool) sysio.Errno { return 0 }
func (noKernel) Ready(int, []sysio.Event) int                   { return 0 }
func (noKernel) Shutdown(int) sysio.Errno                       { return 0 }

// TestSimulatorNeedsEpoll: bench/sim is the test of what a simulator does; this
// one is of what it takes.
func TestSimulatorNeedsEpoll(t *testing.T) {
	_, err := Config{IO: noKernel{}, Backend: BackendNetpoll}.withDefaults()
	if err == nil || !strings.Contains(err.Error(), "Config.IO") {
		t.Errorf("a simulator on netpoll: %v", err)
	}
}

// TestSimulatorUsesNoDescriptors: the limit of the process is not one for
// connections that are only simulated.
func TestSimulatorUsesNoDescriptors(t *testing.T) {
	for _, c := range []struct {
		io   sysio.IO
		n    int
		want int
	}{
		{nil, 1 << 30, connLimit(0)},
		{noKernel{}, 1 << 30, 1 << 30},
		{noKernel{}, 0, connLimit(0)},
	} {
		cfg, err := Config{IO: c.io, Backend: BackendEpoll, MaxConns: c.n}.withDefaults()
		if err != nil || cfg.MaxConns != c.want {
			t.Errorf("%T, MaxConns %d: %d, %v; want %d", c.io, c.n, cfg.MaxConns, err, c.want)
		}
	}
}
