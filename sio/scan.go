package sio

import "unicode/utf8"

// Hot path: no allocation, no recursion.
//
// The scanner accepts exactly what JSON.parse accepts, up to a depth: it is
// what keeps malformed text away from handlers that decode late or never.

// maxScanDepth is the deepest nesting the scanner's bit stack can hold, and so
// the largest Config.MaxJSONDepth.
const maxScanDepth = 512

// scanValue returns the index behind the JSON value that starts at b[i] (after
// white space), or -1 when there is none. depth bounds the nesting.
func scanValue(b []byte, i, depth int) int {
	var objects [maxScanDepth / 64]uint64 // bit n: level n is an object
	level := 0
	for {
		// A value is expected.
		i = skipSpace(b, i)
		if i >= len(b) {
			return -1
		}
		opened := false
		switch c := b[i]; c {
		case '{', '[':
			if level >= depth {
				return -1
			}
			word, bit := level>>6, uint64(1)<<(level&63)
			objects[word] &^= bit
			if c == '{' {
				objects[word] |= bit
			}
			level++
			i = skipSpace(b, i+1)
			if i >= len(b) {
				return -1
			}
			if b[i] == c+2 { // "[]" and "{}"
				i++
				level--
				break
			}
			opened = true
		case '"':
			i = scanString(b, i)
		case 't':
			i = scanWord(b, i, "true")
		case 'f':
			i = scanWord(b, i, "false")
		case 'n':
			i = scanWord(b, i, "null")
		default:
			i = scanNumber(b, i)
		}
		if i < 0 {
			return -1
		}
		if opened {
			if isObject(&objects, level) {
				if i = scanKey(b, i); i < 0 {
					return -1
				}
			}
			continue
		}
		// A value is complete: close what ends here.
		more := false
		for level > 0 {
			i = skipSpace(b, i)
			if i >= len(b) {
				return -1
			}
			obj := isObject(&objects, level)
			if b[i] == ',' {
				i++
				if obj {
					if i = scanKey(b, skipSpace(b, i)); i < 0 {
						return -1
					}
				}
				more = true
				break
			}
			if obj && b[i] != '}' || !obj && b[i] != ']' {
				return -1
			}
			i++
			level--
		}
		if !more {
			return i
		}
	}
}

// scanList reports whether b is what [packet.args] is: JSON values with commas
// between, or nothing.
func scanList(b []byte, depth int) bool {
	i := skipSpace(b, 0)
	for more := len(b) > i; more; {
		if i = scanValue(b, i, depth); i < 0 {
			return false
		}
		i = skipSpace(b, i)
		if more = i < len(b); more {
			if b[i] != ',' {
				return false
			}
			i++
		}
	}
	return true
}

func isObject(objects *[maxScanDepth / 64]uint64, level int) bool {
	n := level - 1
	return objects[n>>6]&(1<<(n&63)) != 0
}

// scanKey returns the index behind `"key":` at b[i], or -1.
func scanKey(b []byte, i int) int {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = scanString(b, i); i < 0 {
		return -1
	}
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != ':' {
		return -1
	}
	return i + 1
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

func scanWord(b []byte, i int, word string) int {
	if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
		return -1
	}
	return i + len(word)
}

// plain marks the bytes that stand for themselves inside a string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// scanString returns the index behind the string that starts at b[i], which is
// a quote, or -1.
func scanString(b []byte, i int) int {
	i++
	for {
		for i < len(b) && plain[b[i]] {
			i++
		}
		if i >= len(b) {
			return -1
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\':
			if i = scanEscape(b, i+1); i < 0 {
				return -1
			}
		case c < ' ':
			return -1
		default:
			r, n := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && n <= 1 {
				return -1
			}
			i += n
		}
	}
}

// scanEscape returns the index behind the escape whose letter is b[i], or -1.
func scanEscape(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch b[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		if len(b)-i < 5 {
			return -1
		}
		for _, c := range b[i+1 : i+5] {
			if !isHex(c) {
				return -1
			}
		}
		return i + 5
	}
	return -1
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// scanNumber returns the index behind the number at b[i], or -1 (RFC 8259
// section 6: no leading zeros, no plus sign, digits on both sides of the
// point).
func scanNumber(b []byte, i int) int {
	if b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if i = scanDigits(b, i); i < 0 {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		if i = scanDigits(b, i+1); i < 0 {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		return scanDigits(b, i)
	}
	return i
}

// scanDigits returns the index behind one or more digits at b[i], or -1.
func scanDigits(b []byte, i int) int {
	start := i
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	if i == start {
		return -1
	}
	return i
}

// nextValue splits the first value from b, which is a list of valid JSON values
// with commas between, as [packet.args] is. ok is false when b is empty.
func nextValue(b []byte) (value, rest []byte, ok bool) {
	i := skipSpace(b, 0)
	if i >= len(b) {
		return nil, nil, false
	}
	end := skipValue(b, i)
	value = b[i:end]
	end = skipSpace(b, end)
	if end < len(b) && b[end] == ',' {
		end++
	}
	return value, b[end:], true
}

// skipValue returns the index behind the value at b[i], of text that is known
// to be valid.
func skipValue(b []byte, i int) int {
	level := 0
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			if level == 0 {
				return i
			}
			continue
		case '{', '[':
			level++
		case '}', ']':
			level--
			if level == 0 {
				return i + 1
			}
			if level < 0 {
				return i
			}
		case ',', ' ', '\n', '\t', '\r':
			if level == 0 {
				return i
			}
		}
		i++
	}
	return i
}

// skipString returns the index behind the valid string at b[i].
func skipString(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return i
}
