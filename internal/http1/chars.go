package http1

import "encoding/binary"

// Character classes of RFC 9110 section 5.6.2 and RFC 3986, one bit each.
const (
	isToken  = 1 << iota // may be in a method or a header name
	isTarget             // may be in a request target
	isHost               // may be in a Host header
	isHex
)

var class = func() (t [256]uint8) {
	set := func(chars string, bit uint8) {
		for i := range len(chars) {
			t[chars[i]] |= bit
		}
	}
	const alnum = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	set(alnum+"!#$%&'*+-.^_`|~", isToken)
	set(alnum+"-._~!$&'()*+,;=:[]%", isHost)
	set("0123456789abcdefABCDEF", isHex)
	// Everything visible except '#', which starts a fragment and is never
	// sent. Bytes above 0x7f are not legal, but clients that forget to
	// encode exist and no boundary depends on them.
	for c := '!'; c <= 0xff; c++ {
		if c != '#' && c != 0x7f {
			t[c] |= isTarget
		}
	}
	return t
}()

// all reports whether every byte of b has the class.
func all(b []byte, bit uint8) bool {
	for _, c := range b {
		if class[c]&bit == 0 {
			return false
		}
	}
	return true
}

// validValue reports whether b may be a header value: no control characters
// but tabs. Eight bytes at a time, with the exact test only where a candidate
// is found.
func validValue[T ~string | ~[]byte](b T) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := load(b, i)
		low := (w - ones*0x20) &^ w & highs // a byte below 0x20, perhaps a false hit
		d := w ^ ones*0x7f
		del := (d - ones) &^ d & highs // a byte equal to 0x7f, perhaps a false hit
		if low|del != 0 && !validBytes(b[i:i+8]) {
			return false
		}
	}
	return validBytes(b[i:])
}

func load[T ~string | ~[]byte](b T, i int) uint64 {
	var w [8]byte
	copy(w[:], b[i:i+8])
	return binary.LittleEndian.Uint64(w[:])
}

func validBytes[T ~string | ~[]byte](b T) bool {
	for i := range len(b) {
		if c := b[i]; c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// trim removes spaces and tabs at both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// EqualFold reports whether a and b are the same but for the case of ASCII
// letters. Unlike bytes.EqualFold it takes no other letters for equal.
func EqualFold[T ~string | ~[]byte](a []byte, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// HasToken reports whether the comma-separated list holds the token, whatever
// its case.
func HasToken(list []byte, token string) bool {
	for len(list) > 0 {
		var item []byte
		item, list = cutComma(list)
		if EqualFold(item, token) {
			return true
		}
	}
	return false
}

// cutComma splits off the first item of a list, trimmed.
func cutComma(list []byte) (item, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return trim(list[:i]), list[i+1:]
		}
	}
	return trim(list), nil
}
