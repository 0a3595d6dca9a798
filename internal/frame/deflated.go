package frame

import (
	"sync"
	"sync/atomic"
)

// rsv1 marks the first frame of a compressed message (RFC 7692 section 6).
const rsv1 = 0x40

// Compressor compresses messages for WebSockets.
type Compressor interface {
	// Deflate appends the payload of a message that says payload, for a
	// receiver whose window holds 1<<bits bytes, of which nothing is used.
	Deflate(dst, payload []byte, bits uint8) []byte
}

// deflated are the compressed forms of a frame and those chained behind it,
// one for each size of a receiver's window that was asked for: the frame owns
// one reference to each. They are linked through their own deflated.first.
type deflated struct {
	first   atomic.Pointer[Frame]
	mu      sync.Mutex // held while a form is added
	bits    uint8      // of a form: the size of the window
	useless bool       // of a form: it is no smaller, and empty
}

// maxBits is the largest window of DEFLATE, as a power of two.
const maxBits = 15

// Uncompressed makes f, and what is chained behind it, stay as it is. It must
// be called before f is shared. It returns f.
func (f *Frame) Uncompressed() *Frame {
	f.plain = true
	return f
}

// Compressible reports whether Uncompressed was not called.
func (f *Frame) Compressible() bool { return !f.plain }

// Shared reports whether anybody else holds a reference to f now.
func (f *Frame) Shared() bool { return f.refs.Load() > 1 }

// Compressed reports whether f itself is a compressed message.
func (f *Frame) Compressed() bool { return f.start != f.body && f.B[f.start]&rsv1 != 0 }

// Deflated returns the chain of f as it is sent to a client that agreed on
// permessage-deflate with a window of 1<<bits bytes: messages of threshold
// bytes or more are compressed, unless they grow by that. It returns nil when
// nothing is: then the client is sent f. Whoever asks first has c compress,
// all others get the same frame; they wait for the first if they have to. It
// may be called from any goroutine.
//
// Ownership: the result is f's, and valid as long as the caller holds a
// reference to f: retain it to send it.
func (f *Frame) Deflated(c Compressor, bits uint8, threshold int) *Frame {
	if f.plain || int(f.size) < threshold || f.start == f.body {
		return nil
	}
	if bits < maxBits && f.longest() <= 1<<bits {
		bits = maxBits // nothing in it lies further back than that window
	}
	g := f.form(bits)
	if g == nil {
		g = f.addForm(c, bits, threshold)
	}
	if g.deflated.useless {
		return nil
	}
	return g
}

// longest returns the size of the longest payload of the chain.
func (f *Frame) longest() (n int) {
	for ; f != nil; f = f.next {
		n = max(n, len(f.Payload()))
	}
	return n
}

// form returns the form for a window, or nil.
func (f *Frame) form(bits uint8) *Frame {
	g := f.deflated.first.Load()
	for g != nil && g.deflated.bits != bits {
		g = g.deflated.first.Load()
	}
	return g
}

// addForm makes the form for a window, unless someone else just did.
func (f *Frame) addForm(c Compressor, bits uint8, threshold int) *Frame {
	f.deflated.mu.Lock()
	defer f.deflated.mu.Unlock()
	if g := f.form(bits); g != nil {
		return g
	}
	g := f.deflate(c, bits, threshold)
	if g == nil {
		g = New().SealRaw()
		g.deflated.useless = true
	}
	g.deflated.bits = bits
	g.deflated.first.Store(f.deflated.first.Load())
	f.deflated.first.Store(g)
	return g
}

// deflate returns the chain compressed, or nil when nothing got smaller.
func (f *Frame) deflate(c Compressor, bits uint8, threshold int) *Frame {
	g, changed := f.Recode(func(dst, payload []byte) ([]byte, bool) {
		if len(payload) < threshold {
			return dst, false
		}
		n := len(dst)
		dst = c.Deflate(dst, payload, bits)
		return dst, len(dst)-n < len(payload)
	})
	if !changed {
		g.Release()
		return nil
	}
	g.policy, g.hash, g.key = f.policy, f.hash, f.key
	return g
}

// Recode returns a chain like that of f, with one reference, in which messages
// are compressed. one is called for each: it appends the compressed payload to
// dst and returns the result and true, or false when the message stays as it
// is. changed reports whether any did not. Ownership: one must not keep payload.
func (f *Frame) Recode(one func(dst, payload []byte) (out []byte, ok bool)) (first *Frame, changed bool) {
	total, last := int32(0), &first
	for ; f != nil; f = f.next {
		g := New()
		out, ok := one(g.B, f.Payload())
		bit := byte(0)
		if ok {
			bit, changed = rsv1, true
		} else {
			out = append(out[:headerRoom], f.Payload()...)
		}
		g.B, g.binary = out, f.binary
		g.seal(f.B[f.start] | bit)
		total += g.size
		*last, last = g, &g.next
	}
	for g := first; g != nil; g = g.next {
		total, g.size = total-g.size, total
	}
	return first, changed
}

// drop gives the forms back, whose owner is being recycled.
func (d *deflated) drop() {
	g := d.first.Load()
	d.first.Store(nil)
	d.bits, d.useless = 0, false
	for g != nil {
		next := g.deflated.first.Load()
		g.deflated.first.Store(nil)
		g.Release()
		g = next
	}
}
