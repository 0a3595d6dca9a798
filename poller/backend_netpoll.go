//go:build !linux || amd64 || arm64 || loong64 || riscv64

package poller

import (
	"context"
	"io"
	"net"
	"sync"
	"time"

	"github.com/cloudwego/netpoll"
)

// turnsPerAccept bounds what a loop does before others that share its poller
// get their turn.
const turnsPerAccept = 4

// netpollOnce configures netpoll, whose settings are the process's.
var netpollOnce sync.Once

// netpollBackend lets netpoll's pollers drive the loops. A loop's selector is
// registered as if it were a listening socket: when it is readable, netpoll
// calls Accept on the poller's goroutine, which runs turns and returns no
// connection, as netpoll allows. netpoll waits without a time limit, so a
// timer in the selector stands for the wheel's next slot.
type netpollBackend struct {
	served sync.WaitGroup // the Serve calls
}

// newNetpollBackend returns the backend, with one of netpoll's pollers per
// loop if nobody uses netpoll in this process yet.
func newNetpollBackend(loops int) (backend, error) {
	netpollOnce.Do(func() {
		// The only error is a number of pollers below 1.
		_ = netpoll.Configure(netpoll.Config{PollerNum: loops, LoggerOutput: io.Discard})
	})
	return &netpollBackend{}, nil
}

// start registers the loop with a poller.
func (b *netpollBackend) start(l *Loop) error {
	if err := l.sel.openTimer(); err != nil {
		return err
	}
	events, err := netpoll.NewEventLoop(nil)
	if err != nil {
		return err
	}
	d := &netpollDriver{l: l, events: events}
	b.served.Add(1)
	go func() { // ends when the loop is over: the driver shuts events down
		defer b.served.Done()
		if err := events.Serve(d); err != nil {
			d.failed(err)
		}
	}()
	return nil
}

// stop waits until the loops are out of netpoll's hands.
func (b *netpollBackend) stop([]*Loop) { b.served.Wait() }

// netpollDriver is what netpoll takes for a listener.
type netpollDriver struct {
	l      *Loop
	events netpoll.EventLoop
	armed  int64 // when the selector's timer fires, 0 if it is not armed
	over   bool
}

var _ netpoll.Listener = (*netpollDriver)(nil)

// Fd returns the descriptor that netpoll waits on.
func (d *netpollDriver) Fd() int { return d.l.sel.fd() }

// Addr returns no real address; netpoll wants one.
func (d *netpollDriver) Addr() net.Addr { return &net.UnixAddr{Name: "poller", Net: "unix"} }

// Close does nothing: the loop closes its selector.
func (d *netpollDriver) Close() error { return nil }

// Accept runs turns while there is something to do, and never returns a
// connection. Panics of handlers end inside turn.
func (d *netpollDriver) Accept() (net.Conn, error) {
	l := d.l
	if d.over {
		return nil, nil
	}
	if l.goid.Load() == 0 {
		l.goid.Store(goroutineID())
	}
	for range turnsPerAccept {
		l.turn(l.sel.poll())
		if l.over {
			d.end()
			return nil, nil
		}
		if wait, ok := l.sleep(); ok && d.arm(wait) {
			yield() // netpoll goes to wait now
			return nil, nil
		}
	}
	if l.watched {
		l.began.Store(0)
	}
	l.sel.wake() // more to do, after other loops of this poller
	return nil, nil
}

// arm makes the selector ready after wait. It reports false when that is now.
// A timer that fires earlier than needed is left alone: it costs one turn, a
// change costs a system call each time.
func (d *netpollDriver) arm(wait time.Duration) bool {
	if wait == 0 {
		return false
	}
	if wait < 0 {
		return true
	}
	now := d.l.now
	at := now + int64(wait)
	if d.armed > now && d.armed <= at {
		return true
	}
	if err := d.l.sel.armTimer(wait); err != nil {
		d.l.p.cfg.OnError(err)
		return false
	}
	d.armed = at
	return true
}

// end hands the loop back. netpoll must not be left from inside Accept, so a
// goroutine does that.
func (d *netpollDriver) end() {
	d.over = true
	go func() { // ends when netpoll has let go
		_ = d.events.Shutdown(context.Background())
		close(d.l.ended)
	}()
}

// failed ends a loop that netpoll refused to drive: no turn has been run.
func (d *netpollDriver) failed(err error) {
	d.l.p.cfg.OnError(err)
	d.l.mailbox.close()
	close(d.l.ended)
}
