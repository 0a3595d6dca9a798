package sio

import (
	"sync"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/poller"
)

// loopState is what a server keeps for one event loop.
type loopState struct {
	loop  *poller.Loop
	srv   *Server
	index int // of loop

	// loop only
	epoch uint64   // number of the latest broadcast that marked sockets
	event RawEvent // lent to inline handlers
	work  dispatcher
	drain *drainer // while clients are let go

	clients sync.Mutex // held by the loop to change a client's list of sockets, by others to read it

	counters counters
}

// counters are written by the loop and read by [Server.Stats]. The padding
// keeps them from sharing a cache line with what other goroutines write.
type counters struct {
	_           [64]byte
	connections atomic.Int64
	sockets     atomic.Int64
	rooms       atomic.Int64
	eventsIn    atomic.Uint64
	acksIn      atomic.Uint64
	deliveries  atomic.Uint64
	broadcasts  atomic.Uint64
	dropped     atomic.Uint64
	violations  atomic.Uint64
	panics      atomic.Uint64
	paused      atomic.Int64
	disconnects [len(reasons)]atomic.Uint64
	ackTimes    durations
	_           [64]byte
}

// stateOf returns the state for l, made on first use. Loop goroutine only.
func (srv *Server) stateOf(l *poller.Loop) *loopState {
	i := l.Index()
	if all := *srv.loops.Load(); i < len(all) && all[i] != nil {
		return all[i]
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	old := *srv.loops.Load()
	grown := make([]*loopState, max(len(old), i+1))
	copy(grown, old)
	ls := &loopState{loop: l, srv: srv, index: i}
	ls.work.ls = ls
	grown[i] = ls
	srv.loops.Store(&grown)
	return ls
}
