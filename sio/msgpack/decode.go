package msgpack

import (
	"errors"
	"math"
	"strconv"

	"github.com/tinylib/msgp/msgp"

	"github.com/sirocco-io/sirocco/sio"
)

// Violations, in the words of the reference's decoder.
var (
	errMalformed = errors.New("Could not parse")     //lint:ignore ST1005 the reference's text
	errTrailing  = errors.New("trailing bytes")      // which the reference counts
	errType      = errors.New("invalid packet type") // no integer from 0 to 4
	errNamespace = errors.New("invalid namespace")   // no string
	errPayload   = errors.New("invalid payload")     // not what the type needs
	errID        = errors.New("invalid packet id")   // no integer
)

// fields are the raw values of a packet's map, nil for those that are absent
// or undefined.
type fields struct{ kind, nsp, id, data []byte }

// packet decodes msg into p.
func (d *decoder) packet(p *sio.Packet, msg []byte) error {
	f, err := d.fields(msg)
	if err != nil {
		return err
	}
	kind, ok := number(f.kind)
	if !ok || kind != math.Trunc(kind) || kind < 0 || kind > float64(sio.PacketConnectError) {
		return errType
	}
	p.Type = sio.PacketType(kind)
	nsp, _, err := msgp.ReadStringZC(f.nsp)
	if err != nil {
		return errNamespace
	}
	p.Namespace = string(nsp)
	if f.id != nil {
		id, ok := number(f.id)
		if !ok || id != math.Trunc(id) || math.Abs(id) > maxSafeInteger {
			return errID
		}
		p.ID, p.HasID = int64(id), true
	}
	return payload(p, f.data)
}

// fields splits the map that msg is, whatever the order of its keys. All of it
// is checked, also what nobody asks for. The last of equal keys counts.
func (d *decoder) fields(msg []byte) (f fields, err error) {
	n, rest, err := msgp.ReadMapHeaderBytes(msg)
	if err != nil {
		return f, errMalformed
	}
	for range n {
		var key, value []byte
		if key, rest, err = readKey(rest); err != nil {
			return f, err
		}
		value = rest
		if rest, err = skip(rest, d.depth); err != nil {
			return f, err
		}
		value = value[:len(value)-len(rest)]
		if isUndefined(value) {
			value = nil
		}
		switch string(key) {
		case "type":
			f.kind = value
		case "nsp":
			f.nsp = value
		case "id":
			f.id = value
		case "data":
			f.data = value
		}
	}
	if len(rest) > 0 {
		return f, errTrailing
	}
	return f, nil
}

// payload decodes what comes with a packet of p's type; arguments are only
// copied. Ownership: data is only read.
func payload(p *sio.Packet, data []byte) error {
	switch p.Type {
	case sio.PacketConnect:
		if data == nil {
			return nil
		}
		if msgp.NextType(data) != msgp.MapType {
			return errPayload
		}
		p.Data, _ = value(data)
		return nil
	case sio.PacketDisconnect:
		if data != nil {
			return errPayload
		}
		return nil
	case sio.PacketConnectError:
		if t := msgp.NextType(data); t != msgp.MapType && t != msgp.StrType {
			return errPayload
		}
		p.Data, _ = value(data)
		return nil
	}
	n, rest, err := msgp.ReadArrayHeaderBytes(data)
	if err != nil {
		return errPayload
	}
	if p.Type == sio.PacketEvent {
		if n == 0 {
			return errPayload
		}
		n--
		if p.Event, rest, err = eventName(rest); err != nil {
			return err
		}
	}
	raw := append([]byte(nil), rest...)
	p.Load = func() ([]any, error) {
		all, _ := values(raw, n)
		return all, nil
	}
	return nil
}

// eventName reads the first element of an event: a string or a number, as the
// reference's JSON decoder has it (CVE-2023-32695).
func eventName(b []byte) (name string, rest []byte, err error) {
	if msgp.NextType(b) == msgp.StrType {
		name, rest, err = msgp.ReadStringBytes(b)
		return name, rest, err
	}
	f, ok := number(b)
	if !ok {
		return "", nil, errPayload
	}
	rest, err = msgp.Skip(b)
	return strconv.FormatFloat(f, 'f', -1, 64), rest, err
}
