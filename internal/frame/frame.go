// Package frame holds encoded messages that are built once and written to any
// number of connections.
//
// A [Frame] carries one Engine.IO message (or, sealed raw, any bytes). Its
// buffer has room for a WebSocket header in front of the payload, so that the
// same bytes serve a WebSocket ([Frame.Wire]) and a polling payload
// ([Frame.Payload]). A compressed WebSocket form is made when the first receiver
// asks for it, and kept for the others ([Frame.Deflated]). Frames that must stay
// together, such as a Socket.IO packet and its attachments, are chained.
//
// # Ownership
//
// A Frame starts with one reference. It is built by one goroutine, sealed, and
// is immutable from then on. Whoever is handed a frame by a function that
// "takes over a reference" must call [Frame.Release] once. The last Release
// puts the frame and those chained behind it back into the pool.
package frame

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

const (
	// headerRoom is the longest header of an unmasked WebSocket frame
	// (RFC 6455 section 5.2).
	headerRoom = 10
	// startBytes is the capacity of a new buffer: it holds the usual event.
	startBytes = 256
	// maxPooledBytes is the largest buffer that returns to the pool: one
	// large message must not pin its memory for ever.
	maxPooledBytes = 64 << 10
)

// WebSocket opcodes of a final data frame (RFC 6455 section 5.2).
const (
	finText   = 0x81
	finBinary = 0x82
)

// Frame is one encoded message. See the package comment for who owns it.
type Frame struct {
	// B is the buffer while the frame is being built: append the payload to
	// it, behind the bytes that New reserved. Not to be touched once sealed.
	B []byte

	refs   atomic.Int32
	size   int32 // bytes of Wire of this frame and those behind it
	start  uint8 // where Wire begins in B
	body   uint8 // where Payload begins in B
	binary bool
	plain  bool   // see Uncompressed
	policy uint8  // see SetPolicy
	hash   uint32 // of key, 0 for none
	next   *Frame
	key    string // see SetKey

	deflated deflated
	forms    [formCount]atomic.Pointer[Frame] // nil until asked for
}

var pool = sync.Pool{New: func() any {
	return &Frame{B: make([]byte, headerRoom, startBytes)}
}}

// New returns an empty frame with one reference, ready to be built.
func New() *Frame {
	f := pool.Get().(*Frame)
	f.refs.Store(1)
	return f
}

// SealText ends building: the payload is the text message of one WebSocket
// frame. It returns f.
func (f *Frame) SealText() *Frame { return f.seal(finText) }

// SealBinary ends building: the payload is the binary message of one WebSocket
// frame. It returns f.
func (f *Frame) SealBinary() *Frame {
	f.binary = true
	return f.seal(finBinary)
}

// SealRaw ends building: the payload goes out as it is, without a WebSocket
// header. It returns f.
func (f *Frame) SealRaw() *Frame {
	f.start, f.body = headerRoom, headerRoom
	f.size = int32(len(f.B) - headerRoom)
	return f
}

// seal writes the WebSocket header right in front of the payload.
func (f *Frame) seal(first byte) *Frame {
	n := len(f.B) - headerRoom
	f.body = headerRoom
	switch {
	case n < 126:
		f.start = headerRoom - 2
		f.B[f.start+1] = byte(n)
	case n <= 0xffff:
		f.start = headerRoom - 4
		f.B[f.start+1] = 126
		binary.BigEndian.PutUint16(f.B[f.start+2:], uint16(n))
	default:
		f.start = 0
		f.B[1] = 127
		binary.BigEndian.PutUint64(f.B[2:], uint64(n))
	}
	f.B[f.start] = first
	f.size = int32(len(f.B) - int(f.start))
	return f
}

// Chain puts g behind f: both are queued, written and dropped together. Both
// must be sealed and g must end with no more than one reference, which f takes
// over. Chains are built from their last frame to their first.
func (f *Frame) Chain(g *Frame) {
	f.next = g
	f.size += g.size
}

// Next returns the frame chained behind f, or nil.
func (f *Frame) Next() *Frame { return f.next }

// Wire returns what a WebSocket or a raw connection is sent for this one
// frame. It is valid as long as the caller holds a reference; do not modify it.
func (f *Frame) Wire() []byte { return f.B[f.start:] }

// Payload returns the message without its WebSocket header. It is valid as
// long as the caller holds a reference; do not modify it.
func (f *Frame) Payload() []byte { return f.B[f.body:] }

// Size returns the bytes of Wire of f and of all frames chained behind it.
func (f *Frame) Size() int { return int(f.size) }

// Binary reports whether f was sealed as a binary message.
func (f *Frame) Binary() bool { return f.binary }

// Retain adds n references, and returns f. The caller must hold one.
func (f *Frame) Retain(n int) *Frame {
	f.refs.Add(int32(n))
	return f
}

// Form is a way of writing messages beside the usual one.
type Form uint8

// The forms. What they look like is up to those who ask for them.
const (
	// Typed is for WebSockets of Engine.IO 3, whose binary messages begin
	// with the type of the packet.
	Typed Form = iota
	// Base64 is for those of them that can't take binary messages.
	Base64
	// Stream is for connections that bring no frames of their own.
	Stream
	formCount
)

// As returns f and what is chained behind it in another form. It is made by
// build, of f's own payloads, for the first who asks, and kept as long as f,
// whose terms for queues it has too.
// The result is valid as long as the caller holds a reference to f; whoever
// sends it must retain it. As may be called from several goroutines at once.
func (f *Frame) As(form Form, build func(f *Frame) *Frame) *Frame {
	kept := &f.forms[form]
	if g := kept.Load(); g != nil {
		return g
	}
	g := build(f)
	g.plain, g.policy, g.hash, g.key = f.plain, f.policy, f.hash, f.key
	if !kept.CompareAndSwap(nil, g) {
		g.Release() // another was faster
	}
	return kept.Load()
}

// Release gives back one reference. It panics when there was none to give
// back: that is a bug which would hand one client's bytes to another.
func (f *Frame) Release() {
	n := f.refs.Add(-1)
	if n > 0 {
		return
	}
	if n < 0 {
		panic("frame: released more often than retained")
	}
	f.recycle()
}

// recycle clears f and those behind it and puts them into the pool.
func (f *Frame) recycle() {
	next := f.next
	f.next, f.binary, f.plain, f.size, f.start, f.body = nil, false, false, 0, 0, 0
	f.policy, f.hash, f.key = 0, 0, ""
	f.deflated.drop()
	for i := range f.forms {
		if g := f.forms[i].Load(); g != nil {
			f.forms[i].Store(nil)
			g.Release()
		}
	}
	if cap(f.B) > maxPooledBytes {
		f.B = make([]byte, headerRoom, startBytes)
	} else {
		poison(f.B)
		f.B = f.B[:headerRoom]
	}
	pool.Put(f)
	if next != nil {
		next.Release()
	}
}
