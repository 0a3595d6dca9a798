package web

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/wsframe"
)

// wsTerms are what the connections of a kind have in common: they share one
// object. Immutable.
type wsTerms struct {
	maxMessage   uint32
	maxFragments uint32
	messageTime  uint16 // in timeUnit
	closeTime    uint16 // in timeUnit
	rules        wsframe.Rules
	params       deflate.Params
	deflate      *WSDeflate // nil: nothing is compressed
}

// terms returns the terms of a connection that agreed on params, if deflated.
func (o *WSOptions) terms(params deflate.Params, deflated bool) *wsTerms {
	t := wsTerms{
		maxMessage:   uint32(min(orDefault(o.MaxMessageBytes, defaultMessageBytes), maxMessageBytes)),
		maxFragments: uint32(min(orDefault(o.MaxFragments, defaultFragments), 1<<31-1)),
		messageTime:  timeUnits(orDefault(o.MessageTimeout, defaultMessageTimeout)),
		closeTime:    timeUnits(orDefault(o.CloseTimeout, defaultCloseTimeout)),
	}
	if deflated {
		t.rules, t.params, t.deflate = wsframe.AllowRSV1, params, o.Deflate
		return o.Deflate.terms.get(t)
	}
	return plainTerms.get(t)
}

// termsTable finds the shared object of equal terms. They are kept, being few:
// of a server with permessage-deflate as many as it may agree on with clients,
// 256 at the most, and for all others as many as have different limits.
type termsTable struct {
	all atomic.Pointer[[]*wsTerms]
	mu  sync.Mutex // held while one is added
}

var plainTerms termsTable

func (k *termsTable) get(t wsTerms) *wsTerms {
	if p := k.find(t); p != nil {
		return p
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if p := k.find(t); p != nil {
		return p
	}
	all := []*wsTerms{&t}
	if old := k.all.Load(); old != nil {
		all = append(slices.Clip(*old), &t)
	}
	k.all.Store(&all)
	return &t
}

func (k *termsTable) find(t wsTerms) *wsTerms {
	if all := k.all.Load(); all != nil {
		for _, p := range *all {
			if *p == t {
				return p
			}
		}
	}
	return nil
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// timeUnits rounds up, to at least one and at most what 16 bits hold (some 11
// minutes).
func timeUnits(d time.Duration) uint16 {
	return uint16(min((d+timeUnit-1)/timeUnit, 1<<16-1))
}
