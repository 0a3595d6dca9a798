package sio

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Values that may hold []byte somewhere are walked here, by the rules of
// encoding/json (tags, embedding, Marshaler); all other values go to the codec
// in one piece.

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	carriers      sync.Map // reflect.Type -> bool: may hold []byte
	structPlans   sync.Map // reflect.Type -> []fieldPlan
)

// appendReflected appends the JSON of a value without a fast path.
func (e *encoder) appendReflected(b []byte, v any) ([]byte, error) {
	t := reflect.TypeOf(v)
	if !carriesBytes(t) {
		return e.codec.Append(b, v)
	}
	return e.walk(b, reflect.ValueOf(v))
}

// carriesBytes reports whether a value of type t may hold a []byte that the
// codec would write as text.
func carriesBytes(t reflect.Type) bool {
	if known, ok := carriers.Load(t); ok {
		return known.(bool)
	}
	carries := findBytes(t, map[reflect.Type]bool{})
	carriers.Store(t, carries)
	return carries
}

func findBytes(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] || marshals(t) {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Slice:
		return isBytes(t) || findBytes(t.Elem(), seen)
	case reflect.Array, reflect.Pointer, reflect.Map:
		return findBytes(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if findBytes(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

// marshals reports whether t decides on its JSON itself.
func marshals(t reflect.Type) bool {
	return t.Implements(jsonMarshaler) || t.Implements(textMarshaler)
}

// isBytes reports whether encoding/json would write t as base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !marshals(t) &&
		!marshals(t.Elem()) && !marshals(reflect.PointerTo(t.Elem()))
}

// walk appends the JSON of v.
func (e *encoder) walk(b []byte, v reflect.Value) ([]byte, error) {
	if !v.IsValid() {
		return append(b, "null"...), nil
	}
	t := v.Type()
	if isBytes(t) {
		return e.appendBinary(b, v.Bytes()), nil
	}
	if v.CanAddr() && t.Kind() != reflect.Pointer && marshals(reflect.PointerTo(t)) {
		return e.codec.Append(b, v.Addr().Interface())
	}
	if marshals(t) || !carriesBytes(t) {
		return e.codec.Append(b, v.Interface())
	}
	if e.depth++; e.depth > maxEncodeDepth {
		return b, errDepth
	}
	var err error
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer:
		b, err = e.walk(b, v.Elem())
	case reflect.Map:
		b, err = e.walkMap(b, v)
	case reflect.Struct:
		b, err = e.walkStruct(b, v)
	default:
		b, err = e.walkSlice(b, v)
	}
	e.depth--
	return b, err
}

func (e *encoder) walkSlice(b []byte, v reflect.Value) ([]byte, error) {
	if v.Kind() == reflect.Slice && v.IsNil() {
		return append(b, "null"...), nil
	}
	var err error
	b = append(b, '[')
	for i := range v.Len() {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = e.walk(b, v.Index(i)); err != nil {
			return b, err
		}
	}
	return append(b, ']'), nil
}

func (e *encoder) walkMap(b []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(b, "null"...), nil
	}
	type entry struct {
		key   string
		value reflect.Value
	}
	entries := make([]entry, 0, v.Len())
	for it := v.MapRange(); it.Next(); {
		key, err := mapKey(it.Key())
		if err != nil {
			return b, err
		}
		entries = append(entries, entry{key, it.Value()})
	}
	slices.SortFunc(entries, func(x, y entry) int { return strings.Compare(x.key, y.key) })
	var err error
	b = append(b, '{')
	for i, x := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = e.walk(append(appendString(b, x.key), ':'), x.value); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

// mapKey returns the text of a map's key, as encoding/json has it.
func mapKey(k reflect.Value) (string, error) {
	if k.Kind() == reflect.String {
		return k.String(), nil
	}
	if m, ok := k.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		return string(text), err
	}
	if k.CanInt() || k.CanUint() {
		return fmt.Sprint(k.Interface()), nil
	}
	return "", fmt.Errorf("sio: map key of type %s", k.Type())
}

// fieldPlan says how a field of a struct is written.
type fieldPlan struct {
	index     []int
	name      string
	tagged    bool
	omitEmpty bool
	omitZero  bool
	quoted    bool // option "string"
}

func (e *encoder) walkStruct(b []byte, v reflect.Value) ([]byte, error) {
	b = append(b, '{')
	first := true
	for _, p := range planOf(v.Type()) {
		f, err := v.FieldByIndexErr(p.index)
		if err != nil || p.omitEmpty && isEmpty(f) || p.omitZero && isZero(f) {
			continue // a nil pointer to an embedded struct has no fields
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendString(b, p.name), ':')
		if b, err = e.walkField(b, f, p.quoted); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func (e *encoder) walkField(b []byte, f reflect.Value, quoted bool) ([]byte, error) {
	start := len(b)
	b, err := e.walk(b, f)
	if err != nil || !quoted {
		return b, err
	}
	switch f.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct, reflect.Interface, reflect.Pointer:
		return b, nil // the option is for scalars only
	}
	return appendString(b[:start], string(b[start:])), nil
}

func isZero(v reflect.Value) bool {
	if z, ok := v.Interface().(interface{ IsZero() bool }); ok {
		return z.IsZero()
	}
	return v.IsZero()
}

func isEmpty(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Array, reflect.Map, reflect.Slice, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return v.IsZero()
}

func planOf(t reflect.Type) []fieldPlan {
	if p, ok := structPlans.Load(t); ok {
		return p.([]fieldPlan)
	}
	p := makePlan(t)
	structPlans.Store(t, p)
	return p
}

// makePlan lists the fields of t that have a name in JSON. Of several with one
// name the least nested wins, then the tagged; two equals cancel out.
func makePlan(t reflect.Type) []fieldPlan {
	var all []fieldPlan
	var closed [][]int // embedded structs that are a field of their own
	for _, f := range reflect.VisibleFields(t) {
		if slices.ContainsFunc(closed, func(c []int) bool { return len(f.Index) > len(c) && slices.Equal(c, f.Index[:len(c)]) }) {
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" {
			inner := f.Type
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				continue // its fields follow
			}
		}
		if f.Anonymous {
			closed = append(closed, f.Index)
		}
		if name == "-" && options == "" && f.Tag.Get("json") == "-" || !f.IsExported() {
			continue
		}
		p := fieldPlan{index: f.Index, name: name, tagged: name != ""}
		if name == "" {
			p.name = f.Name
		}
		for o := range strings.SplitSeq(options, ",") {
			p.omitEmpty = p.omitEmpty || o == "omitempty"
			p.omitZero = p.omitZero || o == "omitzero"
			p.quoted = p.quoted || o == "string"
		}
		all = append(all, p)
	}
	kept := make([]fieldPlan, 0, len(all))
	for _, p := range all {
		if !shadowed(p, all) {
			kept = append(kept, p)
		}
	}
	return kept
}

// shadowed reports whether another field takes p's name.
func shadowed(p fieldPlan, all []fieldPlan) bool {
	for _, q := range all {
		if q.name != p.name || slices.Equal(q.index, p.index) {
			continue
		}
		if len(q.index) < len(p.index) || len(q.index) == len(p.index) && (q.tagged || !p.tagged) {
			return true
		}
	}
	return false
}
