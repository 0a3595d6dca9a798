package wsframe

// Hot path: no allocation, no lock, no interface call, no time.Now.

import (
	"encoding/binary"
	"math/bits"
)

// highBits has the top bit of each byte: set in a word that is not all ASCII.
const highBits = 0x8080808080808080

// Mask masks or unmasks b in place (RFC 6455 section 5.3) and returns the key
// with which the bytes that follow b continue.
//
// Ownership: b is modified, and not kept.
func Mask(b []byte, key uint32) uint32 {
	k := uint64(key)<<32 | uint64(key)
	next := bits.RotateLeft32(key, -8*(len(b)&3))
	for len(b) >= 64 {
		w := b[:64:64]
		binary.LittleEndian.PutUint64(w[0:], binary.LittleEndian.Uint64(w[0:])^k)
		binary.LittleEndian.PutUint64(w[8:], binary.LittleEndian.Uint64(w[8:])^k)
		binary.LittleEndian.PutUint64(w[16:], binary.LittleEndian.Uint64(w[16:])^k)
		binary.LittleEndian.PutUint64(w[24:], binary.LittleEndian.Uint64(w[24:])^k)
		binary.LittleEndian.PutUint64(w[32:], binary.LittleEndian.Uint64(w[32:])^k)
		binary.LittleEndian.PutUint64(w[40:], binary.LittleEndian.Uint64(w[40:])^k)
		binary.LittleEndian.PutUint64(w[48:], binary.LittleEndian.Uint64(w[48:])^k)
		binary.LittleEndian.PutUint64(w[56:], binary.LittleEndian.Uint64(w[56:])^k)
		b = b[64:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^k)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k)
		k >>= 8
	}
	return next
}

// MaskASCII is [Mask], and reports whether every resulting byte is ASCII: the
// usual text message then needs no second look for its UTF-8.
//
// Ownership: b is modified, and not kept.
func MaskASCII(b []byte, key uint32) bool {
	k := uint64(key)<<32 | uint64(key)
	var seen uint64
	for len(b) >= 32 {
		w := b[:32:32]
		w0 := binary.LittleEndian.Uint64(w[0:]) ^ k
		w1 := binary.LittleEndian.Uint64(w[8:]) ^ k
		w2 := binary.LittleEndian.Uint64(w[16:]) ^ k
		w3 := binary.LittleEndian.Uint64(w[24:]) ^ k
		binary.LittleEndian.PutUint64(w[0:], w0)
		binary.LittleEndian.PutUint64(w[8:], w1)
		binary.LittleEndian.PutUint64(w[16:], w2)
		binary.LittleEndian.PutUint64(w[24:], w3)
		seen |= w0 | w1 | w2 | w3
		b = b[32:]
	}
	for len(b) >= 8 {
		w := binary.LittleEndian.Uint64(b) ^ k
		binary.LittleEndian.PutUint64(b, w)
		seen |= w
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(k)
		seen |= uint64(b[i])
		k >>= 8
	}
	return seen&highBits == 0
}
