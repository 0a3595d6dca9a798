package wsframe

// Hot path: no allocation, no lock, no interface call, no time.Now.

import "encoding/binary"

// Opcode is the four bits that name the kind of a frame.
type Opcode uint8

// The opcodes of RFC 6455 section 5.2. All others are reserved.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// Control reports whether frames of this opcode are control frames: short,
// never fragmented, allowed between the fragments of a message.
func (o Opcode) Control() bool { return o&0x8 != 0 }

// Bits of the first two bytes of a frame.
const (
	bitFin    = 0x80
	bitRSV1   = 0x40
	bitsRSV   = 0x70
	bitsOp    = 0x0f
	bitMask   = 0x80
	bitsLen   = 0x7f
	len16     = 126
	len64     = 127
	maxShort  = 125 // longest length in the 7 bits, and longest control payload
	maxLen16  = 1<<16 - 1
	bitSign64 = 1 << 63 // RFC 6455 section 5.2: "the most significant bit MUST be 0"
)

// MaxHeaderBytes is the longest header: two bytes, a 64-bit length, a mask.
const MaxHeaderBytes = 14

// Rules say what is allowed in a header. The zero value is a server without
// extensions.
type Rules uint8

const (
	// Client makes the reader a client's: frames must not be masked.
	Client Rules = 1 << iota
	// AllowRSV1 admits RSV1 on the first frame of a data message, as
	// permessage-deflate does (RFC 7692 section 6).
	AllowRSV1
)

// Header is what precedes a payload.
type Header struct {
	Length uint64 // of the payload
	Key    uint32 // mask for [Mask]; 0 on frames that are not masked
	Opcode Opcode
	Fin    bool
	RSV1   bool
}

// ParseHeader reads the header at the start of b. It returns the header's
// length n, or n = 0 when b ends inside the header. An error is returned as
// soon as b shows it, even when b ends inside the header. max limits the
// payload of a data frame: one that says it is longer is [ErrTooLarge].
//
// ParseHeader knows nothing of earlier frames: whether a continuation has
// something to continue is for the caller to check, as [Reader] does.
//
// Ownership: b is only read.
func ParseHeader(b []byte, r Rules, max uint64) (h Header, n int, err error) {
	if len(b) < 2 {
		if len(b) == 1 {
			err = checkFirst(b[0], r)
		}
		return h, 0, err
	}
	b0, b1 := b[0], b[1]
	if b0&bitsRSV != 0 || b0&bitsOp > byte(Binary) {
		if err = checkFirst(b0, r); err != nil {
			return h, 0, err
		}
		if b0&0x8 != 0 && b1&bitsLen > maxShort {
			return h, 0, ErrControlTooLong
		}
	}
	if (b1&bitMask != 0) != (r&Client == 0) {
		return h, 0, maskError(r)
	}
	h.Opcode = Opcode(b0 & bitsOp)
	h.Fin = b0&bitFin != 0
	h.RSV1 = b0&bitRSV1 != 0
	h.Length, n = uint64(b1&bitsLen), 2
	if h.Length > maxShort {
		if h.Length, n, err = parseLength(b); n == 0 {
			return Header{}, 0, err
		}
	}
	if h.Length > max && !h.Opcode.Control() {
		return Header{}, 0, ErrTooLarge
	}
	if b1&bitMask != 0 {
		if len(b) < n+4 {
			return Header{}, 0, nil
		}
		h.Key = binary.LittleEndian.Uint32(b[n:])
		n += 4
	}
	return h, n, nil
}

// parseLength reads an extended length. n is 0 when b ends inside it or when
// it is wrong.
func parseLength(b []byte) (length uint64, n int, err error) {
	if b[1]&bitsLen == len16 {
		if len(b) < 4 {
			return 0, 0, nil
		}
		length = uint64(binary.BigEndian.Uint16(b[2:]))
		if length <= maxShort {
			return 0, 0, ErrLengthForm
		}
		return length, 4, nil
	}
	if len(b) < 10 {
		if len(b) > 2 && b[2]&0x80 != 0 {
			return 0, 0, ErrLengthSign
		}
		return 0, 0, nil
	}
	length = binary.BigEndian.Uint64(b[2:])
	if length&bitSign64 != 0 {
		return 0, 0, ErrLengthSign
	}
	if length <= maxLen16 {
		return 0, 0, ErrLengthForm
	}
	return length, 10, nil
}

// checkFirst finds what is wrong with the first byte of a frame.
func checkFirst(b0 byte, r Rules) error {
	op := Opcode(b0 & bitsOp)
	allowed := byte(0)
	if r&AllowRSV1 != 0 && (op == Text || op == Binary) {
		allowed = bitRSV1
	}
	switch {
	case b0&bitsRSV&^allowed != 0:
		return ErrReservedBits
	case op > Pong, op > Binary && op < Close:
		return ErrReservedOpcode
	case op.Control() && b0&bitFin == 0:
		return ErrFragmentedControl
	}
	return nil
}

func maskError(r Rules) error {
	if r&Client != 0 {
		return ErrMasked
	}
	return ErrNotMasked
}
