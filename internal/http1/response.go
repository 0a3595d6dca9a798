package http1

import (
	"net/http"
	"strconv"
)

// AppendStatus appends the status line. The three digits are as given; a status
// without a text of its own gets an empty one.
func AppendStatus(dst []byte, status int) []byte {
	switch status { // the ones of every poll
	case 200:
		return append(dst, "HTTP/1.1 200 OK\r\n"...)
	case 101:
		return append(dst, "HTTP/1.1 101 Switching Protocols\r\n"...)
	}
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(status), 10)
	dst = append(dst, ' ')
	dst = append(dst, http.StatusText(status)...)
	return append(dst, "\r\n"...)
}

// AppendField appends "Name: value". A value that holds a control character,
// a line end above all, is refused with [ErrFieldValue] and a name that is not
// one with [ErrFieldName]; dst is then returned as it was. What a client sent
// may therefore be passed in unseen.
func AppendField[T ~string | ~[]byte](dst []byte, name string, value T) ([]byte, error) {
	if !ValidName(name) {
		return dst, ErrFieldName
	}
	if !validValue(value) {
		return dst, ErrFieldValue
	}
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...), nil
}

// ValidName reports whether name may be the name of a header.
func ValidName(name string) bool {
	for i := range len(name) {
		if class[name[i]]&isToken == 0 {
			return false
		}
	}
	return name != ""
}

// AppendContentLength appends the Content-Length field.
func AppendContentLength(dst []byte, n int64) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, n, 10)
	return append(dst, "\r\n"...)
}

// AppendChunkSize appends the line in front of a chunk of n bytes, n > 0.
func AppendChunkSize(dst []byte, n int) []byte {
	dst = strconv.AppendInt(dst, int64(n), 16)
	return append(dst, "\r\n"...)
}
