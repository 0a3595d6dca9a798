package wsframe

// Hot path: no allocation, no lock, no interface call, no time.Now.

// Limits bound what a [Reader] accepts.
type Limits struct {
	// MaxMessageBytes is the longest message, summed over its fragments. It
	// is checked against what headers announce, before the bytes arrive.
	MaxMessageBytes uint64
	// MaxFragments is the largest number of frames in one message, empty ones
	// included.
	MaxFragments uint32
}

// Kind says what a [Reader] found.
type Kind uint8

const (
	// More means that the input is used up and nothing is complete.
	More Kind = iota
	// Data is a piece of a message.
	Data
	// Control is a whole control frame.
	Control
)

// Event is one finding of a [Reader].
type Event struct {
	// Payload is the unmasked piece of a message or the payload of a control
	// frame. It is part of the input or of the reader, and valid until the
	// next call of the reader's methods or until the input changes.
	Payload []byte
	Kind    Kind
	// Opcode is Text or Binary for Data, whatever frame the piece was in.
	Opcode Opcode
	// Final says that the message ends with this piece.
	Final bool
	// Compressed says that the message began with RSV1. Its text is not
	// checked: it must be inflated first.
	Compressed bool
}

// Reader takes a stream of frames apart. It may be fed any split of the stream
// and keeps no payload, except that of a control frame cut in two. Start it
// with [Reader.Reset]. After an error only Reset helps.
type Reader struct {
	limits Limits
	rules  Rules

	// The frame at hand.
	inFrame bool   // its header is complete
	headN   uint8  // bytes in head
	ctlN    uint8  // bytes in ctl
	key     uint32 // mask, turned to the next byte
	left    uint64 // payload bytes still to come
	frame   Header

	// The message at hand; opcode is Continuation between messages.
	opcode     Opcode
	compressed bool
	utf8       UTF8
	fragments  uint32
	total      uint64 // announced by the frames so far

	head [MaxHeaderBytes]byte
	ctl  [maxShort]byte
}

// Reset puts r at the start of a stream.
func (r *Reader) Reset(rules Rules, limits Limits) {
	*r = Reader{rules: rules, limits: limits}
}

// Idle reports whether r stands between two messages: no byte of a frame or of
// a fragmented message has been seen since the last whole one.
func (r *Reader) Idle() bool {
	return !r.inFrame && r.headN == 0 && r.opcode == Continuation
}

// Remaining returns how many bytes of the frame at hand are still to come: a
// hint for the size of a buffer, given by the peer and so not to be trusted.
func (r *Reader) Remaining() uint64 { return r.left }

// Next finds the next event in b, and returns how many bytes it took. Call it
// again with the rest until everything is taken. The error is an [*Error],
// raised at the first byte that is wrong.
//
// Ownership: b is unmasked in place as far as it is taken, and not kept.
func (r *Reader) Next(b []byte) (n int, ev Event, err error) {
	if !r.inFrame {
		if n, err = r.header(b); err != nil || !r.inFrame {
			return n, ev, err
		}
	}
	take := len(b) - n
	if uint64(take) > r.left {
		take = int(r.left)
	}
	p := b[n : n+take]
	if r.rules&Client == 0 {
		r.key = Mask(p, r.key)
	}
	r.left -= uint64(take)
	n += take
	if r.frame.Opcode.Control() {
		return n, r.control(p), nil
	}
	ev, err = r.data(p)
	return n, ev, err
}

// header collects and checks the header of the next frame.
func (r *Reader) header(b []byte) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	if r.headN == 0 {
		if err = r.sequence(Opcode(b[0] & bitsOp)); err != nil {
			return 0, err
		}
		h, n, err := ParseHeader(b, r.rules, r.limits.MaxMessageBytes)
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return n, r.start(h)
		}
		r.headN = uint8(copy(r.head[:], b))
		return len(b), nil
	}
	k := copy(r.head[r.headN:], b)
	h, n, err := ParseHeader(r.head[:int(r.headN)+k], r.rules, r.limits.MaxMessageBytes)
	if err != nil {
		return 0, err
	}
	if n == 0 {
		r.headN += uint8(k)
		return k, nil
	}
	n -= int(r.headN)
	return n, r.start(h)
}

// sequence checks that a frame of this opcode may come now (RFC 6455 section
// 5.4).
func (r *Reader) sequence(op Opcode) error {
	switch {
	case op == Continuation && r.opcode == Continuation:
		return ErrOrphan
	case (op == Text || op == Binary) && r.opcode != Continuation:
		return ErrInterleaved
	}
	return nil
}

// start begins the payload of a frame.
func (r *Reader) start(h Header) error {
	r.frame, r.key, r.left = h, h.Key, h.Length
	r.inFrame, r.headN = true, 0
	if h.Opcode.Control() {
		r.ctlN = 0
		return nil
	}
	if h.Opcode != Continuation {
		r.opcode, r.compressed = h.Opcode, h.RSV1
		r.utf8, r.fragments, r.total = UTF8{}, 0, 0
	}
	r.fragments++
	if r.fragments > r.limits.MaxFragments {
		return ErrTooManyFragments
	}
	// total never passes the limit, so the difference cannot wrap.
	if h.Length > r.limits.MaxMessageBytes-r.total {
		return ErrTooLarge
	}
	r.total += h.Length
	return nil
}

// control takes a piece of a control frame.
func (r *Reader) control(p []byte) Event {
	if r.left > 0 || r.ctlN > 0 {
		r.ctlN += uint8(copy(r.ctl[r.ctlN:], p))
		if r.left > 0 {
			return Event{}
		}
		p = r.ctl[:r.ctlN]
	}
	r.inFrame = false
	return Event{Kind: Control, Opcode: r.frame.Opcode, Payload: p, Final: true}
}

// data takes a piece of a message.
func (r *Reader) data(p []byte) (Event, error) {
	final := r.left == 0 && r.frame.Fin
	if r.opcode == Text && !r.compressed {
		if r.utf8.Write(p) >= 0 || final && !r.utf8.Complete() {
			return Event{}, ErrUTF8
		}
	}
	ev := Event{Payload: p, Opcode: r.opcode, Final: final, Compressed: r.compressed}
	if len(p) > 0 || final {
		ev.Kind = Data
	}
	if r.left == 0 {
		r.inFrame = false
	}
	if final {
		r.opcode = Continuation
	}
	return ev, nil
}
