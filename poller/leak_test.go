package poller

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestMain also looks whether every goroutine of every poller has ended.
func TestMain(m *testing.M) {
	if os.Getenv(starvedEnv) != "" {
		serveStarved()
		return
	}
	if os.Getenv(servedEnv) != "" {
		serveBench()
		return
	}
	code := m.Run()
	if left := leftGoroutines(); code == 0 && left != "" {
		fmt.Fprintf(os.Stderr, "goroutines were left behind:\n%s\n", left)
		code = 1
	}
	os.Exit(code)
}

// leftGoroutines returns the stacks of goroutines in this package, after
// giving them time to end. The pollers of netpoll are the process's.
func leftGoroutines() string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		buf := make([]byte, 4<<20)
		buf = buf[:runtime.Stack(buf, true)]
		left = nil
		for _, s := range strings.Split(string(buf), "\n\n") {
			if strings.Contains(s, "sirocco/poller.") && !strings.Contains(s, "leftGoroutines") {
				left = append(left, s)
			}
		}
		if len(left) == 0 {
			return ""
		}
	}
	return strings.Join(left, "\n\n")
}
