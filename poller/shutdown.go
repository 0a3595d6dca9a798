package poller

import (
	"bytes"
	"context"
	"runtime"
	"strconv"
)

// Shutdown stops accepting, lets each connection write what is queued for it,
// and closes it with [ErrClosed]. When ctx ends, what is left is cut and the
// context's error is returned. All goroutines of the poller have ended when
// Shutdown returns. Posted calls are still made. On the goroutine of a loop it
// does not wait. Further calls wait for the first.
func (p *Poller) Shutdown(ctx context.Context) error {
	p.stopListening()
	for _, l := range p.loops {
		l.Post(drainLoop, l, nil)
	}
	if p.onLoop() != nil {
		// Close ends with the loops.
		go func() {
			_ = p.awaitEmpty(ctx)
			_ = p.Close()
		}()
		return nil
	}
	err := p.awaitEmpty(ctx)
	if closeErr := p.Close(); err == nil {
		err = closeErr
	}
	return err
}

// awaitEmpty waits until no loop has a connection left.
func (p *Poller) awaitEmpty(ctx context.Context) error {
	for _, l := range p.loops {
		select {
		case <-l.empty:
		case <-l.ended:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Close cuts all connections, with [ErrClosed], and returns when all
// goroutines of the poller have ended. Posted calls are still made. On the
// goroutine of a loop it does not wait. Further calls wait for the first.
func (p *Poller) Close() error {
	p.stopListening()
	p.closeOnce.Do(func() {
		for _, l := range p.loops {
			l.Post(stopLoop, l, nil)
		}
		go p.finish() // ends with the loops
	})
	if p.onLoop() == nil {
		<-p.closed
	}
	return nil
}

// finish releases everything when the loops have ended.
func (p *Poller) finish() {
	for _, l := range p.loops {
		<-l.ended
	}
	p.streams.wait()
	p.shakes.running.Wait()
	if p.watch != nil {
		p.watch.stop()
	}
	p.backend.stop(p.loops)
	for _, l := range p.loops {
		l.sel.close()
	}
	close(p.closed)
}

// stopListening closes the listeners and refuses new ones.
func (p *Poller) stopListening() {
	p.down.Store(true)
	p.mu.Lock()
	var all []*Listener
	for ln := range p.listeners {
		all = append(all, ln)
	}
	p.mu.Unlock()
	for _, ln := range all {
		_ = ln.Close()
	}
}

// drainLoop and stopLoop are posted with a loop.
func drainLoop(a, _ any) { a.(*Loop).drain() }

func stopLoop(a, _ any) { a.(*Loop).stopping = true }

// OnLoop reports whether it is called on the goroutine of one of the loops,
// which must not wait for anything. It is not for hot paths: it looks at a
// stack. Any goroutine.
func (p *Poller) OnLoop() bool { return p.onLoop() != nil }

// onLoop returns the loop whose goroutine calls, nil if there is none.
func (p *Poller) onLoop() *Loop {
	id := goroutineID()
	for _, l := range p.loops {
		if l.goid.Load() == id {
			return l
		}
	}
	return nil
}

// goroutineID returns the number of the calling goroutine, as stack traces
// show it. For rare use: it formats a stack.
func goroutineID() uint64 {
	var buf [64]byte
	b := buf[:runtime.Stack(buf[:], false)]
	b = bytes.TrimPrefix(b, []byte("goroutine "))
	if i := bytes.IndexByte(b, ' '); i > 0 {
		b = b[:i]
	}
	id, _ := strconv.ParseUint(string(b), 10, 64)
	return id
}
