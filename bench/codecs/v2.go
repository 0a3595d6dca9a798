//go:build goexperiment.jsonv2

package codecs

import (
	"bytes"
	"encoding/json/jsontext"
	jsonv2 "encoding/json/v2"
)

func init() { v2 = []Named{{"v2", V2{}}} }

// V2 is encoding/json/v2.
type V2 struct{}

// Append implements sio.JSONCodec.
func (V2) Append(dst []byte, v any) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	if err := jsonv2.MarshalWrite(b, v, jsonv2.Deterministic(true), jsontext.AllowInvalidUTF8(true)); err != nil {
		return dst, err
	}
	return b.Bytes(), nil
}

// Unmarshal implements sio.JSONCodec.
func (V2) Unmarshal(data []byte, v any) error {
	return jsonv2.Unmarshal(data, v, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}
