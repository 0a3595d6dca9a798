package eio

import (
	"bytes"
	"encoding/json"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// JSONP is long-polling by script tags and forms, for browsers that know
// nothing else (EIO v3, "JSONP"). Reference: polling-jsonp.

// octetStream is the content type of a payload that is not text.
const octetStream = "application/octet-stream"

// scriptHead returns what answers begin with, or "" for a client that does
// not ask for scripts: the digits of its index say which function to call.
func scriptHead(r *http1.Request) string {
	index, ok := http1.QueryValue(r.RawQuery(), "j")
	if !ok {
		return ""
	}
	head := []byte("___eio[")
	for _, c := range index {
		if c >= '0' && c <= '9' {
			head = append(head, c)
		}
	}
	return string(append(head, "]("...))
}

// scriptOf returns the script that calls the client's function with a payload.
// What JSON allows and scripts do not (U+2028, U+2029) is escaped. Ownership:
// the result is the caller's.
func scriptOf(head string, payload []byte) []byte {
	var b bytes.Buffer
	b.WriteString(head)
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// A string can always be encoded, and a Buffer always written.
	_ = e.Encode(string(payload))
	b.Truncate(b.Len() - 1) // Encode ends with a newline
	b.WriteString(");")
	return b.Bytes()
}

// formPayload returns the payload in the field "d" of a form. ok tells that
// there is exactly one: other forms are answered and ignored, as in the
// reference. Ownership: form may be written to; the result is a view into it,
// or new.
func formPayload(form []byte, octets bool) (payload []byte, ok bool) {
	if octets {
		return nil, false
	}
	found := 0
	for len(form) > 0 {
		var key, value []byte
		key, value, form = http1.CutPair(form)
		if string(http1.Unescape(key)) == "d" {
			payload = value
			found++
		}
	}
	if found != 1 {
		return nil, false
	}
	return unescapeNewlines(http1.Unescape(payload)), true
}

// unescapeNewlines turns \n into a newline and \\n into \n, in place: forms
// change newlines, so that clients escape them. Ownership: the result is a
// view into b.
func unescapeNewlines(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		switch {
		case bytes.HasPrefix(b[i:], []byte(`\\n`)):
			out = append(out, `\n`...)
			i += 2
		case bytes.HasPrefix(b[i:], []byte(`\n`)):
			out = append(out, '\n')
			i++
		default:
			out = append(out, b[i])
		}
	}
	return out
}
