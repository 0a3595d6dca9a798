package wsframe

// Hot path: no allocation, no lock, no interface call, no time.Now.

import (
	"encoding/binary"
	"math/bits"
)

// UTF8 checks text that arrives in pieces, cut anywhere. The zero value is the
// start of a text.
type UTF8 struct {
	need   uint8 // continuation bytes the open sequence still lacks
	lo, hi uint8 // what the next one must lie between
}

// Write checks the next piece. It returns -1, or the index of the first byte
// that cannot be part of any UTF-8 text, after which u is of no further use.
//
// Ownership: b is only read, and not kept.
func (u *UTF8) Write(b []byte) int {
	i := 0
	for i < len(b) {
		if u.need == 0 {
			if b[i] < 0x80 {
				i = skipASCII(b, i+1)
				continue
			}
			if n := sequence(b[i:]); n > 0 {
				i += n
				continue
			}
			if !u.lead(b[i]) {
				return i
			}
			i++
			continue
		}
		if b[i] < u.lo || b[i] > u.hi {
			return i
		}
		u.need--
		u.lo, u.hi = 0x80, 0xbf
		i++
	}
	return -1
}

// sequence returns the length of the valid sequence of several bytes at the
// start of b, or 0 when there is none, or fewer than four bytes to look at.
func sequence(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	c, c1 := b[0], b[1]
	switch {
	case c < 0xc2 || c1&0xc0 != 0x80:
		return 0
	case c < 0xe0:
		return 2
	case b[2]&0xc0 != 0x80:
		return 0
	case c < 0xf0:
		if c == 0xe0 && c1 < 0xa0 || c == 0xed && c1 > 0x9f {
			return 0
		}
		return 3
	case c > 0xf4 || b[3]&0xc0 != 0x80 || c == 0xf0 && c1 < 0x90 || c == 0xf4 && c1 > 0x8f:
		return 0
	}
	return 4
}

// Complete reports whether the text may end here: no sequence is left open.
func (u *UTF8) Complete() bool { return u.need == 0 }

// lead starts a sequence. Overlong forms, surrogates and what lies above
// U+10FFFF show in the first byte or in the range of the second (Unicode,
// table 3-7).
func (u *UTF8) lead(c byte) bool {
	u.lo, u.hi = 0x80, 0xbf
	switch {
	case c < 0xc2:
		return false
	case c < 0xe0:
		u.need = 1
	case c < 0xf0:
		u.need = 2
		if c == 0xe0 {
			u.lo = 0xa0
		} else if c == 0xed {
			u.hi = 0x9f
		}
	case c < 0xf5:
		u.need = 3
		if c == 0xf0 {
			u.lo = 0x90
		} else if c == 0xf4 {
			u.hi = 0x8f
		}
	default:
		return false
	}
	return true
}

// skipASCII returns the index of the first byte at or after i that is not
// ASCII, or len(b). Text that is mostly not ASCII leaves it at the first byte.
func skipASCII(b []byte, i int) int {
	if i < len(b) && b[i] >= 0x80 {
		return i
	}
	for len(b)-i >= 32 {
		w := b[i : i+32 : i+32]
		if (binary.LittleEndian.Uint64(w[0:])|binary.LittleEndian.Uint64(w[8:])|
			binary.LittleEndian.Uint64(w[16:])|binary.LittleEndian.Uint64(w[24:]))&highBits != 0 {
			break
		}
		i += 32
	}
	for len(b)-i >= 8 {
		if w := binary.LittleEndian.Uint64(b[i:]) & highBits; w != 0 {
			return i + bits.TrailingZeros64(w)/8
		}
		i += 8
	}
	for i < len(b) && b[i] < 0x80 {
		i++
	}
	return i
}
