package poller

import "runtime"

// yield lets the goroutines that the turn made ready run first. Once is not
// enough: every 61st time Go's scheduler looks into the global queue, where who
// yields is put, before the processor's own. The loop would then go to wait
// with its processor, and whom it started would wait until the runtime's
// monitor looks, up to 10 ms.
func yield() {
	runtime.Gosched()
	runtime.Gosched()
}
