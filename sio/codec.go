package sio

import (
	"bytes"
	"encoding/json"
	"sync"
)

// JSONCodec turns Go values into JSON and back. It is asked for what the
// encoder has no fast path for, and for whatever a handler decodes. Methods
// may be called from any goroutine.
//
// Ownership: Append appends to dst and returns the extended slice, as append
// does. Unmarshal must not keep data.
type JSONCodec interface {
	// Append appends the JSON of v to dst.
	Append(dst []byte, v any) ([]byte, error)
	// Unmarshal decodes data, which is valid JSON, into v.
	Unmarshal(data []byte, v any) error
}

// stdCodec is encoding/json, without its escaping of HTML: JSON.stringify has
// none.
type stdCodec struct{}

// stdEncoder is an encoder with the buffer it writes to.
type stdEncoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

var stdEncoders = sync.Pool{New: func() any {
	e := new(stdEncoder)
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

// maxPooledEncoderBytes keeps one large value from pinning its buffer.
const maxPooledEncoderBytes = 64 << 10

func (stdCodec) Append(dst []byte, v any) ([]byte, error) {
	e := stdEncoders.Get().(*stdEncoder)
	err := e.enc.Encode(v)
	if err == nil {
		out := e.buf.Bytes()
		dst = append(dst, out[:len(out)-1]...) // Encode ends with a newline
	}
	e.buf.Reset()
	// An encoder that failed may keep its error: it is not used again.
	if err == nil && e.buf.Cap() <= maxPooledEncoderBytes {
		stdEncoders.Put(e)
	}
	return dst, err
}

func (stdCodec) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
