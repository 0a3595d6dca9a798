package deflate

// Hot path: no allocation, no lock, no time.Now.

import (
	"sync"

	"github.com/klauspost/compress/flate"
)

// DefaultLevel is the level of compression when none is given: on JSON it
// comes within 2 % of zlib's default in size, in a seventh of its time.
const DefaultLevel = 3

// trailerBytes is what the flush of a compressor ends with and a message does
// not (RFC 7692 section 7.2.1).
const trailerBytes = 4

// MaxContext is how much of what was said a Deflater looks at: more costs more
// time for each message than it saves bytes.
const MaxContext = 8 << 10

// Deflater compresses messages at one level. It may be used from any
// goroutine.
type Deflater struct {
	level int
	pools [MaxBits - MinBits + 1]sync.Pool // by the size of the window
}

// NewDeflater returns a Deflater of a level from 1, fastest, to 9.
func NewDeflater(level int) *Deflater { return &Deflater{level: level} }

// writer is a compressor with the buffer it appends to.
type writer struct {
	flate *flate.Writer
	out   []byte
}

func (w *writer) Write(p []byte) (int, error) {
	w.out = append(w.out, p...)
	return len(p), nil
}

// Append appends the payload of a message that says src, compressed for a
// window of 1<<bits bytes (RFC 7692 section 7.2.1). context is what the
// receiver has in its window already, nil for a message that stands alone; no
// more than MaxContext bytes of it, and no more than the window, are used.
//
// Ownership: src and context are only read; the result is the caller's.
func (d *Deflater) Append(dst, src, context []byte, bits uint8) []byte {
	if len(src)+len(context) <= 1<<bits {
		bits = MaxBits // nothing there lies further back than that window
	}
	w := d.get(bits)
	w.out = dst
	if limit := min(MaxContext, 1<<bits); len(context) > limit {
		context = context[len(context)-limit:]
	}
	if len(context) > 0 {
		w.flate.ResetDict(w, context)
	} else {
		w.flate.Reset(w)
	}
	// Neither fails: what they write to does not.
	_, _ = w.flate.Write(src)
	_ = w.flate.Flush()
	dst = w.out[:len(w.out)-trailerBytes]
	w.out = nil
	if len(context) > 0 {
		w.flate.ResetDict(nil, nil)
	}
	d.pools[bits-MinBits].Put(w)
	return dst
}

func (d *Deflater) get(bits uint8) *writer {
	if w, ok := d.pools[bits-MinBits].Get().(*writer); ok {
		return w
	}
	w := new(writer)
	var err error
	if bits == MaxBits {
		w.flate, err = flate.NewWriter(nil, d.level)
	} else {
		w.flate, err = flate.NewWriterWindow(nil, 1<<bits)
	}
	if err != nil {
		panic("deflate: " + err.Error()) // a level that was not validated
	}
	return w
}
