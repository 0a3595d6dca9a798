package load

import (
	"time"

	"golang.org/x/sys/unix"
)

// pause sleeps for d. The runtime's timers wake an idle process only on whole
// milliseconds; the kernel's do better.
func pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil)
}
