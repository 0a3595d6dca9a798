// Package codecs measures JSON libraries as codecs of package sio, and compares
// what they do with encoding/json. It is a module of its own, so that nobody
// else depends on them:
//
//	cd bench/codecs && go test -run '^$' -bench . -benchmem
//	cd bench/codecs && GOEXPERIMENT=jsonv2 go test -run '^$' -bench '/.*/(v2|std)$' -benchmem
//
// What came of it is in ARCHITECTURE.md.
package codecs

import (
	"bytes"
	stdjson "encoding/json"
	"sync"

	"github.com/bytedance/sonic"
	"github.com/goccy/go-json"
	jsoniter "github.com/json-iterator/go"
	segment "github.com/segmentio/encoding/json"

	"github.com/sirocco-io/sirocco/sio"
)

// Named is a codec with the name of its library.
type Named struct {
	// Name is what a benchmark is called.
	Name string
	// Codec is ready for sio.Config.
	Codec sio.JSONCodec
}

// All returns the codecs that this toolchain can build.
func All() []Named {
	return append([]Named{
		{"std", Std{}},
		{"goccy", Goccy{}},
		{"sonic", Sonic{}},
		{"segmentio", Segment{}},
		{"jsoniter", Jsoniter{}},
	}, v2...)
}

// v2 holds encoding/json/v2 where it is built in.
var v2 []Named

// HasV2 reports whether encoding/json/v2 is built in.
func HasV2() bool { return len(v2) > 0 }

// Std is encoding/json, as package sio uses it.
type Std struct{}

type encoder struct {
	buf bytes.Buffer
	enc *stdjson.Encoder
}

var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = stdjson.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

// Append implements sio.JSONCodec.
func (Std) Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*encoder)
	e.buf.Reset()
	if err := e.enc.Encode(v); err != nil {
		return dst, err // an encoder that failed is not used again
	}
	out := e.buf.Bytes()
	dst = append(dst, out[:len(out)-1]...)
	encoders.Put(e)
	return dst, nil
}

// Unmarshal implements sio.JSONCodec.
func (Std) Unmarshal(data []byte, v any) error { return stdjson.Unmarshal(data, v) }

// Goccy is github.com/goccy/go-json.
type Goccy struct{}

// Append implements sio.JSONCodec.
func (Goccy) Append(dst []byte, v any) ([]byte, error) {
	b, err := json.MarshalWithOption(v, json.DisableHTMLEscape())
	return append(dst, b...), err
}

// Unmarshal implements sio.JSONCodec.
func (Goccy) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// Sonic is github.com/bytedance/sonic.
type Sonic struct{}

// sonicAPI sorts keys, escapes no HTML, and copies strings: the data of a
// codec is only lent.
var sonicAPI = sonic.Config{SortMapKeys: true, CompactMarshaler: true, CopyString: true, ValidateString: true}.Froze()

// Append implements sio.JSONCodec.
func (Sonic) Append(dst []byte, v any) ([]byte, error) {
	b, err := sonicAPI.Marshal(v)
	return append(dst, b...), err
}

// Unmarshal implements sio.JSONCodec.
func (Sonic) Unmarshal(data []byte, v any) error { return sonicAPI.Unmarshal(data, v) }

// Segment is github.com/segmentio/encoding/json.
type Segment struct{}

// Append implements sio.JSONCodec.
func (Segment) Append(dst []byte, v any) ([]byte, error) {
	return segment.Append(dst, v, segment.SortMapKeys)
}

// Unmarshal implements sio.JSONCodec.
func (Segment) Unmarshal(data []byte, v any) error { return segment.Unmarshal(data, v) }

// Jsoniter is github.com/json-iterator/go.
type Jsoniter struct{}

var jsoniterAPI = jsoniter.Config{SortMapKeys: true, ValidateJsonRawMessage: true}.Froze()

// Append implements sio.JSONCodec.
func (Jsoniter) Append(dst []byte, v any) ([]byte, error) {
	b, err := jsoniterAPI.Marshal(v)
	return append(dst, b...), err
}

// Unmarshal implements sio.JSONCodec.
func (Jsoniter) Unmarshal(data []byte, v any) error { return jsoniterAPI.Unmarshal(data, v) }
