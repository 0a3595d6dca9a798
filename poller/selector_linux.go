package poller

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// selector is one epoll instance with an eventfd, by which other goroutines
// wake its waiter. Only wake may be called from any goroutine.
type selector struct {
	epfd    int
	eventfd int
	timerfd int // -1 without openTimer
	events  []unix.EpollEvent
	sim     *simulated // nil: the kernel
}

// openSelector makes a selector that returns at most maxEvents at once.
func openSelector(maxEvents int) (*selector, error) {
	s := &selector{epfd: -1, eventfd: -1, timerfd: -1, events: make([]unix.EpollEvent, maxEvents)}
	var err error
	if s.epfd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if s.eventfd, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		s.close()
		return nil, err
	}
	// Edge triggered and never read: each write of the eventfd is one event,
	// and the read that a level trigger would need is saved.
	if err = s.ctl(unix.EPOLL_CTL_ADD, s.eventfd, keyWake, unix.EPOLLIN|unix.EPOLLET); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// close releases the selector's descriptors.
func (s *selector) close() {
	for _, fd := range [...]int{s.timerfd, s.eventfd, s.epfd} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// fd returns the descriptor that becomes readable when an event is due.
func (s *selector) fd() int { return s.epfd }

// add registers fd, level triggered.
func (s *selector) add(fd int, key uint64, i interest) error {
	return s.ctl(unix.EPOLL_CTL_ADD, fd, key, epollBits(i))
}

// mod changes what fd, registered with old, waits for.
func (s *selector) mod(fd int, key uint64, _, i interest) error {
	return s.ctl(unix.EPOLL_CTL_MOD, fd, key, epollBits(i))
}

// del removes fd, registered with the interest given.
func (s *selector) del(fd int, _ interest) error {
	return s.ctl(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

// ctl is epoll_ctl past Go's scheduler: it never blocks.
func (s *selector) ctl(op, fd int, key uint64, bits uint32) error {
	if s.sim != nil {
		return s.sim.watch(fd, key, bits)
	}
	ev := unix.EpollEvent{Events: bits, Fd: int32(uint32(key)), Pad: int32(uint32(key >> 32))}
	_, _, e := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(s.epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&ev)), 0, 0)
	if e != 0 {
		return e
	}
	return nil
}

// epollBits translates an interest. Error and hang-up are always reported.
func epollBits(i interest) (bits uint32) {
	if i&wantRead != 0 {
		bits |= unix.EPOLLIN
	}
	if i&wantWrite != 0 {
		bits |= unix.EPOLLOUT
	}
	return bits
}

// poll collects what is ready, without waiting.
func (s *selector) poll() int {
	if s.sim != nil {
		return s.sim.poll(s.events)
	}
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(s.events))), uintptr(len(s.events)), 0, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// wait collects what is ready and waits for it up to d, which is rounded up;
// without end when d is negative. An interrupted wait returns 0.
func (s *selector) wait(d time.Duration) int {
	ms := -1
	if d >= 0 {
		ms = int((d + time.Millisecond - 1) / time.Millisecond)
	}
	n, _, e := unix.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(s.events))), uintptr(len(s.events)), uintptr(ms), 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}

// event returns the i-th of the events that poll or wait collected.
func (s *selector) event(i int) (key uint64, r readiness) {
	ev := &s.events[i]
	key = uint64(uint32(ev.Pad))<<32 | uint64(uint32(ev.Fd))
	if ev.Events&unix.EPOLLIN != 0 {
		r |= readable
	}
	if ev.Events&unix.EPOLLOUT != 0 {
		r |= writable
	}
	if ev.Events&unix.EPOLLHUP != 0 {
		r |= hungUp
	}
	if ev.Events&unix.EPOLLERR != 0 {
		r |= failed
	}
	return key, r
}

// wake makes a wait return, now or the next time. Any goroutine.
func (s *selector) wake() {
	one := uint64(1)
	_, _, _ = unix.RawSyscall(unix.SYS_WRITE, uintptr(s.eventfd), uintptr(unsafe.Pointer(&one)), 8)
}

// openTimer prepares for armTimer, so that it can't fail for want of a
// descriptor.
func (s *selector) openTimer() error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return err
	}
	s.timerfd = fd
	return s.ctl(unix.EPOLL_CTL_ADD, fd, keyTimer, unix.EPOLLIN|unix.EPOLLET)
}

// armTimer makes the selector ready after d, once. It replaces what was armed.
func (s *selector) armTimer(d time.Duration) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(max(d, 1)))}
	return unix.TimerfdSettime(s.timerfd, 0, &spec, nil)
}
