package million

import (
	"fmt"
	"io"
	"syscall"
	"time"
)

// Options of a run. What is zero gets its default.
type Options struct {
	Sockets      int           // to open; 0 means 1,000,000
	Each         int           // in a process; 0 means 19,000, or what the limit of descriptors allows
	FloorBytes   int64         // of memory to leave available; 0 means 2 GiB
	Rest         time.Duration // to watch heartbeats for; 0 means 60 s
	PingInterval time.Duration // between heartbeats; 0 means 25 s
	PingTimeout  time.Duration // for the answer to one; 0 means 20 s
	PhaseTimeout time.Duration // of each part, and of opening one pair; 0 means 10 minutes
	Program      string        // siobench, which serves and loads
	Log          io.Writer     // progress, and what processes complain of; nil for none
}

// The defaults: of Socket.IO where it has one.
const (
	defaultSockets = 1_000_000
	defaultEach    = 19_000
	defaultFloor   = 2 << 30
	defaultRest    = time.Minute
	defaultPing    = 25 * time.Second
	defaultPong    = 20 * time.Second
	defaultPhase   = 10 * time.Minute
)

// spareFiles is what a process needs besides its connections.
const spareFiles = 200

// withDefaults returns a copy that is complete, or says what cannot be run.
func (o Options) withDefaults() (Options, error) {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return o, fmt.Errorf("million: limit of descriptors: %w", err)
	}
	most := int(min(uint64(limit.Cur), 1<<20)) - spareFiles
	set(&o.Sockets, defaultSockets)
	set(&o.Each, min(defaultEach, most))
	set(&o.FloorBytes, defaultFloor)
	set(&o.Rest, defaultRest)
	set(&o.PingInterval, defaultPing)
	set(&o.PingTimeout, defaultPong)
	set(&o.PhaseTimeout, defaultPhase)
	if o.Log == nil {
		o.Log = io.Discard
	}
	switch {
	case o.Sockets < 1:
		return o, fmt.Errorf("million: Sockets is %d", o.Sockets)
	case o.Each < 1 || o.Each > most:
		return o, fmt.Errorf("million: Each is %d; a process may have %d connections: ulimit -n", o.Each, most)
	case o.FloorBytes < 0:
		return o, fmt.Errorf("million: FloorBytes is %d", o.FloorBytes)
	case o.Rest < 0 || o.PingInterval < 0 || o.PingTimeout < 0 || o.PhaseTimeout < 0:
		return o, fmt.Errorf("million: Rest %v, PingInterval %v, PingTimeout %v and PhaseTimeout %v must be positive", o.Rest, o.PingInterval, o.PingTimeout, o.PhaseTimeout)
	}
	return o, nil
}

// set gives *v the value d when it is zero.
func set[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
