package msgpack

import (
	"encoding/binary"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"
)

// skip checks the value that b starts with and returns what is behind it.
// depth bounds the nesting of arrays and maps. Nothing is allocated, whatever
// lengths are declared.
func skip(b []byte, depth int) (rest []byte, err error) {
	switch msgp.NextType(b) {
	case msgp.InvalidType:
		return nil, errMalformed
	case msgp.StrType:
		return skipString(b)
	case msgp.BinType:
		if _, rest, err = msgp.ReadBytesZC(b); err != nil {
			return nil, errMalformed
		}
		return rest, nil
	case msgp.ArrayType:
		n, rest, err := msgp.ReadArrayHeaderBytes(b)
		if err != nil || depth == 0 {
			return nil, errMalformed
		}
		for range n {
			if rest, err = skip(rest, depth-1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	case msgp.MapType:
		n, rest, err := msgp.ReadMapHeaderBytes(b)
		if err != nil || depth == 0 {
			return nil, errMalformed
		}
		for range n {
			if _, rest, err = readKey(rest); err != nil {
				return nil, err
			}
			if rest, err = skip(rest, depth-1); err != nil {
				return nil, err
			}
		}
		return rest, nil
	}
	// What is left has a size that its first bytes tell.
	if rest, err = msgp.Skip(b); err != nil {
		return nil, errMalformed
	}
	return rest, nil
}

func skipString(b []byte) (rest []byte, err error) {
	s, rest, err := msgp.ReadStringZC(b)
	if err != nil || !utf8.Valid(s) {
		return nil, errMalformed
	}
	return rest, nil
}

// readKey reads a key of a map: a string, or an integer, which JavaScript
// makes a string of. Ownership: key may be a view of b.
func readKey(b []byte) (key, rest []byte, err error) {
	switch msgp.NextType(b) {
	case msgp.StrType:
		if rest, err = skipString(b); err != nil {
			return nil, nil, err
		}
		key, _, err = msgp.ReadStringZC(b)
		return key, rest, err
	case msgp.IntType:
		i, rest, err := msgp.ReadInt64Bytes(b)
		if err != nil {
			return nil, nil, errMalformed
		}
		return strconv.AppendInt(nil, i, 10), rest, nil
	case msgp.UintType:
		u, rest, err := msgp.ReadUint64Bytes(b)
		if err != nil {
			return nil, nil, errMalformed
		}
		return strconv.AppendUint(nil, u, 10), rest, nil
	}
	return nil, nil, errMalformed
}

// number reads the number that b starts with.
func number(b []byte) (f float64, ok bool) {
	switch msgp.NextType(b) {
	case msgp.IntType:
		i, _, err := msgp.ReadInt64Bytes(b)
		return float64(i), err == nil
	case msgp.UintType:
		u, _, err := msgp.ReadUint64Bytes(b)
		return float64(u), err == nil
	case msgp.Float32Type, msgp.Float64Type:
		f, _, err := msgp.ReadFloat64Bytes(b)
		return f, err == nil
	}
	return 0, false
}

// isUndefined reports whether b is JavaScript's undefined.
func isUndefined(b []byte) bool { return len(b) == 3 && b[0] == fixext1 && b[1] == extOwn }

// values decodes n values of b, which skip has accepted.
func values(b []byte, n uint32) (all []any, rest []byte) {
	all = make([]any, n)
	for i := range all {
		all[i], b = value(b)
	}
	return all, b
}

// value decodes the value that b starts with, which skip has accepted. The
// result shares no bytes with b.
func value(b []byte) (v any, rest []byte) {
	switch msgp.NextType(b) {
	case msgp.NilType:
		return nil, b[1:]
	case msgp.BoolType:
		v, rest, _ := msgp.ReadBoolBytes(b)
		return v, rest
	case msgp.StrType:
		s, rest, _ := msgp.ReadStringBytes(b)
		return s, rest
	case msgp.BinType:
		view, rest, _ := msgp.ReadBytesZC(b)
		return append([]byte{}, view...), rest
	case msgp.ArrayType:
		n, rest, _ := msgp.ReadArrayHeaderBytes(b)
		return values(rest, n)
	case msgp.MapType:
		return object(b)
	}
	rest, _ = msgp.Skip(b) // its first bytes tell its size
	if f, ok := number(b); ok {
		return f, rest
	}
	return extension(b[:len(b)-len(rest)]), rest
}

func object(b []byte) (m map[string]any, rest []byte) {
	n, b, _ := msgp.ReadMapHeaderBytes(b)
	m = make(map[string]any, n)
	for range n {
		var key []byte
		key, b, _ = readKey(b)
		if isUndefined(b[:min(3, len(b))]) {
			delete(m, string(key)) // the last of equal keys counts
			b = b[3:]
			continue
		}
		m[string(key)], b = value(b)
	}
	return m, b
}

// Dates outside of these milliseconds have no text in JSON, as JavaScript's
// invalid date.
var (
	firstDate = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	lastDate  = time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
)

// date returns t with the milliseconds that JavaScript has.
func date(t time.Time) any {
	if t.Before(firstDate) || t.After(lastDate) {
		return nil
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// extension decodes the extension that b is: those of the client's library,
// the standard's timestamps, and others as [type, bytes], which is what the
// client's library makes of them.
func extension(b []byte) any {
	kind, body, fixed := split(b)
	switch {
	case isUndefined(b):
		return nil
	case kind == extOwn && b[0] == fixext8:
		return date(time.UnixMilli(int64(binary.BigEndian.Uint64(body))))
	case kind == extOwn && !fixed:
		return append([]byte{}, body...)
	case kind == msgp.MsgTimeExtension:
		if t, _, err := msgp.ReadTimeBytes(b); err == nil {
			return date(t)
		}
	}
	return []any{float64(kind), append([]byte{}, body...)}
}

// split returns the parts of an extension, and whether its format tells its
// length.
func split(b []byte) (kind int8, body []byte, fixed bool) {
	head := 2
	switch b[0] {
	case 0xc7:
		head = 3
	case 0xc8:
		head = 4
	case 0xc9:
		head = 6
	default:
		fixed = true
	}
	return int8(b[head-1]), b[head:], fixed
}
