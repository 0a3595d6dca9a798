package http1

import "bytes"

// Request is a parsed head. It is a view: everything it returns lies in the
// bytes that the parser was fed, or that [Parser.Rebase] named since.
type Request struct {
	// Method and Target are as sent. Ownership: views, as all that Request
	// returns.
	Method, Target []byte
	// Minor is the y of HTTP/1.y: 0 or 1.
	Minor int

	head   []byte
	fields []field
	length int64 // Content-Length; -1 with a chunked body
	flags  flags
}

// field says where one header lies in the head.
type field struct {
	name, value     uint32
	nameLen, valLen uint32
}

// flags are what the headers that concern the connection said.
type flags uint16

const (
	hasHost flags = 1 << iota
	hasLength
	isChunked
	connClose
	connKeepAlive
	connUpgrade
	expectContinue
)

// Path returns the target up to the question mark, not decoded.
func (r *Request) Path() []byte {
	if i := bytes.IndexByte(r.Target, '?'); i >= 0 {
		return r.Target[:i]
	}
	return r.Target
}

// RawQuery returns the target behind the question mark, not decoded.
func (r *Request) RawQuery() []byte {
	if i := bytes.IndexByte(r.Target, '?'); i >= 0 {
		return r.Target[i+1:]
	}
	return nil
}

// Header returns the value of the first header of that name, whatever its
// case; nil if there is none, and not nil if it is empty.
func (r *Request) Header(name string) []byte {
	for i := range r.fields {
		f := &r.fields[i]
		if int(f.nameLen) == len(name) && EqualFold(r.head[f.name:f.name+f.nameLen], name) {
			return r.head[f.value : f.value+f.valLen : f.value+f.valLen]
		}
	}
	return nil
}

// HeaderCount returns how many header lines there are.
func (r *Request) HeaderCount() int { return len(r.fields) }

// HeaderAt returns header line i, counted from 0 in the order of sending.
func (r *Request) HeaderAt(i int) (name, value []byte) {
	f := &r.fields[i]
	return r.head[f.name : f.name+f.nameLen : f.name+f.nameLen],
		r.head[f.value : f.value+f.valLen : f.value+f.valLen]
}

// Head returns the whole head as sent, with the empty line that ends it.
func (r *Request) Head() []byte { return r.head }

// ContentLength returns the declared length of the body, 0 without one and -1
// when the body is chunked.
func (r *Request) ContentLength() int64 { return r.length }

// Chunked reports whether the body is chunked.
func (r *Request) Chunked() bool { return r.flags&isChunked != 0 }

// KeepAlive reports whether the client wants to use the connection again.
func (r *Request) KeepAlive() bool {
	if r.flags&connClose != 0 {
		return false
	}
	return r.Minor > 0 || r.flags&connKeepAlive != 0
}

// ExpectContinue reports whether the client waits for a 100 before it sends
// the body.
func (r *Request) ExpectContinue() bool { return r.flags&expectContinue != 0 }

// IsUpgrade reports whether the client asks to switch to the protocol.
func (r *Request) IsUpgrade(proto string) bool {
	return r.Minor > 0 && r.flags&connUpgrade != 0 && HasToken(r.Header("Upgrade"), proto)
}

// reset forgets everything and keeps the field table.
func (r *Request) reset() {
	*r = Request{fields: r.fields[:0]}
}
