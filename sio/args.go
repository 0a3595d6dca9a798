package sio

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Args are the arguments of an event or of an acknowledgement. They are
// decoded only when asked for. An Args owns its bytes and stays valid.
type Args struct {
	raw         []byte
	attachments [][]byte
	codec       JSONCodec
	parsed      *parsedArgs // instead of raw and attachments, with Config.Parser
	ack         Ack         // nil but for listeners of all events and middlewares
}

// Ack returns what answers the event that a was shown with to a listener of
// all events or to a packet middleware. It does nothing when the client wants
// no answer, or when a handler has answered; for other Args too.
func (a Args) Ack() Ack {
	if a.ack == nil {
		return noAnswer
	}
	return a.ack
}

// Raw returns the JSON of the arguments: values with commas between, without
// brackets. Binary values are placeholders {"_placeholder":true,"num":i}. What
// came through [Config.Parser] has no JSON of its own: it is written anew by
// each call, times as text.
//
// Ownership: the result belongs to a; do not modify it.
func (a Args) Raw() []byte { return a.text().raw }

// Attachments returns the binary values that the placeholders of Raw number.
//
// Ownership: the result belongs to a; do not modify it.
func (a Args) Attachments() [][]byte { return a.text().attachments }

// text returns a as JSON. Arguments that a parser cannot decode are none.
func (a Args) text() Args {
	if a.parsed == nil {
		return a
	}
	t, _ := a.parsed.text(a.codec)
	return t
}

// Len returns the number of arguments.
func (a Args) Len() int {
	if a.parsed != nil {
		values, _ := a.parsed.view()
		return len(values)
	}
	n := 0
	for rest := a.raw; ; n++ {
		var ok bool
		if _, rest, ok = nextValue(rest); !ok {
			return n
		}
	}
}

// Decode decodes the arguments in order into dst, which are pointers. As in
// JavaScript, surplus arguments are ignored and missing ones leave their
// pointer alone. A nil in dst skips an argument. A binary value decodes into
// []byte, at any depth, and into any.
func (a Args) Decode(dst ...any) error {
	if a.parsed != nil {
		return a.decodeParsed(dst)
	}
	rest := a.raw
	for i, d := range dst {
		value, r, ok := nextValue(rest)
		if !ok {
			return nil
		}
		rest = r
		if d == nil {
			continue
		}
		if err := a.decodeOne(value, d); err != nil {
			return fmt.Errorf("sio: argument %d: %w", i, err)
		}
	}
	return nil
}

// decodeOne decodes one argument. Raw messages and whole attachments need no
// codec.
func (a Args) decodeOne(value []byte, dst any) error {
	switch dst := dst.(type) {
	case *json.RawMessage:
		*dst = append((*dst)[:0], value...)
		return nil
	case *Args:
		*dst = Args{raw: value, attachments: a.attachments, codec: a.codec}.clone()
		return nil
	}
	if len(a.attachments) == 0 {
		return a.codec.Unmarshal(value, dst)
	}
	switch dst := dst.(type) {
	case *[]byte:
		if value[0] == '{' {
			if is, num := readPlaceholder(value, 0); is && num < len(a.attachments) && num >= 0 {
				*dst = append((*dst)[:0], a.attachments[num]...)
				return nil
			}
		}
	case *any:
		if err := a.codec.Unmarshal(value, dst); err != nil {
			return err
		}
		*dst = resolve(*dst, a.attachments)
		return nil
	case *map[string]any:
		if err := a.codec.Unmarshal(value, dst); err != nil {
			return err
		}
		resolve(*dst, a.attachments)
		return nil
	case *[]any:
		if err := a.codec.Unmarshal(value, dst); err != nil {
			return err
		}
		resolve(*dst, a.attachments)
		return nil
	}
	return a.codec.Unmarshal(inlineAttachments(value, a.attachments), dst)
}

// Values decodes all arguments into the types of encoding/json (or of the
// codec in use), binary values into []byte; with [Config.Parser] into those of
// a [Packet]. The caller owns the result.
func (a Args) Values() ([]any, error) {
	if a.parsed != nil {
		return a.parsed.values()
	}
	values := make([]any, 0, 4)
	for rest := a.raw; ; {
		value, r, ok := nextValue(rest)
		if !ok {
			return values, nil
		}
		var v any
		if err := a.decodeOne(value, &v); err != nil {
			return nil, fmt.Errorf("sio: argument %d: %w", len(values), err)
		}
		values, rest = append(values, v), r
	}
}

// clone returns a copy that shares no bytes with a.
func (a Args) clone() Args {
	if a.parsed != nil {
		return a // nobody can write to it
	}
	c := Args{raw: append([]byte(nil), a.raw...), codec: a.codec}
	if len(a.attachments) > 0 {
		c.attachments = make([][]byte, len(a.attachments))
		for i, b := range a.attachments {
			c.attachments[i] = append([]byte{}, b...)
		}
	}
	return c
}

// with returns a with one more argument, a string.
func (a Args) with(text string) Args {
	if a.parsed != nil {
		if values, err := a.parsed.view(); err == nil {
			a.parsed = &parsedArgs{args: append(slices.Clip(values), text)}
		}
		return a
	}
	raw := make([]byte, 0, len(a.raw)+len(text)+len(`,""`))
	raw = append(raw, a.raw...)
	if len(raw) > 0 {
		raw = append(raw, ',')
	}
	a.raw = appendString(raw, text)
	return a
}

// size is what the arguments count for in limits of bytes.
func (a Args) size() int {
	n := len(a.raw)
	if a.parsed != nil {
		n = int(a.parsed.size)
	}
	for _, b := range a.attachments {
		n += len(b)
	}
	return n
}
