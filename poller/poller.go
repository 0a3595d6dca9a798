package poller

import (
	"sync"
	"sync/atomic"
	"time"
)

// Poller is a set of loops that serve connections. Its methods are for any
// goroutine.
type Poller struct {
	// immutable
	cfg     Config
	base    time.Time // Loop.Now counts from here
	loops   []*Loop
	backend backend
	watch   *watchdog // nil without Config.OnStall

	admission admission
	shakes    handshakes
	nextLoop  atomic.Uint32
	down      atomic.Bool // shutting down or closed

	streams streams

	mu        sync.Mutex
	listeners map[*Listener]struct{} // guarded by mu

	closeOnce sync.Once
	closed    chan struct{} // closed when every loop has ended
}

// New starts a poller with its loops. It must be ended by [Poller.Shutdown] or
// [Poller.Close].
func New(cfg Config) (*Poller, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	growFDTable()
	p := newUnstarted(cfg)
	if p.backend, err = newBackend(cfg); err != nil {
		return nil, err
	}
	for i := range cfg.Loops {
		l, err := newLoop(p, i)
		if err != nil {
			for _, l := range p.loops {
				l.sel.close()
			}
			return nil, err
		}
		p.loops = append(p.loops, l)
	}
	for i, l := range p.loops {
		if err := p.backend.start(l); err != nil {
			for _, l := range p.loops[i:] { // the others are ended by Close
				close(l.ended)
				l.mailbox.close()
			}
			_ = p.Close()
			return nil, err
		}
	}
	if cfg.OnStall != nil {
		p.watch = startWatchdog(p)
	}
	return p, nil
}

// newUnstarted returns a poller without loops.
func newUnstarted(cfg Config) *Poller {
	p := &Poller{
		cfg: cfg, base: time.Now(),
		listeners: make(map[*Listener]struct{}),
		closed:    make(chan struct{}),
	}
	p.admission.init(&p.cfg)
	p.shakes.init(&p.cfg)
	return p
}

// clock returns the time in nanoseconds since the poller was made, not 0.
func (p *Poller) clock() int64 { return int64(time.Since(p.base)) + 1 }

// Loops returns the poller's loops. The result must not be modified.
func (p *Poller) Loops() []*Loop { return p.loops }

// Backend returns what drives the loops: the one that Config selected, or the
// system's default.
func (p *Poller) Backend() Backend { return p.cfg.Backend }

// spreadOver is how many loops are looked at to place a connection: enough to
// be even, few enough to be cheap with many loops.
const spreadOver = 8

// NextLoop returns a loop for the next connection: the one with the fewest of
// several, in turns when they are equal.
func (p *Poller) NextLoop() *Loop {
	n := uint32(len(p.loops))
	at := p.nextLoop.Add(1)
	best := p.loops[at%n]
	for i := uint32(1); i < min(n, spreadOver); i++ {
		if l := p.loops[(at+i)%n]; l.load.Load() < best.load.Load() {
			best = l
		}
	}
	return best
}

// leave counts a connection out, and gives a listener that waits for a free
// descriptor another try.
func (p *Poller) leave(from connAddr) {
	p.admission.leave(from)
	if p.admission.starved.Load() > 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		for ln := range p.listeners {
			ln.retry()
		}
	}
}
