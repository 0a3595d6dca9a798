package wsframe

// Hot path: no allocation, no lock, no interface call, no time.Now.

import "encoding/binary"

// AppendHeader appends the header of a frame that is not masked, as a server
// sends it. first is the opcode with the bits of [Fin] and [RSV1] that are set.
func AppendHeader(dst []byte, first First, length int) []byte {
	return appendHeader(dst, first, length, 0)
}

// AppendMaskedHeader appends the header of a masked frame, as a client sends
// it. The payload that follows must be run through [Mask] with key.
func AppendMaskedHeader(dst []byte, first First, length int, key uint32) []byte {
	dst = appendHeader(dst, first, length, bitMask)
	return binary.LittleEndian.AppendUint32(dst, key)
}

// AppendMasked appends a whole masked frame. payload is only read, and must
// not overlap dst.
func AppendMasked(dst []byte, first First, key uint32, payload []byte) []byte {
	dst = AppendMaskedHeader(dst, first, len(payload), key)
	n := len(dst)
	dst = append(dst, payload...)
	Mask(dst[n:], key)
	return dst
}

// First is the first byte of a frame: an opcode with flags, such as
// Fin|First(Text).
type First uint8

// Flags of the first byte of a frame.
const (
	Fin  First = bitFin  // last frame of its message
	RSV1 First = bitRSV1 // compressed message
)

func appendHeader(dst []byte, first First, length int, mask byte) []byte {
	switch {
	case length <= maxShort:
		return append(dst, byte(first), mask|byte(length))
	case length <= maxLen16:
		dst = append(dst, byte(first), mask|len16)
		return binary.BigEndian.AppendUint16(dst, uint16(length))
	default:
		dst = append(dst, byte(first), mask|len64)
		return binary.BigEndian.AppendUint64(dst, uint64(length))
	}
}
