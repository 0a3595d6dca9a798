package sio

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// parsedArgs are the arguments of a packet that came through Config.Parser.
// They are immutable, and the collector's: tasks share them.
type parsedArgs struct {
	args []any
	load func() ([]any, error) // instead of args, when not nil
	size int32                 // bytes of the packet's messages
}

// values decodes the arguments. The caller owns the result.
func (p *parsedArgs) values() ([]any, error) {
	if p.load != nil {
		return p.load()
	}
	return clonePlain(p.args).([]any), nil
}

// view returns the arguments to be read only.
func (p *parsedArgs) view() ([]any, error) {
	if p.load != nil {
		return p.load()
	}
	return p.args, nil
}

// text returns the arguments as JSON with attachments.
func (p *parsedArgs) text(codec JSONCodec) (Args, error) {
	values, err := p.view()
	if err != nil {
		return Args{codec: codec}, err
	}
	return encodeArgs(codec, values)
}

// decodeParsed is Decode for arguments that came through Config.Parser. What
// is no plain value is decoded from their JSON.
func (a Args) decodeParsed(dst []any) error {
	values, err := a.parsed.values()
	if err != nil {
		return fmt.Errorf("sio: arguments: %w", err)
	}
	var text *Args
	for i, d := range dst {
		if i >= len(values) {
			return nil
		}
		if all, ok := d.(*Args); ok {
			*all = Args{parsed: &parsedArgs{args: values[i : i+1 : i+1]}, codec: a.codec}
			continue
		}
		if d == nil || assign(d, values[i]) {
			continue
		}
		if text == nil {
			all, err := a.parsed.text(a.codec)
			if err != nil {
				return fmt.Errorf("sio: argument %d: %w", i, err)
			}
			text = &all
		}
		value, rest := []byte(nil), text.raw
		for range i + 1 {
			value, rest, _ = nextValue(rest)
		}
		if err := text.decodeOne(value, d); err != nil {
			return fmt.Errorf("sio: argument %d: %w", i, err)
		}
	}
	return nil
}

// assign stores a plain value where that needs no decoding, and reports
// whether it could.
func assign(dst, v any) bool {
	if d, ok := dst.(*any); ok {
		*d = v
		return true
	}
	switch v := v.(type) {
	case string:
		d, ok := dst.(*string)
		return ok && set(d, v)
	case bool:
		d, ok := dst.(*bool)
		return ok && set(d, v)
	case time.Time:
		d, ok := dst.(*time.Time)
		return ok && set(d, v)
	case []any:
		d, ok := dst.(*[]any)
		return ok && set(d, v)
	case map[string]any:
		d, ok := dst.(*map[string]any)
		return ok && *d == nil && set(d, v) // one that exists is added to
	case []byte:
		d, ok := dst.(*[]byte)
		return ok && set(d, append((*d)[:0], v...))
	case float64:
		switch d := dst.(type) {
		case *float64:
			return set(d, v)
		case *int:
			return math.Trunc(v) == v && math.Abs(v) <= math.MaxInt32 && set(d, int(v))
		}
	}
	return false
}

func set[T any](dst *T, v T) bool {
	*dst = v
	return true
}

// restart makes a ready for the next packet of its decoder.
func (a *assembly) restart() {
	if a.messages > 0 {
		a.client.loop.loop.Disarm(&a.Timer)
		a.bytes, a.messages = 0, 0
	}
}

// receiveParsed handles one message of the client through Config.Parser.
func (c *client) receiveParsed(b []byte, binary bool) *ProtocolError {
	srv := c.loop.srv
	if c.parts == nil {
		lim := Limits{MaxBytes: srv.cfg.MaxHTTPBufferSize, MaxAttachments: srv.limits.attachments, MaxDepth: srv.limits.depth}
		c.parts = &assembly{client: c, decoder: srv.cfg.Parser.NewDecoder(lim)}
	}
	a := c.parts
	if a.bytes+int64(len(b)) > srv.cfg.MaxHTTPBufferSize {
		return errPacketTooLarge
	}
	if a.messages > srv.limits.attachments { // and one, the packet itself
		return errTooManyAttached
	}
	var whole Packet
	done, err := a.decoder.Decode(&whole, b, binary)
	if err != nil {
		return &ProtocolError{Text: err.Error()}
	}
	if !done {
		a.wait(len(b))
		return nil
	}
	size := a.bytes + int64(len(b))
	a.restart()
	var p packet
	if err := p.take(&whole, srv, c.older); err != nil {
		return err
	}
	if p.parsed != nil {
		p.parsed.size = int32(size)
	}
	return c.handle(&p, nil)
}

// wait counts a message of a packet that is not whole yet.
func (a *assembly) wait(size int) {
	if a.messages == 0 {
		a.client.loop.loop.Arm(&a.Timer, a, attachmentsTimeout)
	}
	a.messages++
	a.bytes += int64(size)
}

// take makes p from a packet that a decoder gave out, after the checks that
// decode makes. query tells that a namespace's name may be followed by one.
func (p *packet) take(from *Packet, srv *Server, query bool) *ProtocolError {
	*p = packet{id: noAck, kind: packetType(from.Type)}
	name := from.Namespace
	if query {
		var behind string
		name, behind, _ = strings.Cut(name, "?")
		p.query = []byte(behind)
	}
	if len(name) > maxNamespaceBytes {
		return errLongNamespace
	}
	if name != "/" {
		p.nsp = []byte(name)
	}
	if from.HasID {
		if from.ID < 0 || from.ID > maxAckID {
			return errIllegalID
		}
		p.id = from.ID
	}
	switch from.Type {
	case PacketConnect:
		if from.Data == nil {
			return nil
		}
		auth, ok := from.Data.(map[string]any)
		if !ok || !within(auth, srv.limits.depth) {
			return errInvalidPayload
		}
		text, err := authText(auth, srv.codec)
		if err != nil {
			return errInvalidPayload
		}
		p.payload = text
		return nil
	case PacketDisconnect, PacketConnectError:
		return nil
	case PacketEvent:
		if len(from.Event) > maxEventBytes {
			return errLongEvent
		}
		if reserved(from.Event) {
			return errInvalidPayload
		}
		p.name = []byte(from.Event)
	case PacketAck:
	default:
		return &ProtocolError{Text: fmt.Sprintf("unknown packet type %d", from.Type)}
	}
	if !within(from.Args, srv.limits.depth) {
		return errInvalidPayload
	}
	p.parsed = &parsedArgs{args: from.Args, load: from.Load}
	return nil
}

// authText returns the JSON of what came with a CONNECT, binary values as
// base64.
func authText(auth map[string]any, codec JSONCodec) (json.RawMessage, error) {
	a, err := (&parsedArgs{args: []any{auth}}).text(codec)
	if err != nil || len(a.attachments) == 0 {
		return a.raw, err
	}
	return inlineAttachments(a.raw, a.attachments), nil
}

// parseArgs reads the arguments back from an event that Config.Parser encoded.
func (srv *Server) parseArgs(f *frame.Frame) Args {
	// Our own packets have no limits.
	d := srv.cfg.Parser.NewDecoder(Limits{MaxBytes: math.MaxInt64, MaxAttachments: math.MaxInt32, MaxDepth: maxEncodeDepth})
	var p Packet
	for ; f != nil; f = f.Next() {
		b := f.Payload()
		if !f.Binary() {
			b = b[1:]
		}
		if done, err := d.Decode(&p, b, f.Binary()); done || err != nil {
			break
		}
	}
	return Args{codec: srv.codec, parsed: &parsedArgs{args: p.Args, load: p.Load}}
}
