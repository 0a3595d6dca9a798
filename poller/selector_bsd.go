//go:build darwin || freebsd

package poller

import (
	"time"

	"golang.org/x/sys/unix"
)

// selector is one kqueue. Only wake may be called from any goroutine.
type selector struct {
	kq     int
	events []unix.Kevent_t
	keys   []uint64 // by descriptor: the key it was registered with
}

// Identifiers of the two filters that are no descriptors.
const (
	identWake  = 1
	identTimer = 2
)

// openSelector makes a selector that returns at most maxEvents at once.
func openSelector(maxEvents int) (*selector, error) {
	kq, err := unix.Kqueue()
	if err != nil {
		return nil, err
	}
	unix.CloseOnExec(kq)
	s := &selector{kq: kq, events: make([]unix.Kevent_t, maxEvents)}
	if err := s.change(identWake, unix.EVFILT_USER, unix.EV_ADD|unix.EV_CLEAR, 0, 0); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close releases the kqueue.
func (s *selector) close() { _ = unix.Close(s.kq) }

// fd returns the descriptor that becomes readable when an event is due.
func (s *selector) fd() int { return s.kq }

// add registers fd, level triggered.
func (s *selector) add(fd int, key uint64, i interest) error {
	for fd >= len(s.keys) {
		s.keys = append(s.keys, 0)
	}
	s.keys[fd] = key
	return s.mod(fd, key, 0, i)
}

// mod changes what fd, registered with old, waits for.
func (s *selector) mod(fd int, _ uint64, old, i interest) error {
	if err := s.set(fd, unix.EVFILT_READ, old&wantRead != 0, i&wantRead != 0); err != nil {
		return err
	}
	return s.set(fd, unix.EVFILT_WRITE, old&wantWrite != 0, i&wantWrite != 0)
}

// del removes fd, registered with the interest given.
func (s *selector) del(fd int, old interest) error { return s.mod(fd, 0, old, 0) }

// set adds or deletes one filter if that changes anything.
func (s *selector) set(fd, filter int, was, want bool) error {
	if was == want {
		return nil
	}
	flags := unix.EV_DELETE
	if want {
		flags = unix.EV_ADD
	}
	return s.change(fd, filter, flags, 0, 0)
}

// change passes one change to the kernel.
func (s *selector) change(ident, filter, flags int, fflags uint32, data int64) error {
	var ev [1]unix.Kevent_t
	unix.SetKevent(&ev[0], ident, filter, flags)
	ev[0].Fflags = fflags
	ev[0].Data = data // 64 bits on the systems of the build line
	_, err := unix.Kevent(s.kq, ev[:], nil, nil)
	return err
}

// poll collects what is ready, without waiting.
func (s *selector) poll() int {
	var zero unix.Timespec
	n, err := unix.Kevent(s.kq, nil, s.events, &zero)
	if err != nil {
		return 0
	}
	return n
}

// event returns the i-th of the events that poll collected. The key is that
// of the descriptor's present owner: an event of a former owner can only be a
// false alarm, as every read and write may answer EAGAIN.
func (s *selector) event(i int) (key uint64, r readiness) {
	ev := &s.events[i]
	switch int(ev.Filter) {
	case unix.EVFILT_USER:
		return keyWake, 0
	case unix.EVFILT_TIMER:
		return keyTimer, 0
	case unix.EVFILT_READ:
		r = readable
	case unix.EVFILT_WRITE:
		r = writable
		if ev.Flags&unix.EV_EOF != 0 {
			r |= hungUp
		}
	}
	if fd := int(ev.Ident); fd < len(s.keys) {
		return s.keys[fd], r
	}
	return keyWake, 0
}

// wake makes the kqueue ready. Any goroutine.
func (s *selector) wake() {
	_ = s.change(identWake, unix.EVFILT_USER, 0, unix.NOTE_TRIGGER, 0)
}

// openTimer has nothing to prepare.
func (s *selector) openTimer() error { return nil }

// armTimer makes the kqueue ready after d, once. It replaces what was armed.
func (s *selector) armTimer(d time.Duration) error {
	return s.change(identTimer, unix.EVFILT_TIMER, unix.EV_ADD|unix.EV_ONESHOT,
		unix.NOTE_NSECONDS, int64(max(d, 1)))
}
