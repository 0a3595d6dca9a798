package proc

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// listening is the state of a listening socket in /proc/net/tcp.
const listening = "0A"

// ListenerPID returns the process that listens on the TCP port of addr. It
// sees only processes whose descriptors the caller may read.
func ListenerPID(addr string) (int, error) {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return 0, err
	}
	inode := ""
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		if inode = findInode(file, ap.Port()); inode != "" {
			break
		}
	}
	if inode == "" {
		return 0, fmt.Errorf("proc: nothing listens on port %d", ap.Port())
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && to == "socket:["+inode+"]" {
			return strconv.Atoi(strings.Split(fd, "/")[2])
		}
	}
	return 0, fmt.Errorf("proc: the listener on port %d belongs to a process that cannot be read", ap.Port())
}

// findInode returns the inode of the socket that listens on port, or "".
func findInode(file string, port uint16) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	suffix := fmt.Sprintf(":%04X", port)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 9 && strings.HasSuffix(f[1], suffix) && f[3] == listening {
			return f[9]
		}
	}
	return ""
}
