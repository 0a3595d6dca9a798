package sysio

// Simulator is an IO that stands for the whole kernel: the connections that
// its Accept returns are numbers that only it knows. A poller whose IO is one
// makes no system call on them; its listening sockets are real.
//
// What is ready may only change on the goroutine of the loop that watches the
// descriptor, in a method of the Simulator or in a call that was posted to the
// loop: nothing else wakes it.
type Simulator interface {
	IO
	// Watch says what loop waits for on fd, from now on and level triggered;
	// neither takes fd out. Ready shall report fd, which may be that of a
	// listening socket, by key.
	Watch(loop, fd int, key uint64, read, write bool) Errno
	// Ready puts what loop has ready into events and returns how many.
	Ready(loop int, events []Event) int
	// Shutdown ends the sending side of fd.
	Shutdown(fd int) Errno
}

// Event is what a [Simulator] has ready.
type Event struct {
	Key                uint64
	Readable, Writable bool
}
