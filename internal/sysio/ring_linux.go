package sysio

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ring is an io_uring that is used for one thing: to make many calls on
// sockets with one system call. All of them are told not to wait, so they are
// over when the kernel returns: nothing is ever under way, no buffer is lent
// for longer than a call of Do, and a descriptor may be closed at any time
// between two of them. For one goroutine at a time.
type Ring struct {
	fd     int
	queues []byte // shared with the kernel: both queues
	slots  []byte // shared with the kernel: sqes
	sqes   []sqe
	cqes   []cqe
	sqTail *uint32
	sqHead *uint32
	cqHead *uint32
	cqTail *uint32
	sqMask uint32
	cqMask uint32
	calls  []Call // being made: this keeps their buffers on the heap, and there
}

// The interface of io_uring, from linux/io_uring.h.
const (
	opSend           = 26
	opRecv           = 27
	setupClamp       = 1 << 4
	featSingleMmap   = 1 << 0
	enterGetEvents   = 1 << 0
	offsetQueues     = 0
	offsetSQEs       = 0x10000000
	errnoUnsubmitted = unix.EAGAIN
)

// sqe is struct io_uring_sqe.
type sqe struct {
	opcode   uint8
	flags    uint8
	ioprio   uint16
	fd       int32
	off      uint64
	addr     uint64
	len      uint32
	msgFlags uint32
	userData uint64
	_        [3]uint64
}

// cqe is struct io_uring_cqe.
type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

// ringOffsets is struct io_sqring_offsets, and io_cqring_offsets with other
// names for the last fields.
type ringOffsets struct {
	head, tail, mask, entries    uint32
	flags, dropped, array, resv1 uint32
	userAddr                     uint64
}

// cqe array and overflow of io_cqring_offsets.
func (o *ringOffsets) cqes() uint32 { return o.dropped }

// ringParams is struct io_uring_params.
type ringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32
	sq, cq                                                                 ringOffsets
}

// OpenRing makes a ring for up to entries calls at once, rounded up to a
// power of two.
func OpenRing(entries int) (*Ring, error) {
	p := ringParams{flags: setupClamp}
	fd, _, e := unix.Syscall(unix.SYS_IO_URING_SETUP, uintptr(entries), uintptr(unsafe.Pointer(&p)), 0)
	if e != 0 {
		return nil, fmt.Errorf("%w: io_uring_setup: %w", ErrRing, e)
	}
	r := &Ring{fd: int(fd)}
	if p.features&featSingleMmap == 0 {
		r.Close()
		return nil, fmt.Errorf("%w: the kernel is older than 5.6", ErrRing)
	}
	if err := r.share(&p); err != nil {
		r.Close()
		return nil, fmt.Errorf("%w: mmap: %w", ErrRing, err)
	}
	return r, r.try()
}

// share maps what the kernel shares.
func (r *Ring) share(p *ringParams) (err error) {
	size := max(int(p.sq.array+4*p.sqEntries), int(p.cq.cqes())+int(p.cqEntries)*int(unsafe.Sizeof(cqe{})))
	const rw, how = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	if r.queues, err = unix.Mmap(r.fd, offsetQueues, size, rw, how); err != nil {
		return err
	}
	if r.slots, err = unix.Mmap(r.fd, offsetSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), rw, how); err != nil {
		return err
	}
	word := func(at uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.queues[at])) }
	r.sqHead, r.sqTail, r.sqMask = word(p.sq.head), word(p.sq.tail), *word(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = word(p.cq.head), word(p.cq.tail), *word(p.cq.mask)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.slots[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(&r.queues[p.cq.cqes()])), p.cqEntries)
	for i := range p.sqEntries {
		*word(p.sq.array + 4*i) = i // places of the queue are slots, for good
	}
	return nil
}

// try makes sure that calls are over at once, as Do expects of the kernel.
func (r *Ring) try() error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		r.Close()
		return err
	}
	defer func() { _, _ = unix.Close(pair[0]), unix.Close(pair[1]) }()
	calls := []Call{
		{FD: int32(pair[0]), Buf: make([]byte, 1)},
		{FD: int32(pair[0]), Buf: make([]byte, 1), Send: true},
		{FD: int32(pair[1]), Buf: make([]byte, 2)},
	}
	r.Do(calls)
	if calls[0].Errno != unix.EAGAIN || calls[1].N != 1 || calls[2].N != 1 {
		r.Close()
		return fmt.Errorf("%w: the kernel has no sends and receives that do not wait", ErrRing)
	}
	return nil
}

// Close releases the ring.
func (r *Ring) Close() {
	for _, b := range [][]byte{r.slots, r.queues} {
		if b != nil {
			_ = unix.Munmap(b)
		}
	}
	_ = unix.Close(r.fd)
}

// Do makes the calls, in their order, and fills in their results.
// Ownership: the calls and their buffers are only used until Do returns.
func (r *Ring) Do(calls []Call) {
	for len(calls) > 0 {
		n := min(len(calls), len(r.sqes))
		r.some(calls[:n])
		calls = calls[n:]
	}
}

// some makes as many calls as there are slots, or fewer. The kernel takes what
// is submitted while it runs the call, and posts the results before it
// returns. Like all calls of the loop it goes past Go's scheduler.
func (r *Ring) some(calls []Call) {
	r.calls = calls
	tail := *r.sqTail
	for i := range calls {
		c := &calls[i]
		c.N, c.Errno = 0, errnoUnsubmitted
		op, flags := uint8(opRecv), uint32(unix.MSG_DONTWAIT)
		if c.Send {
			op, flags = opSend, flags|unix.MSG_NOSIGNAL
		}
		r.sqes[(tail+uint32(i))&r.sqMask] = sqe{
			opcode: op, fd: c.FD, msgFlags: flags, userData: uint64(i),
			addr: uint64(uintptr(unsafe.Pointer(unsafe.SliceData(c.Buf)))), len: uint32(len(c.Buf)),
		}
	}
	atomic.StoreUint32(r.sqTail, tail+uint32(len(calls)))
	done := r.submit(len(calls))
	r.collect(calls, done)
	r.calls = nil
}

// submit hands n calls to the kernel and returns how many it took. The others
// are withdrawn.
func (r *Ring) submit(n int) (done int) {
	for range maxEnters {
		m, _, e := unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(n-done), 0, 0, 0, 0)
		if e == 0 {
			done += int(m)
		}
		if done == n || e != 0 && e != unix.EINTR {
			break
		}
	}
	atomic.StoreUint32(r.sqTail, atomic.LoadUint32(r.sqHead))
	return done
}

// maxEnters is how often the kernel is asked again when it took only a part.
const maxEnters = 16

// collect takes n results. All are there, unless the kernel could not do
// without a wait what it should: then that is waited for, as the buffers are
// in its hands.
func (r *Ring) collect(calls []Call, n int) {
	head := *r.cqHead
	for n > 0 {
		tail := atomic.LoadUint32(r.cqTail)
		if head == tail {
			_, _, _ = unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 0, 1, enterGetEvents, 0, 0)
			continue
		}
		for ; head != tail; head++ {
			e := &r.cqes[head&r.cqMask]
			c := &calls[e.userData]
			c.N, c.Errno = max(e.res, 0), Errno(max(-e.res, 0))
			n--
		}
		atomic.StoreUint32(r.cqHead, head)
	}
}
