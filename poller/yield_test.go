package poller

import (
	"runtime"
	"testing"
)

// TestYieldLetsAStartedGoroutineRunFirst would fail every 61st time if the
// loop yielded only once.
func TestYieldLetsAStartedGoroutineRunFirst(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	late := 0
	for range 1000 {
		ran := make(chan struct{})
		go close(ran) // ends at once
		yield()
		select {
		case <-ran:
		default:
			late++
			<-ran
		}
	}
	if late > 0 {
		t.Errorf("%d of 1000 goroutines had not run when the loop went to wait", late)
	}
}
