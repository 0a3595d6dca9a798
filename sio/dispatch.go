package sio

import (
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// dispatcher runs the handlers of one loop's sockets off the loop. The tasks
// of one socket run in order, one at a time; sockets run side by side.
//
// What a turn of the loop produces is staged and handed over at once, at the
// end of the turn. Goroutines exist only while there is work: a worker that
// takes a socket while others wait sees to it that another worker is on its
// way, so that a handler that blocks holds up its own socket only; a worker
// that finds nothing ends.
type dispatcher struct {
	ls *loopState

	// loop only
	first, last *task // staged
	kicked      bool  // the handing over is posted

	mu       sync.Mutex
	ready    []*Socket    // guarded by mu: sockets with tasks and without worker
	head     int          // guarded by mu: where ready begins
	workers  atomic.Int32 // written with mu held
	starting bool         // guarded by mu: a worker was started and has not run yet
	idle     *sync.Cond
}

// stage adds a task to those of this turn. Loop only.
func (d *dispatcher) stage(s *Socket, t *task) {
	t.socket, t.staged = s, true
	if d.last == nil {
		d.first = t
	} else {
		d.last.next = t
	}
	d.last = t
	cfg := &d.ls.srv.cfg
	n, size := s.queuedCount.Add(1), s.queuedBytes.Add(t.size())
	if t.kind == taskEvent && (int(n) > cfg.MaxPendingEvents || int(size) > cfg.MaxPendingBytes) {
		s.hold()
	}
	if d.kicked {
		return
	}
	d.kicked = true
	if !d.ls.loop.Post(postKick, d, nil) {
		d.kick() // the loop is closing: nobody else will do it
	}
}

func postKick(a, _ any) { a.(*dispatcher).kick() }

// kick hands the staged tasks to the workers. Loop only.
func (d *dispatcher) kick() {
	t := d.first
	d.first, d.last, d.kicked = nil, nil, false
	d.mu.Lock()
	for t != nil {
		next := t.next
		s := t.socket
		if s.tasks == nil {
			t.next = t
		} else {
			t.next, s.tasks.next = s.tasks.next, t
		}
		s.tasks = t
		if !s.busy {
			s.busy = true
			d.ready = append(d.ready, s)
		}
		t = next
	}
	d.ensureWorker()
	d.mu.Unlock()
}

// ensureWorker starts a worker if sockets wait and none is on its way. d.mu
// held.
func (d *dispatcher) ensureWorker() {
	if d.starting || d.head == len(d.ready) {
		return
	}
	d.starting = true
	d.workers.Add(1)
	go d.work() // ends when no socket has tasks
}

// work runs tasks until there are none.
func (d *dispatcher) work() {
	d.mu.Lock()
	d.starting = false
	for d.head < len(d.ready) {
		s := d.pop()
		d.ensureWorker()
		last := s.tasks
		s.tasks = nil
		d.mu.Unlock()
		d.runAll(last)
		d.mu.Lock()
		if s.tasks != nil {
			d.ready = append(d.ready, s)
		} else {
			s.busy = false
		}
	}
	if d.workers.Add(-1) == 0 && d.idle != nil {
		d.idle.Broadcast()
	}
	d.mu.Unlock()
}

// pop takes the first socket of the queue. d.mu held.
func (d *dispatcher) pop() *Socket {
	s := d.ready[d.head]
	d.ready[d.head] = nil
	d.head++
	switch {
	case d.head == len(d.ready):
		d.ready, d.head = d.ready[:0], 0
	case d.head >= maxReadyWaste && d.head*2 >= len(d.ready):
		n := copy(d.ready, d.ready[d.head:])
		clear(d.ready[n:])
		d.ready, d.head = d.ready[:n], 0
	}
	return s
}

// maxReadyWaste is how many used places the queue of sockets may begin with.
const maxReadyWaste = 256

// runAll runs the tasks of the circular list that ends with last, all of one
// socket.
func (d *dispatcher) runAll(last *task) {
	t := last.next
	last.next = nil
	done := false
	defer func() {
		if !done {
			d.replace(t) // a handler ended this goroutine (runtime.Goexit)
		}
	}()
	for t != nil {
		next, s, size := t.next, t.socket, t.size()
		t.run()
		t.free()
		s.queuedBytes.Add(-size)
		s.queuedCount.Add(-1)
		if s.held.Load() != 0 {
			s.unhold()
		}
		t = next
	}
	done = true
}

// replace puts back the tasks behind t, which was running when its handler
// ended the goroutine, and takes the worker off the list.
func (d *dispatcher) replace(t *task) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s, rest := t.socket, t.next
	s.queuedBytes.Add(-t.size())
	s.queuedCount.Add(-1)
	if rest != nil {
		end := rest
		for end.next != nil {
			end = end.next
		}
		if s.tasks == nil {
			s.tasks = end
		} else {
			end.next = s.tasks.next
		}
		s.tasks.next = rest
	}
	left := d.workers.Add(-1)
	if s.tasks != nil {
		d.ready = append(d.ready, s)
		d.ensureWorker()
	} else {
		s.busy = false
	}
	if left == 0 && d.idle != nil {
		d.idle.Broadcast()
	}
}

