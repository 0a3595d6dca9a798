package http1

import "bytes"

// QueryValue returns the value of the key in a raw query, decoded. When the key
// is there several times the last one counts, as in the reference server.
// It allocates only when the value holds an escape.
//
// Ownership: value is a view into raw, or new when something was decoded.
func QueryValue(raw []byte, key string) (value []byte, ok bool) {
	for len(raw) > 0 {
		var k, v []byte
		k, v, raw = CutPair(raw)
		if string(k) == key || hasEscape(k) && string(Unescape(k)) == key {
			value, ok = v, true
		}
	}
	if hasEscape(value) {
		value = Unescape(value)
	}
	return value, ok
}

// CutPair splits the first pair off a raw query. Nothing is decoded, and an
// empty pair (as in a&&b) comes out with an empty key and value.
//
// Ownership: all results are views into raw.
func CutPair(raw []byte) (key, value, rest []byte) {
	if i := bytes.IndexByte(raw, '&'); i >= 0 {
		raw, rest = raw[:i], raw[i+1:]
	}
	if i := bytes.IndexByte(raw, '='); i >= 0 {
		return raw[:i], raw[i+1:], rest
	}
	return raw, nil, rest
}

// Unescape decodes percent escapes and plus signs. What looks like an escape
// but is none stays as it is, as the URL standard has it for forms.
//
// Ownership: the result is s itself when there is nothing to decode, else new.
func Unescape(s []byte) []byte {
	if !hasEscape(s) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			out = append(out, ' ')
		case c == '%' && i+2 < len(s) && class[s[i+1]]&isHex != 0 && class[s[i+2]]&isHex != 0:
			out = append(out, hexValue(s[i+1])<<4|hexValue(s[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hasEscape(s []byte) bool {
	return bytes.IndexByte(s, '%') >= 0 || bytes.IndexByte(s, '+') >= 0
}
