package poller

import (
	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// simulated is a selector's view of a simulated kernel: which descriptors are
// watched and ready is the simulator's matter. epoll is left with the eventfd,
// so that the loop sleeps and wakes as ever.
type simulated struct {
	kernel sysio.Simulator
	loop   int
	events []sysio.Event
}

// simulate puts kernel in the place of epoll.
func (s *selector) simulate(kernel sysio.Simulator, loop int) {
	s.sim = &simulated{kernel, loop, make([]sysio.Event, len(s.events))}
}

// watch is epoll_ctl; bits are 0 to take fd out.
func (m *simulated) watch(fd int, key uint64, bits uint32) error {
	e := m.kernel.Watch(m.loop, fd, key, bits&unix.EPOLLIN != 0, bits&unix.EPOLLOUT != 0)
	if e != 0 {
		return e
	}
	return nil
}

// poll translates what is ready into the events of epoll.
func (m *simulated) poll(events []unix.EpollEvent) int {
	n := m.kernel.Ready(m.loop, m.events)
	for i, e := range m.events[:n] {
		var bits uint32
		if e.Readable {
			bits |= unix.EPOLLIN
		}
		if e.Writable {
			bits |= unix.EPOLLOUT
		}
		events[i] = unix.EpollEvent{Events: bits, Fd: int32(uint32(e.Key)), Pad: int32(uint32(e.Key >> 32))}
	}
	return n
}
