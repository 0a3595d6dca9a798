package poller

import (
	"fmt"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// uringBackend is epoll's, with a ring for each loop.
type uringBackend struct{ epollBackend }

// newURingBackend returns the backend, if rings can be had.
func newURingBackend() (backend, error) {
	r, err := sysio.OpenRing(1)
	if err != nil {
		return nil, fmt.Errorf("poller: Config.Backend %q: %w", BackendURing, err)
	}
	r.Close()
	return uringBackend{}, nil
}

// start gives the loop its ring and starts it.
func (b uringBackend) start(l *Loop) error {
	r, err := sysio.OpenRing(batchCalls)
	if err != nil {
		return fmt.Errorf("poller: Config.Backend %q: %w", BackendURing, err)
	}
	l.batch = newBatch(l, r)
	return b.epollBackend.start(l)
}

// stop closes the rings.
func (uringBackend) stop(loops []*Loop) {
	for _, l := range loops {
		if l.batch != nil {
			l.batch.ring.Close()
		}
	}
}
