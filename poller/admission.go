package poller

import (
	"sync"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// connAddr is where a connection comes from.
type connAddr = sysio.Addr

// refusal is why a connection is refused.
type refusal uint8

const (
	admitted refusal = iota
	refusedConns
	refusedAddr
	refusedRate
	refusedFDs
	refusedHandshakes
	refusals // how many there are
)

// admission decides which connections are let in, and counts them.
type admission struct {
	maxConns   int64
	maxPerAddr int32
	rate       float64 // per nanosecond; 0: no limit
	burst      float64

	conns    atomic.Int64
	accepted atomic.Uint64
	refused  [refusals]atomic.Uint64
	starved  atomic.Int32 // listeners that wait for a free descriptor

	mu     sync.Mutex
	perIP  map[netKey]int32 // guarded by mu
	tokens float64          // guarded by mu
	last   int64            // guarded by mu
}

// netKey is what connections are counted by: an IPv4 address, or the /64
// network of an IPv6 address, which is what one customer usually gets.
type netKey struct {
	net  [8]byte
	kind uint8
}

// init takes the limits from the configuration.
func (a *admission) init(cfg *Config) {
	a.maxConns = int64(cfg.MaxConns)
	a.maxPerAddr = int32(max(cfg.MaxConnsPerAddr, 0))
	if a.maxPerAddr > 0 {
		a.perIP = make(map[netKey]int32)
	}
	if cfg.AcceptRate > 0 {
		a.rate = float64(cfg.AcceptRate) / 1e9
		a.burst = float64(cfg.AcceptRate)
		a.tokens = a.burst
	}
}

// keyOf returns what addr is counted by.
func keyOf(addr connAddr) netKey {
	k := netKey{kind: addr.Kind}
	copy(k.net[:], addr.IP[:])
	return k
}

// admit counts a connection in, unless a limit refuses it. now is the time in
// nanoseconds.
func (a *admission) admit(addr connAddr, now int64) refusal {
	why := a.check(addr, now)
	if why == admitted {
		a.accepted.Add(1)
	} else {
		a.refused[why].Add(1)
	}
	return why
}

// check is admit without its counters.
func (a *admission) check(addr connAddr, now int64) refusal {
	if !a.enter() {
		return refusedConns
	}
	if a.rate == 0 && a.maxPerAddr == 0 {
		return admitted
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.rate > 0 {
		a.tokens = min(a.tokens+float64(max(now-a.last, 0))*a.rate, a.burst)
		a.last = max(now, a.last)
		if a.tokens < 1 {
			a.conns.Add(-1)
			return refusedRate
		}
	}
	if a.maxPerAddr > 0 && addr.Kind != sysio.KindNone {
		k := keyOf(addr)
		if a.perIP[k] >= a.maxPerAddr {
			a.conns.Add(-1)
			return refusedAddr
		}
		a.perIP[k]++
	}
	a.tokens--
	return admitted
}

// enter counts in a connection that was not accepted by a listener, if there
// is room.
func (a *admission) enter() bool {
	if a.conns.Add(1) > a.maxConns {
		a.conns.Add(-1)
		return false
	}
	return true
}

// adopt is enter for a connection from addr, which is not refused for its
// address but counted.
func (a *admission) adopt(addr connAddr) bool {
	if !a.enter() {
		return false
	}
	if a.maxPerAddr > 0 && addr.Kind != sysio.KindNone {
		a.mu.Lock()
		a.perIP[keyOf(addr)]++
		a.mu.Unlock()
	}
	return true
}

// leave counts a connection out.
func (a *admission) leave(addr connAddr) {
	a.conns.Add(-1)
	if a.maxPerAddr == 0 || addr.Kind == sysio.KindNone {
		return
	}
	k := keyOf(addr)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.perIP[k]--; a.perIP[k] <= 0 {
		delete(a.perIP, k)
	}
}

// stats returns the admission's part of Stats.
func (a *admission) stats() Stats {
	return Stats{
		Conns:    int(a.conns.Load()),
		Accepted: a.accepted.Load(),
		Refused: Refused{
			Conns: a.refused[refusedConns].Load(),
			Addr:  a.refused[refusedAddr].Load(),
			Rate:  a.refused[refusedRate].Load(),
			FDs:   a.refused[refusedFDs].Load(),

			Handshakes: a.refused[refusedHandshakes].Load(),
		},
	}
}
