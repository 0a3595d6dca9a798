package sio

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// engineMessage is the type digit of an Engine.IO message, in front of every
// text packet of ours.
const engineMessage = '4'

// maxEncodeDepth stops the encoder in values that hold themselves.
const maxEncodeDepth = 1000

var errDepth = errors.New("sio: value is nested too deeply or holds itself")

// encoder turns values into JSON; []byte found in them become placeholders and
// frames of their own, in the order of their appearance.
type encoder struct {
	codec    JSONCodec
	attached []*frame.Frame
	depth    int
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

func getEncoder(c JSONCodec) *encoder {
	e := encoders.Get().(*encoder)
	e.codec = c
	return e
}

func putEncoder(e *encoder) {
	clear(e.attached)
	e.attached, e.codec, e.depth = e.attached[:0], nil, 0
	encoders.Put(e)
}

// eventFrame encodes an event with Go values as arguments.
func eventFrame(c JSONCodec, nsp string, id int64, event string, args []any) (*frame.Frame, error) {
	return valuesFrame(c, packetEvent, nsp, id, event, args)
}

// ackFrame encodes an acknowledgement with Go values as arguments.
func ackFrame(c JSONCodec, nsp string, id int64, args []any) (*frame.Frame, error) {
	return valuesFrame(c, packetAck, nsp, id, "", args)
}

func valuesFrame(c JSONCodec, kind packetType, nsp string, id int64, event string, args []any) (*frame.Frame, error) {
	e := getEncoder(c)
	defer putEncoder(e)
	f := frame.New()
	f.B = appendHead(f.B, kind, 0, nsp, id)
	body := len(f.B)
	f.B = append(f.B, '[')
	if kind == packetEvent {
		f.B = appendString(f.B, event)
	}
	var err error
	for i, v := range args {
		if i > 0 || kind == packetEvent {
			f.B = append(f.B, ',')
		}
		if f.B, err = e.appendValue(f.B, v); err != nil {
			f.SealRaw().Release()
			for _, g := range e.attached {
				g.Release()
			}
			return nil, err
		}
	}
	f.B = append(f.B, ']')
	if len(e.attached) == 0 {
		return f.SealText(), nil
	}
	// The head holds the count, which is known only now.
	g := frame.New()
	g.B = appendHead(g.B, kind, len(e.attached), nsp, id)
	g.B = append(g.B, f.B[body:]...)
	f.SealRaw().Release()
	return chain(g.SealText(), e.attached), nil
}

// encodeArgs encodes values as arguments that own their bytes.
func encodeArgs(c JSONCodec, values []any) (Args, error) {
	e := getEncoder(c)
	defer putEncoder(e)
	a := Args{codec: c}
	var err error
	for i, v := range values {
		if i > 0 {
			a.raw = append(a.raw, ',')
		}
		if a.raw, err = e.appendValue(a.raw, v); err != nil {
			break
		}
	}
	for _, g := range e.attached {
		a.attachments = append(a.attachments, append([]byte{}, g.Payload()...))
		g.Release()
	}
	if err != nil {
		return Args{codec: c}, err
	}
	return a, nil
}

// rawEventFrame encodes an event whose arguments are JSON already.
func rawEventFrame(nsp string, id int64, event string, args []byte, attachments [][]byte) *frame.Frame {
	f := frame.New()
	f.B = appendHead(f.B, packetEvent, len(attachments), nsp, id)
	f.B = appendString(append(f.B, '['), event)
	if len(args) > 0 {
		f.B = append(append(f.B, ','), args...)
	}
	f.B = append(f.B, ']')
	return withAttachments(f.SealText(), attachments)
}

// rawAckFrame encodes an acknowledgement whose arguments are JSON already.
func rawAckFrame(nsp string, id int64, args []byte, attachments [][]byte) *frame.Frame {
	f := frame.New()
	f.B = appendHead(f.B, packetAck, len(attachments), nsp, id)
	f.B = append(append(append(f.B, '['), args...), ']')
	return withAttachments(f.SealText(), attachments)
}

func withAttachments(f *frame.Frame, attachments [][]byte) *frame.Frame {
	var behind *frame.Frame
	for _, a := range slices.Backward(attachments) {
		g := frame.New()
		g.B = append(g.B, a...)
		g.SealBinary()
		if behind != nil {
			g.Chain(behind)
		}
		behind = g
	}
	if behind != nil {
		f.Chain(behind)
	}
	return f
}

// chain puts the sealed frames behind f.
func chain(f *frame.Frame, behind []*frame.Frame) *frame.Frame {
	for i := len(behind) - 2; i >= 0; i-- {
		behind[i].Chain(behind[i+1])
	}
	f.Chain(behind[0])
	return f
}

// connectFrame encodes the answer to a CONNECT. pid is "" without recovery.
func connectFrame(nsp, sid, pid string) *frame.Frame {
	f := frame.New()
	f.B = appendHead(f.B, packetConnect, 0, nsp, noAck)
	f.B = append(append(f.B, `{"sid":"`...), sid...)
	if pid != "" {
		f.B = append(append(f.B, `","pid":"`...), pid...)
	}
	f.B = append(f.B, `"}`...)
	return f.SealText()
}

// connectErrorFrame encodes a refusal. data may be nil.
func connectErrorFrame(c JSONCodec, nsp, message string, data any) (*frame.Frame, error) {
	f := frame.New()
	f.B = appendHead(f.B, packetConnectError, 0, nsp, noAck)
	f.B = appendString(append(f.B, `{"message":`...), message)
	if data != nil {
		var err error
		f.B, err = c.Append(append(f.B, `,"data":`...), data)
		if err != nil {
			f.SealRaw().Release()
			return nil, err
		}
	}
	f.B = append(f.B, '}')
	return f.SealText(), nil
}

// disconnectFrame encodes a DISCONNECT.
func disconnectFrame(nsp string) *frame.Frame {
	f := frame.New()
	f.B = appendHead(f.B, packetDisconnect, 0, nsp, noAck)
	return f.SealText()
}

// appendHead appends everything in front of a packet's payload. With
// attachments the type becomes its binary form.
func appendHead(b []byte, kind packetType, attachments int, nsp string, id int64) []byte {
	if attachments > 0 {
		kind += packetBinaryEvent - packetEvent
	}
	b = append(b, engineMessage, '0'+byte(kind))
	if attachments > 0 {
		b = append(strconv.AppendInt(b, int64(attachments), 10), '-')
	}
	if nsp != "/" {
		b = append(append(b, nsp...), ',')
	}
	if id != noAck {
		b = strconv.AppendInt(b, id, 10)
	}
	return b
}

// appendValue appends the JSON of v. The usual types need no reflection.
func (e *encoder) appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case string:
		return appendString(b, v), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case int32:
		return strconv.AppendInt(b, int64(v), 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), nil
	case float64:
		return appendFloat(b, v, 64), nil
	case float32:
		return appendFloat(b, float64(v), 32), nil
	case json.RawMessage:
		if len(v) == 0 {
			return append(b, "null"...), nil
		}
		return append(b, v...), nil
	case []byte:
		return e.appendBinary(b, v), nil
	case []string:
		if v == nil {
			return append(b, "null"...), nil
		}
		b = append(b, '[')
		for i, s := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		return append(b, ']'), nil
	case []any:
		return e.appendSlice(b, v)
	case map[string]any:
		return e.appendMap(b, v)
	}
	return e.appendReflected(b, v)
}

