package frame

import "hash/maphash"

// A frame may carry terms for the queues that it waits in: which older frame
// it replaces there, and what happens when there is no room for it. They are
// set by whoever builds the frame, before it is shared.

// keySeed makes the hashes of keys, which clients may choose, unpredictable.
var keySeed = maphash.MakeSeed()

// SetKey makes f replace an unsent frame of the same key in each queue that it
// enters. "" is no key.
func (f *Frame) SetKey(key string) {
	f.key, f.hash = key, 0
	if key != "" {
		f.hash = uint32(maphash.String(keySeed, key)) | 1
	}
}

// Keyed reports whether f has a key.
func (f *Frame) Keyed() bool { return f.hash != 0 }

// SetPolicy gives f a policy of its own for queues without room: a number that
// the queues agree on, above 0; 0 is the queue's own.
func (f *Frame) SetPolicy(p uint8) { f.policy = p }

// Policy returns what SetPolicy set.
func (f *Frame) Policy() uint8 { return f.policy }

// Unit is a frame with what is chained behind it, as a queue holds it.
type Unit struct {
	F       *Frame
	hash    uint32 // of F's key
	Control bool   // never dropped or replaced
}

// NewUnit returns f as a unit.
func NewUnit(f *Frame, control bool) Unit { return Unit{f, f.hash, control} }

// Predecessor returns the place of the unit that f, which has a key, replaces;
// -1 when there is none. Units below from are not looked at. overtakes reports
// whether f would, in that place, leave before a unit without a key that was
// queued earlier.
func Predecessor(units []Unit, from int, f *Frame) (i int, overtakes bool) {
	for i = len(units) - 1; i >= from; i-- {
		switch u := &units[i]; {
		case u.hash == f.hash && !u.Control && u.F.key == f.key:
			return i, overtakes
		case u.hash == 0 && !u.Control:
			overtakes = true
		}
	}
	return -1, false
}
