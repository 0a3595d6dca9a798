package deflate

// Hot path: no allocation, no lock, no time.Now.

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
)

// tail is what a message had at its end before it was sent (RFC 7692 section
// 7.2.2), and an empty final block that makes a decompressor stop.
const tail = "\x00\x00\xff\xff" + "\x01\x00\x00\xff\xff"

const (
	// windowBytes is as far back as DEFLATE refers.
	windowBytes = 1 << MaxBits
	// firstBytes is the least room for a result, growth how many times the
	// size of the message it is at first.
	firstBytes = 1 << 10
	growth     = 4
	// maxPooledBytes is the largest buffer that goes back to the pool.
	maxPooledBytes = 256 << 10
	// maxFinals bounds the blocks of a message that call themselves final: a
	// compressor that can do no better ends each of its pieces with one (RFC
	// 7692 section 7.2.3.4). Going on after one costs a copy of the window.
	maxFinals = 64
	// hollowFrom is the size from which on a message has to say at least a
	// quarter of its bytes: blocks without contents cost the most time of all,
	// 120 ms for a megabyte, and no compressor needs many of them.
	hollowFrom = 64 << 10
	hollow     = 4
	// ratioFrom is the size up to which a message may be compressed as well
	// as DEFLATE can, which is 1:1032: the limit that a server has anyway,
	// unless it was raised.
	ratioFrom = 1_000_000
)

// Inflater inflates one message at a time. It is taken out of a pool by
// [NewInflater] and goes back with [Inflater.Release].
type Inflater struct {
	// Out is the result of Inflate. It may be written to, and is valid until
	// Release.
	Out []byte

	in     []byte
	src    bytes.Reader
	flate  io.Reader
	failed bool
}

var inflaters = sync.Pool{New: func() any {
	z := new(Inflater)
	z.flate = flate.NewReader(&z.src)
	return z
}}

// NewInflater returns an Inflater that is the caller's until Release.
func NewInflater() *Inflater { return inflaters.Get().(*Inflater) }

// Release puts z back, unless it failed: what a hostile message left in it is
// nobody's to find.
func (z *Inflater) Release() {
	if z.failed {
		return
	}
	if cap(z.in) > maxPooledBytes {
		z.in = nil
	}
	if cap(z.Out) > maxPooledBytes {
		z.Out = nil
	}
	z.src.Reset(nil)
	inflaters.Put(z)
}

// Inflate inflates the payload of a message into Out (RFC 7692 section 7.2.2).
// context is the end of what was inflated before, or nil without takeover. It
// stops as soon as the result has more than limit bytes ([ErrTooLarge]) or,
// beyond a megabyte, more than ratio times those of the message ([ErrRatio];
// ratio 0: no bound).
//
// Ownership: message and context are only read.
func (z *Inflater) Inflate(message, context []byte, limit, ratio int) error {
	z.Out = z.Out[:0]
	if len(message) == 0 {
		return nil // no compressor leaves nothing, but Node's ws takes it
	}
	z.in = append(append(z.in[:0], message...), tail...)
	z.src.Reset(z.in)
	honest := max(int64(ratio)*int64(len(message)), ratioFrom)
	if ratio == 0 || honest >= int64(limit) {
		return z.run(context, limit)
	}
	err := z.run(context, int(honest))
	if err == ErrTooLarge {
		err = ErrRatio
	}
	return err
}

// run inflates z.src, through all final blocks there are.
func (z *Inflater) run(context []byte, limit int) error {
	z.failed = true
	for range maxFinals {
		if z.flate.(flate.Resetter).Reset(&z.src, context) != nil {
			return ErrCorrupt
		}
		before := len(z.Out)
		if err := z.read(limit); err != nil {
			return err
		}
		if z.src.Len() <= len(tail) {
			// Either our own block was the final one, or the message ended
			// in one, as those of some compressors do.
			if len(z.in) >= hollowFrom && len(z.Out) < len(z.in)/hollow {
				return ErrCorrupt
			}
			z.failed = false
			return nil
		}
		context = AppendContext(bytes.Clone(context), z.Out[before:], windowBytes)
	}
	return ErrCorrupt
}

// read appends to Out up to the end of a final block.
func (z *Inflater) read(limit int) error {
	for {
		if len(z.Out) == cap(z.Out) {
			z.grow(limit + 1)
		}
		n, err := z.flate.Read(z.Out[len(z.Out):min(cap(z.Out), limit+1)])
		z.Out = z.Out[:len(z.Out)+n]
		switch {
		case len(z.Out) > limit:
			return ErrTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return ErrCorrupt
		}
	}
}

// grow makes room in Out, never for more than most bytes.
func (z *Inflater) grow(most int) {
	size := max(2*cap(z.Out), growth*len(z.in), firstBytes)
	z.Out = append(make([]byte, 0, min(size, most)), z.Out...)
}

// AppendContext adds what was said to the context behind it, which holds no
// more than the last limit bytes. Ownership: said is only read, the result is
// the caller's.
func AppendContext(context, said []byte, limit int) []byte {
	if len(said) >= limit {
		return append(context[:0], said[len(said)-limit:]...)
	}
	if over := len(context) + len(said) - limit; over > 0 {
		context = context[:copy(context, context[over:])]
	}
	return append(context, said...)
}
