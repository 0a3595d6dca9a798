package poller

import (
	"sync"

	"golang.org/x/sys/unix"
)

// mostFDs bounds what is believed of RLIMIT_NOFILE, which may be "infinity".
const mostFDs = 1 << 24

// grownFDs bounds the table that is grown in advance: 8 bytes for each.
const grownFDs = 1 << 20

// maxFDs returns how many descriptors the process may have.
func maxFDs() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 1024
	}
	return int(min(uint64(r.Cur), mostFDs))
}

var growOnce sync.Once

// growFDTable makes the kernel enlarge the process's table of descriptors to
// its final size now. Each doubling stops whoever opens a descriptor for 6 to
// 28 ms (an RCU grace period), and should not happen among connections.
func growFDTable() {
	growOnce.Do(func() {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, min(maxFDs(), grownFDs)-1)
		if err == nil {
			_ = unix.Close(fd)
		}
	})
}
