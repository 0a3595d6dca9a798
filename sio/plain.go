package sio

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"time"
)

// Plain values are what a Parser sees, see [Packet].

// flattener turns Go values into plain ones, by the rules of encoding/json
// (tags, embedding, Marshaler). Only []byte and time.Time stay what they are.
type flattener struct {
	codec JSONCodec
	depth int
}

// slice returns the plain form of args.
func (f flattener) slice(args []any) ([]any, error) {
	if f.depth++; f.depth > maxEncodeDepth {
		return nil, errDepth
	}
	plain := make([]any, len(args))
	for i, v := range args {
		var err error
		if plain[i], err = f.value(v); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

// value returns the plain form of v. The usual types need no reflection.
func (f flattener) value(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, float64, int64, uint64, time.Time:
		return v, nil
	case int:
		return int64(v), nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case []any:
		if v == nil {
			return nil, nil
		}
		return f.slice(v)
	case map[string]any:
		if v == nil {
			return nil, nil
		}
		if f.depth++; f.depth > maxEncodeDepth {
			return nil, errDepth
		}
		plain := make(map[string]any, len(v))
		for k, x := range v {
			var err error
			if plain[k], err = f.value(x); err != nil {
				return nil, err
			}
		}
		return plain, nil
	}
	return f.walk(reflect.ValueOf(v))
}

var (
	timeType   = reflect.TypeFor[time.Time]()
	numberType = reflect.TypeFor[json.Number]()
)

// walk returns the plain form of v.
func (f flattener) walk(v reflect.Value) (any, error) {
	if f.depth++; f.depth > maxEncodeDepth {
		return nil, errDepth
	}
	if !v.IsValid() {
		return nil, nil
	}
	t := v.Type()
	switch {
	case t == timeType:
		return v.Interface(), nil
	case isBytes(t):
		return f.value(v.Bytes())
	case v.CanAddr() && t.Kind() != reflect.Pointer && marshals(reflect.PointerTo(t)):
		return f.throughJSON(v.Addr().Interface())
	case t.Kind() == reflect.Pointer && (v.IsNil() || t.Elem() == timeType):
		return f.walk(v.Elem()) // nil, or a time whose pointer marshals too
	case marshals(t) || t == numberType:
		return f.throughJSON(v.Interface())
	}
	switch t.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return v.Uint(), nil
	case reflect.Float64:
		return v.Float(), nil
	case reflect.Float32: // the number that its shortest text is
		return strconv.ParseFloat(strconv.FormatFloat(v.Float(), 'g', -1, 32), 64)
	case reflect.String:
		return v.String(), nil
	case reflect.Interface, reflect.Pointer:
		return f.walk(v.Elem())
	case reflect.Slice, reflect.Array:
		return f.walkSlice(v)
	case reflect.Map:
		return f.walkMap(v)
	case reflect.Struct:
		return f.walkStruct(v)
	}
	return f.throughJSON(v.Interface()) // which says what is wrong with it
}

func (f flattener) walkSlice(v reflect.Value) (any, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return nil, nil
	}
	plain := make([]any, v.Len())
	for i := range plain {
		var err error
		if plain[i], err = f.walk(v.Index(i)); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

func (f flattener) walkMap(v reflect.Value) (any, error) {
	if v.IsNil() {
		return nil, nil
	}
	plain := make(map[string]any, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := mapKey(it.Key())
		if err != nil {
			return nil, err
		}
		if plain[key], err = f.walk(it.Value()); err != nil {
			return nil, err
		}
	}
	return plain, nil
}

func (f flattener) walkStruct(v reflect.Value) (any, error) {
	plans := planOf(v.Type())
	plain := make(map[string]any, len(plans))
	for _, p := range plans {
		x, err := v.FieldByIndexErr(p.index)
		if err != nil || p.omitEmpty && isEmpty(x) || p.omitZero && isZero(x) {
			continue // a nil pointer to an embedded struct has no fields
		}
		value, err := f.walk(x)
		if err != nil {
			return nil, err
		}
		if p.quoted {
			if value, err = f.quote(x, value); err != nil {
				return nil, err
			}
		}
		plain[p.name] = value
	}
	return plain, nil
}

// quote applies the option "string" of a field, which is for scalars only.
func (f flattener) quote(x reflect.Value, plain any) (any, error) {
	switch x.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Interface, reflect.Pointer:
		return plain, nil
	}
	text, err := f.codec.Append(nil, plain)
	return string(text), err
}

// throughJSON returns the plain form of a value that decides on its JSON
// itself.
func (f flattener) throughJSON(v any) (any, error) {
	if raw, ok := v.(json.RawMessage); ok && len(raw) == 0 {
		return nil, nil
	}
	text, err := f.codec.Append(nil, v)
	if err != nil {
		return nil, err
	}
	var plain any
	err = f.codec.Unmarshal(text, &plain)
	return plain, err
}

// clonePlain returns a copy of a plain value that shares nothing that can be
// written to.
func clonePlain(v any) any {
	switch v := v.(type) {
	case []byte:
		return append([]byte{}, v...)
	case []any:
		c := slices.Clone(v)
		for i, x := range c {
			c[i] = clonePlain(x)
		}
		return c
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, x := range v {
			c[k] = clonePlain(x)
		}
		return c
	}
	return v
}

// plainSize is about what a plain value takes when encoded, in bytes.
func plainSize(v any) int32 {
	n := int32(8)
	switch v := v.(type) {
	case string:
		n += int32(len(v))
	case []byte:
		n += int32(len(v))
	case []any:
		for _, x := range v {
			n += plainSize(x)
		}
	case map[string]any:
		for k, x := range v {
			n += int32(len(k)) + plainSize(x)
		}
	}
	return n
}

// within reports whether v is nested no deeper than depth.
func within(v any, depth int) bool {
	switch v := v.(type) {
	case []any:
		if depth == 0 {
			return false
		}
		for _, x := range v {
			if !within(x, depth-1) {
				return false
			}
		}
	case map[string]any:
		if depth == 0 {
			return false
		}
		for _, x := range v {
			if !within(x, depth-1) {
				return false
			}
		}
	}
	return true
}
