// Package id makes and resolves session and socket ids without a map.
//
// An [ID] has 15 bytes: 12 from the system's random source and 3 that name a
// slot of a [Table]. Its text form is 20 characters of unpadded base64url, as
// the ids of the reference server look. A look-up is an index and a comparison
// in constant time; the random part keeps an id from being guessed, and keeps
// the id of a former owner of a slot from reaching the present one.
package id

import (
	"crypto/rand"
	"crypto/subtle"
)

// Sizes of an id and of its parts.
const (
	// Size is the number of bytes of an ID.
	Size = randomBytes + slotBytes
	// TextSize is the number of characters of the text form.
	TextSize = Size / 3 * 4

	randomBytes = 12
	slotBytes   = 3
)

// ID identifies a session or a socket. The zero ID is not valid in any table.
type ID [Size]byte

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// reverse maps a character to its six bits; bad characters have the top bit.
var reverse = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	return t
}()

// randomize fills the random part of the ID.
func (d *ID) randomize() {
	// Read never fails: the runtime ends the process if the system has no
	// random source.
	_, _ = rand.Read(d[:randomBytes])
}

// Random returns the text form of an ID that belongs to no table: a secret that
// cannot be guessed.
func Random() string {
	var d ID
	_, _ = rand.Read(d[:]) // never fails, see randomize
	return d.String()
}

// setSlot writes the number of the slot behind the random part.
func (d *ID) setSlot(n uint32) {
	d[12], d[13], d[14] = byte(n>>16), byte(n>>8), byte(n)
}

// slot returns the number of the slot.
func (d *ID) slot() uint32 {
	return uint32(d[12])<<16 | uint32(d[13])<<8 | uint32(d[14])
}

// equal compares in constant time, so that answers to guesses carry no hint.
func (d *ID) equal(o *ID) bool {
	return subtle.ConstantTimeCompare(d[:], o[:]) == 1
}

// IsZero reports whether d is the zero ID.
func (d ID) IsZero() bool { return d == ID{} }

// AppendText appends the 20 characters of d to dst.
// Ownership: the result belongs to the caller.
func (d ID) AppendText(dst []byte) []byte {
	for i := 0; i < Size; i += 3 {
		v := uint(d[i])<<16 | uint(d[i+1])<<8 | uint(d[i+2])
		dst = append(dst, alphabet[v>>18], alphabet[v>>12&63], alphabet[v>>6&63], alphabet[v&63])
	}
	return dst
}

// String returns the 20 characters of d.
func (d ID) String() string {
	var b [TextSize]byte
	return string(d.AppendText(b[:0]))
}

// Parse reads the text form. It reports false for anything but 20 characters
// of base64url. Ownership: text is only read until Parse returns.
func Parse[S ~string | ~[]byte](text S) (d ID, ok bool) {
	if len(text) != TextSize {
		return d, false
	}
	var bad byte
	for i, j := 0, 0; i < TextSize; i, j = i+4, j+3 {
		a, b := reverse[text[i]], reverse[text[i+1]]
		c, e := reverse[text[i+2]], reverse[text[i+3]]
		bad |= a | b | c | e
		d[j], d[j+1], d[j+2] = a<<2|b>>4, b<<4|c>>2, c<<6|e
	}
	return d, bad&0x80 == 0
}
