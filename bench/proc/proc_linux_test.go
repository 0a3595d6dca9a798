package proc

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestReadCPUGrowsWithWork(t *testing.T) {
	a, err := ReadCPU(os.Getpid())
	require.NoError(t, err)
	for end := time.Now().Add(30 * time.Millisecond); time.Now().Before(end); {
	}
	b, err := ReadCPU(os.Getpid())
	require.NoError(t, err)
	if d := b.Sub(a).Total; d < 5*time.Millisecond {
		t.Errorf("cpu of 30 ms of spinning = %v, want more than 5 ms", d)
	}
}

func TestReadMemoryOfSelf(t *testing.T) {
	m, err := ReadMemory(os.Getpid())
	require.NoError(t, err)
	if m.Pss < 1<<20 || m.Rss < m.Pss || m.Thread < 1 || m.Slab == 0 {
		t.Errorf("memory = %+v, want at least 1 MiB of Pss, Rss above it, a thread, some slab", m)
	}
}

func TestListenerPIDFindsUs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	pid, err := ListenerPID(l.Addr().String())
	require.NoError(t, err)
	if pid != os.Getpid() {
		t.Errorf("listener = %d, want %d", pid, os.Getpid())
	}
}

func TestStartPins(t *testing.T) {
	var out strings.Builder
	cmd := exec.Command("cat", "/proc/self/status")
	cmd.Stdout = &out
	require.NoError(t, Start(cmd, 0))
	require.NoError(t, cmd.Wait())
	if !strings.Contains(out.String(), "Cpus_allowed_list:\t0\n") {
		t.Errorf("child may run on other processors than 0:\n%s", out.String())
	}
}

func TestReadKernelOfThisMachine(t *testing.T) {
	k, err := ReadKernel()
	require.NoError(t, err)
	if k.Available < 1<<20 || k.Slab < 1<<20 || k.PageTables == 0 || k.Files < 3 || k.MaxFiles < k.Files || k.PressureBytes < 1<<20 {
		t.Errorf("kernel = %+v, want memory, files and limits that a running machine has", k)
	}
}
