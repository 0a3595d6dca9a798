package poller

import "fmt"

// backend drives loops: it calls turn, on one goroutine per loop, whenever
// the loop's selector has events, its time has come, or it was woken.
type backend interface {
	// start begins to drive l. The loop's ended channel is closed when it is
	// over and its turns have ended.
	start(l *Loop) error
	// stop releases what start took, after all loops have ended.
	stop(loops []*Loop)
}

// newBackend returns the backend that cfg names.
func newBackend(cfg Config) (backend, error) {
	switch cfg.Backend {
	case BackendNetpoll:
		return newNetpollBackend(cfg.Loops)
	case BackendEpoll:
		return newEpollBackend()
	case BackendURing:
		return newURingBackend()
	}
	return nil, fmt.Errorf("poller: Config.Backend is %q, want %q, %q or %q", cfg.Backend, BackendEpoll, BackendNetpoll, BackendURing)
}
