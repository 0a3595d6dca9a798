package wsframe

import (
	"encoding/binary"
	"unicode/utf8"
)

// maxReasonBytes is what a close frame has room for behind its code.
const maxReasonBytes = maxShort - 2

// ParseClose reads the payload of a close frame. Without a code it returns
// [CodeNoStatus]. The errors are [ErrCloseLength], [ErrCloseCode] and, for the
// reason, [ErrUTF8].
//
// Ownership: reason is part of p.
func ParseClose(p []byte) (code int, reason []byte, err error) {
	switch len(p) {
	case 0:
		return CodeNoStatus, nil, nil
	case 1:
		return 0, nil, ErrCloseLength
	}
	code = int(binary.BigEndian.Uint16(p))
	if !ValidCloseCode(code) {
		return 0, nil, ErrCloseCode
	}
	if !utf8.Valid(p[2:]) {
		return 0, nil, ErrUTF8
	}
	return code, p[2:], nil
}

// ValidCloseCode reports whether code may stand in a close frame: one that RFC
// 6455 section 7.4 or the registry it founded defines for the wire, or one of
// the ranges for libraries and applications.
func ValidCloseCode(code int) bool {
	switch {
	case code >= 3000 && code <= 4999:
		return true
	case code < 1000, code > 1014:
		return false
	}
	return code != 1004 && code != CodeNoStatus && code != CodeAbnormal
}

// AppendClose appends the payload of a close frame. Codes that may not be sent
// ([ValidCloseCode]) give the empty payload. A reason that is too long is cut
// between two characters.
func AppendClose(dst []byte, code int, reason string) []byte {
	if !ValidCloseCode(code) {
		return dst
	}
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	if len(reason) > maxReasonBytes {
		n := maxReasonBytes
		for n > 0 && !utf8.RuneStart(reason[n]) {
			n--
		}
		reason = reason[:n]
	}
	return append(dst, reason...)
}