func (e *encoder) appendSlice(b []byte, v []any) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	if e.depth++; e.depth > maxEncodeDepth {
		return b, errDepth
	}
	var err error
	b = append(b, '[')
	for i, x := range v {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = e.appendValue(b, x); err != nil {
			return b, err
		}
	}
	e.depth--
	return append(b, ']'), nil
}

// appendMap appends an object with its keys in order, so that equal values
// have equal text.
func (e *encoder) appendMap(b []byte, v map[string]any) ([]byte, error) {
	if v == nil {
		return append(b, "null"...), nil
	}
	if e.depth++; e.depth > maxEncodeDepth {
		return b, errDepth
	}
	keys := make([]string, 0, len(v))
	for k := range v {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var err error
	b = append(b, '{')
	for i, k := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, k), ':')
		if b, err = e.appendValue(b, v[k]); err != nil {
			return b, err
		}
	}
	e.depth--
	return append(b, '}'), nil
}

// appendBinary appends a placeholder for v and keeps a copy of v for the frame
// behind the packet.
func (e *encoder) appendBinary(b, v []byte) []byte {
	if v == nil {
		return append(b, "null"...)
	}
	b = append(b, `{"_placeholder":true,"num":`...)
	b = strconv.AppendInt(b, int64(len(e.attached)), 10)
	g := frame.New()
	g.B = append(g.B, v...)
	e.attached = append(e.attached, g.SealBinary())
	return append(b, '}')
}

// appendFloat appends f as JSON.stringify does: null for what JSON cannot
// hold, exponents only for very large and very small numbers.
func appendFloat(b []byte, f float64, bits int) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(b, "null"...)
	}
	abs := math.Abs(f)
	format := byte('f')
	if abs != 0 && (bits == 64 && (abs < 1e-6 || abs >= 1e21) || bits == 32 && (float32(abs) < 1e-6 || float32(abs) >= 1e21)) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, bits)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 becomes e-9
		b = b[:n-1]
	}
	return b
}

const hexDigits = "0123456789abcdef"

// appendString appends s in quotes, escaped as JSON.stringify escapes.
// Invalid UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += n
			continue
		}
		b = append(b, s[start:i]...)
		b = appendEscape(b, c)
		i++
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\b':
		return append(b, '\\', 'b')
	case '\f':
		return append(b, '\\', 'f')
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}
