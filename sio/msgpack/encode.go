package msgpack

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/sirocco-io/sirocco/sio"
)

// Formats that the client's library gives a meaning of its own (notepack 2.2).
const (
	fixext1 = 0xd4
	fixext8 = 0xd7
	// extOwn is the type of its extensions: undefined as fixext 1, a date as
	// fixext 8, bytes as ext 8, 16 and 32.
	extOwn = 0
)

// maxSafeInteger is the largest integer that a float64 counts to (2^53).
const maxSafeInteger = 1 << 53

// encode returns the message of p.
func encode(p *sio.Packet) ([]byte, error) {
	data, named := p.Data, 0
	if p.Type == sio.PacketEvent {
		named = 1
	}
	fields := uint32(2)
	withData := p.Type == sio.PacketEvent || p.Type == sio.PacketAck || data != nil
	if withData {
		fields++
	}
	if p.HasID {
		fields++
	}
	b := msgp.AppendMapHeader(make([]byte, 0, 128), fields)
	b = msgp.AppendUint64(msgp.AppendString(b, "type"), uint64(p.Type))
	if withData {
		b = msgp.AppendString(b, "data")
	}
	var err error
	switch {
	case p.Type == sio.PacketEvent || p.Type == sio.PacketAck:
		b = msgp.AppendArrayHeader(b, uint32(len(p.Args)+named))
		if named > 0 {
			b = appendString(b, p.Event)
		}
		for _, v := range p.Args {
			if b, err = appendValue(b, v); err != nil {
				return nil, err
			}
		}
	case withData:
		if b, err = appendValue(b, data); err != nil {
			return nil, err
		}
	}
	if p.HasID {
		b = msgp.AppendUint64(msgp.AppendString(b, "id"), uint64(p.ID))
	}
	return appendString(msgp.AppendString(b, "nsp"), p.Namespace), nil
}

// appendValue appends a plain value, see [sio.Packet].
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return msgp.AppendNil(b), nil
	case bool:
		return msgp.AppendBool(b, v), nil
	case float64:
		return appendNumber(b, v), nil
	case int64:
		return appendInt(b, v), nil
	case uint64:
		return msgp.AppendUint64(b, v), nil
	case string:
		return appendString(b, v), nil
	case []byte:
		return msgp.AppendBytes(b, v), nil
	case time.Time:
		return binary.BigEndian.AppendUint64(append(b, fixext8, extOwn), uint64(v.UnixMilli())), nil
	case []any:
		var err error
		b = msgp.AppendArrayHeader(b, uint32(len(v)))
		for _, x := range v {
			if b, err = appendValue(b, x); err != nil {
				return nil, err
			}
		}
		return b, nil
	case map[string]any:
		var err error
		b = msgp.AppendMapHeader(b, uint32(len(v)))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if b, err = appendValue(appendString(b, k), v[k]); err != nil {
				return nil, err
			}
		}
		return b, nil
	}
	return nil, fmt.Errorf("msgpack: %T is no value of a packet", v)
}

// appendNumber appends a number in its shortest form, as the client's library
// does: what has no fraction is an integer.
func appendNumber(b []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) <= maxSafeInteger {
		return appendInt(b, int64(f))
	}
	return msgp.AppendFloat64(b, f)
}

func appendInt(b []byte, i int64) []byte {
	if i >= 0 {
		return msgp.AppendUint64(b, uint64(i))
	}
	return msgp.AppendInt64(b, i)
}

// appendString appends s. Invalid UTF-8 becomes U+FFFD, as in JSON.
func appendString(b []byte, s string) []byte {
	return msgp.AppendString(b, strings.ToValidUTF8(s, "\ufffd"))
}
