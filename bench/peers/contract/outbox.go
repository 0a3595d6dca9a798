package contract

import "sync"

// maxWaiting is how many messages may wait for a client before it is closed:
// of 100 bytes about as much as the 1 MiB that Sirocco lets wait.
const maxWaiting = 8192

// keepWaiting is the largest queue that an idle connection keeps, in messages.
const keepWaiting = 4

// Writer is a connection of a library that takes one writer at a time. Its
// writes may wait for the client.
type Writer[M any] interface {
	Fanout[M]
	// Write sends one packet; WritePrepared one prepared message.
	// Ownership: packet is only valid until Write returns.
	Write(packet []byte) error
	WritePrepared(m M) error
	// Close ends the connection, and every write that waits.
	Close()
}

// Outbox is the write queue of a Writer, and makes a [Wire] of it. What goes to
// one client keeps its order. Who finds nobody writing writes: a reply at once,
// on the goroutine that reads; a delivery on a goroutine that lives as long as
// there is something to write, so that a slow client holds nobody up and an
// idle one has no goroutine.
type Outbox[M any] struct {
	w       Writer[M]
	mu      sync.Mutex // guards what follows
	waiting []M
	busy    bool // somebody writes
	broken  bool // a write failed, or too much was waiting: nothing is written any more
}

// Bind says where to write to. It must be called before any other method.
func (o *Outbox[M]) Bind(w Writer[M]) { o.w = w }

// Close ends the connection, and every write that waits.
func (o *Outbox[M]) Close() { o.w.Close() }

// Reply writes packet, behind everything that waits.
func (o *Outbox[M]) Reply(packet []byte) {
	o.mu.Lock()
	direct := !o.busy && !o.broken
	if direct {
		o.busy = true
	}
	o.mu.Unlock()
	if !direct {
		o.Deliver(o.w.Prepare(packet))
		return
	}
	if err := o.w.Write(packet); err != nil {
		o.fail()
		return
	}
	if o.more() {
		go o.drain() // ends when nothing waits, or when a write fails
	}
}

// Deliver queues m, and sees to it that somebody writes it.
func (o *Outbox[M]) Deliver(m M) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.broken:
		return
	case len(o.waiting) == maxWaiting:
		o.broken, o.waiting = true, nil
		go o.w.Close() // ends when the library let go of the connection
		return
	}
	o.waiting = append(o.waiting, m)
	if !o.busy {
		o.busy = true
		go o.drain() // ends when nothing waits, or when a write fails
	}
}

// drain writes all that waits, and what comes meanwhile.
func (o *Outbox[M]) drain() {
	var batch []M
	for o.more() {
		batch = o.swap(batch)
		for _, m := range batch {
			if err := o.w.WritePrepared(m); err != nil {
				o.fail()
				return
			}
		}
		clear(batch)
	}
}

// swap takes all that waits, and leaves the room of spare for what comes.
func (o *Outbox[M]) swap(spare []M) []M {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch := o.waiting
	o.waiting = spare[:0]
	return batch
}

// more reports whether something waits. When nothing does, it gives the turn to
// write back, and room for more than a few messages away.
func (o *Outbox[M]) more() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) > 0 {
		return true
	}
	o.busy = false
	if cap(o.waiting) > keepWaiting {
		o.waiting = nil
	}
	return false
}

// fail drops all that waits: the connection is over.
func (o *Outbox[M]) fail() {
	o.mu.Lock()
	o.broken, o.waiting = true, nil
	o.mu.Unlock()
	o.w.Close()
}
