package eio

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/poller"
)

// shard is what the sessions of one loop share.
type shard struct {
	clock              // immutable
	srv   *Server      // immutable
	loop  *poller.Loop // immutable; the clock, unless in tests
	count counters     // atomic

	// loop only
	dirty    []*longPoll // to be flushed at the end of the turn
	flushing []*longPoll // the other one of the two, while they are
	scratch  []byte      // for payloads; nil while taken
	packing  []byte      // for handshake headers
	packed   []byte      // for compressed payloads
	lines    []byte      // for the header lines of these
	strings  interner
}

// counters are added to by one loop and read by anybody. The padding keeps
// the loops from sharing a cache line.
type counters struct {
	_                       [64]byte
	sessions                [transportCount]atomic.Int64
	handshakes, upgrades    atomic.Uint64
	packetsIn, packetsOut   atomic.Uint64
	messagesIn, messagesOut atomic.Uint64
	bytesIn, bytesOut       atomic.Uint64
	newest, oldest          atomic.Uint64
	replaced, overflows     atomic.Uint64
	closes                  [reasonCount]atomic.Uint64
	refused                 [codeCount]atomic.Uint64
	overloaded              atomic.Uint64
	_                       [64]byte
}

func newShard(srv *Server, c clock, l *poller.Loop) *shard {
	return &shard{clock: c, srv: srv, loop: l, strings: interner{seed: maphash.MakeSeed()}}
}

// flushLater flushes p at the end of the turn, with all others in one post.
func (sh *shard) flushLater(p *longPoll) {
	sh.dirty = append(sh.dirty, p)
	if len(sh.dirty) == 1 && !sh.Post(flushDirty, sh, nil) {
		sh.dirty = sh.dirty[:0] // the loop ends, and with it the GETs
	}
}

func flushDirty(a, _ any) {
	sh := a.(*shard)
	now := sh.dirty
	sh.dirty, sh.flushing = sh.flushing[:0], now
	for i, p := range now {
		p.flush()
		now[i] = nil
	}
}

// takeScratch returns an empty buffer, until putScratch. Ownership: the
// caller's until then.
func (sh *shard) takeScratch() []byte {
	b := sh.scratch
	sh.scratch = nil
	return b[:0]
}

// putScratch gives the buffer back, grown or not.
func (sh *shard) putScratch(b []byte) {
	if cap(b) <= maxScratchBytes {
		sh.scratch = b
	}
}