// wait returns when no worker runs, or when stopped is closed.
func (d *dispatcher) wait(stopped <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.idle == nil {
		d.idle = sync.NewCond(&d.mu)
	}
	for d.workers.Load() > 0 {
		select {
		case <-stopped:
			return
		default:
			d.idle.Wait()
		}
	}
}

// wake makes wait look at its channel.
func (d *dispatcher) wake() {
	d.mu.Lock()
	if d.idle != nil {
		d.idle.Broadcast()
	}
	d.mu.Unlock()
}

// hold pauses the connection of s: too many of its events wait. The client is
// held by TCP until half of them are done. Loop only.
func (s *Socket) hold() {
	c := clientOf(s.sess)
	s.held.Store(1)
	if !c.inactive && !c.dead {
		c.inactive = true
		s.loop.counters.paused.Add(1)
		s.sess.Pause()
	}
}

// unhold asks the loop to go on reading when enough has been done.
func (s *Socket) unhold() {
	cfg := &s.nsp.srv.cfg
	if int(s.queuedCount.Load()) > cfg.MaxPendingEvents/2 || int(s.queuedBytes.Load()) > cfg.MaxPendingBytes/2 {
		return
	}
	if s.held.CompareAndSwap(1, 0) {
		s.loop.loop.Post(postResume, s, nil)
	}
}

func postResume(a, _ any) {
	s := a.(*Socket)
	c := clientOf(s.sess)
	if c.dead || !c.inactive || c.live && c.first.held.Load() != 0 {
		return
	}
	for _, o := range c.more {
		if o.held.Load() != 0 {
			return
		}
	}
	c.inactive = false
	s.loop.counters.paused.Add(-1)
	s.sess.Resume()
}

// run does the work of t.
func (t *task) run() {
	s := t.socket
	switch t.kind {
	case taskEvent:
		s.runEvent(t)
	case taskAck:
		s.runAck(t)
	case taskOutgoing:
		s.runOutgoing(t)
	case taskMiddlewares:
		s.admit()
	case taskConnection:
		for _, h := range s.nsp.reg.load().connection {
			if !h.inline {
				s.call(h, &RawEvent{socket: s, name: "connection", id: noAck})
			}
		}
	case taskFarewell:
		s.runFarewell(t.reason, t.err)
	case taskLookup:
		t.lookup.run()
	case taskUpgrade:
		s.runUpgrade()
	case taskTake:
		s.runTake(t.recovery)
	case taskReplay:
		s.runReplay(t.recovery)
	case taskReturn:
		s.nsp.link.save(t.recovery.session)
	}
}

// rescue is deferred around handlers: a panic ends the connection and reaches
// Config.OnError.
func (s *Socket) rescue(event string) {
	v := recover()
	if v == nil {
		return
	}
	s.loop.counters.panics.Add(1)
	s.state.CompareAndSwap(stateConnected, stateLeaving)
	err := &PanicError{Socket: s, Event: event, Value: v, Stack: debug.Stack()}
	s.loop.loop.Post(postFail, s, err)
	s.nsp.srv.cfg.OnError(err)
}

func postFail(a, b any) {
	if c := clientOf(a.(*Socket).sess); !c.dead {
		c.fail(b.(*PanicError))
	}
}
