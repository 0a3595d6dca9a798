package sio

import "bytes"

// Hot path: no allocation.

// Violations, in the words of the reference's decoder.
var (
	errEmptyPacket     = &ProtocolError{Text: "empty packet"}
	errIllegalCount    = &ProtocolError{Text: "Illegal attachments"}
	errTooManyAttached = &ProtocolError{Text: "too many attachments"}
	errInvalidPayload  = &ProtocolError{Text: "invalid payload"}
	errIllegalID       = &ProtocolError{Text: "illegal acknowledgement id"}
	errLongNamespace   = &ProtocolError{Text: "namespace name too long"}
	errLongEvent       = &ProtocolError{Text: "event name too long"}
	errPlaintext       = &ProtocolError{Text: "got plaintext data when reconstructing a packet"}
	errBinary          = &ProtocolError{Text: "got binary data when not reconstructing a packet"}
	errPlaceholder     = &ProtocolError{Text: "illegal attachments"}
	errInvalidState    = &ProtocolError{Text: "invalid state"}
	errPacketTooLarge  = &ProtocolError{Text: "packet and attachments exceed the maximum size"}
	errAttachmentsLate = &ProtocolError{Text: "attachments did not arrive in time"}
)

const (
	// maxNamespaceBytes bounds a namespace's name: an unknown one is echoed
	// in the CONNECT_ERROR.
	maxNamespaceBytes = 256
	// maxEventBytes bounds an event's name.
	maxEventBytes = 1024
)

// limits are the bounds of the decoder.
type limits struct {
	attachments int
	depth       int
	query       bool // a namespace's name may be followed by a query
}

// decode parses the Socket.IO packet b, an Engine.IO message without its type
// digit, into p. The slices of p are views of b.
func (p *packet) decode(b []byte, lim limits) *ProtocolError {
	*p = packet{id: noAck}
	if len(b) == 0 {
		return errEmptyPacket
	}
	if t := b[0] - '0'; t >= byte(packetTypes) {
		return unknownType(b[0])
	}
	p.kind = packetType(b[0] - '0')
	i := 1
	if p.kind >= packetBinaryEvent {
		var err *ProtocolError
		if i, err = p.decodeCount(b, i, lim.attachments); err != nil {
			return err
		}
	}
	if i < len(b) && b[i] == '/' {
		start := i
		for i < len(b) && b[i] != ',' {
			i++
		}
		name := b[start:i]
		if lim.query {
			name, p.query, _ = bytes.Cut(name, []byte{'?'})
		}
		if len(name) > maxNamespaceBytes {
			return errLongNamespace
		}
		if len(name) > 1 {
			p.nsp = name
		}
		if i < len(b) {
			i++ // the comma
		}
	}
	if i < len(b) && isDigit(b[i]) {
		id := int64(0)
		for ; i < len(b) && isDigit(b[i]); i++ {
			if id = id*10 + int64(b[i]-'0'); id > maxAckID {
				return errIllegalID
			}
		}
		p.id = id
	}
	return p.decodePayload(b, i, lim.depth)
}

//go:noinline
func unknownType(c byte) *ProtocolError {
	if isDigit(c) {
		return &ProtocolError{Text: "unknown packet type " + string(rune(c))}
	}
	return &ProtocolError{Text: "unknown packet type NaN"}
}

// decodeCount parses the attachment count and its dash: between 1 and most
// (CVE-2026-33151, CVE-2026-69185).
func (p *packet) decodeCount(b []byte, i, most int) (int, *ProtocolError) {
	start, n := i, 0
	for ; i < len(b) && isDigit(b[i]); i++ {
		if n <= most {
			n = n*10 + int(b[i]-'0')
		}
	}
	if i == start || i >= len(b) || b[i] != '-' || n == 0 {
		return i, errIllegalCount
	}
	if n > most {
		return i, errTooManyAttached
	}
	p.attachments = n
	return i + 1, nil
}

// decodePayload checks the JSON of b from i and finds name and arguments.
func (p *packet) decodePayload(b []byte, i, depth int) *ProtocolError {
	if i == len(b) {
		return nil
	}
	p.payload = b[i:]
	open := skipSpace(b, i)
	end := scanValue(b, open, depth)
	if end < 0 || skipSpace(b, end) != len(b) {
		return errInvalidPayload
	}
	switch p.kind {
	case packetConnect:
		if b[open] != '{' {
			return errInvalidPayload
		}
	case packetDisconnect:
		return errInvalidPayload
	case packetConnectError:
		if b[open] != '{' && b[open] != '"' {
			return errInvalidPayload
		}
	case packetAck, packetBinaryAck:
		if b[open] != '[' {
			return errInvalidPayload
		}
		p.args = b[open+1 : end-1]
	default:
		if b[open] != '[' {
			return errInvalidPayload
		}
		return p.decodeName(b, open, end)
	}
	return nil
}

// decodeName finds the event's name, the first element of the array between
// open and end, which must be a string or a number (CVE-2023-32695).
func (p *packet) decodeName(b []byte, open, end int) *ProtocolError {
	i := skipSpace(b, open+1)
	stop, escaped := i, false
	switch {
	case b[i] == '"':
		stop = skipString(b, i)
		p.name = b[i+1 : stop-1]
		escaped = bytes.IndexByte(p.name, '\\') >= 0
	case b[i] == '-' || isDigit(b[i]):
		stop = skipValue(b, i)
		p.name = b[i:stop]
	default:
		return errInvalidPayload
	}
	if len(p.name) > maxEventBytes {
		return errLongEvent
	}
	if escaped {
		p.name = unescape(p.name)
	}
	if b[i] == '"' && reserved(string(p.name)) {
		return errInvalidPayload
	}
	i = skipSpace(b, stop)
	if b[i] == ',' {
		i++
	}
	p.args = b[i : end-1]
	return nil
}
