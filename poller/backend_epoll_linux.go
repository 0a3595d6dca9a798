package poller

// platformBackend is the default on this system. BENCHMARKS.md has the
// figures that decided.
const platformBackend = BackendEpoll

// epollBackend gives each loop a goroutine that waits in epoll.
type epollBackend struct{}

// newEpollBackend returns the backend.
func newEpollBackend() (backend, error) { return epollBackend{}, nil }

// start starts the loop's goroutine, which ends when the loop is over.
func (epollBackend) start(l *Loop) error {
	if l.sim != nil {
		l.sel.simulate(l.sim, l.index)
	}
	go drive(l) // ends when the loop is over
	return nil
}

// stop has nothing to release.
func (epollBackend) stop([]*Loop) {}

// drive waits and turns until the loop is over. The first look for events
// does not tell Go's scheduler; only when there is nothing, other goroutines
// are let run and the wait may take this one's thread.
func drive(l *Loop) {
	l.goid.Store(goroutineID())
	defer func() {
		if !l.over {
			go drive(l) // a handler called runtime.Goexit; ends with the loop
		}
	}()
	for !l.over {
		n := l.sel.poll()
		if n == 0 {
			n = idle(l)
		}
		l.turn(n)
	}
	close(l.ended)
}

// idle waits for events, unless there is other work.
func idle(l *Loop) int {
	d, ok := l.sleep()
	if !ok {
		return 0
	}
	if d == 0 {
		return 0
	}
	yield()
	return l.sel.wait(d)
}
