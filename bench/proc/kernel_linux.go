package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ReadKernel returns what the machine has left, and its limits.
func ReadKernel() (Kernel, error) {
	var k Kernel
	err := scan("/proc/meminfo", map[string]*int64{"MemAvailable:": &k.Available, "Slab:": &k.Slab, "PageTables:": &k.PageTables})
	if err != nil {
		return k, err
	}
	if k.SocketBytes, err = socketBytes(); err != nil {
		return k, err
	}
	for _, f := range []struct {
		path string
		at   int // of the number wanted, in the file
		to   *int64
		may  bool // be missing
	}{
		{"/proc/sys/fs/file-nr", 0, &k.Files, false},
		{"/proc/sys/fs/file-max", 0, &k.MaxFiles, false},
		{"/proc/sys/net/ipv4/tcp_mem", 1, &k.PressureBytes, false},
		{"/proc/sys/net/netfilter/nf_conntrack_count", 0, &k.Tracked, true},
		{"/proc/sys/net/netfilter/nf_conntrack_max", 0, &k.MaxTracked, true},
	} {
		b, err := os.ReadFile(f.path)
		if f.may && err != nil {
			continue
		}
		n := strings.Fields(string(b))
		if len(n) <= f.at {
			return k, fmt.Errorf("proc: %s is not as expected", f.path)
		}
		if *f.to, err = strconv.ParseInt(n[f.at], 10, 64); err != nil {
			return k, fmt.Errorf("proc: %s: %w", f.path, err)
		}
	}
	k.PressureBytes *= int64(os.Getpagesize())
	return k, nil
}

// socketBytes is what TCP's buffers hold, in whole pages.
func socketBytes() (int64, error) {
	b, err := os.ReadFile("/proc/net/sockstat")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 2 && f[0] == "TCP:" {
			n, err := strconv.ParseInt(f[len(f)-1], 10, 64)
			return n * int64(os.Getpagesize()), err
		}
	}
	return 0, fmt.Errorf("proc: no TCP in /proc/net/sockstat")
}
