package contract

import (
	"bytes"
	"errors"
)

// event is a Socket.IO EVENT packet, cut into parts that lie within it.
type event struct {
	name []byte
	id   []byte // digits of the ack id; empty: none
	args []byte // JSON of the arguments, without the brackets; empty: none
	at   int    // where args begin in the packet
}

var (
	errEvent = errors.New("contract: not an event")
	errRoom  = errors.New("contract: the first argument is not the plain name of a room")
)

// parseEvent cuts a packet of the form 42<id>["name",args]. It looks at the
// frame only: arguments are passed on as they are.
func parseEvent(p []byte) (e event, err error) {
	if !bytes.HasPrefix(p, []byte("42")) || p[len(p)-1] != ']' {
		return e, errEvent
	}
	i := 2
	for i < len(p) && p[i] >= '0' && p[i] <= '9' {
		i++
	}
	e.id = p[2:i]
	if !bytes.HasPrefix(p[i:], []byte(`["`)) {
		return e, errEvent
	}
	i += 2
	n := bytes.IndexByte(p[i:], '"')
	if n < 0 || bytes.IndexByte(p[i:i+n], '\\') >= 0 {
		return e, errEvent
	}
	e.name = p[i : i+n]
	i += n + 1
	switch {
	case i == len(p)-1: // no arguments
	case p[i] == ',' && i+1 < len(p)-1:
		i++
	default:
		return e, errEvent
	}
	e.at, e.args = i, p[i:len(p)-1]
	return e, nil
}

// cutRoom returns the first argument, a string without escapes, and how many
// bytes of args it and the comma behind it take.
func cutRoom(args []byte) (name []byte, n int, err error) {
	if len(args) < 2 || args[0] != '"' {
		return nil, 0, errRoom
	}
	end := bytes.IndexByte(args[1:], '"')
	if end < 0 || bytes.IndexByte(args[1:1+end], '\\') >= 0 {
		return nil, 0, errRoom
	}
	name, n = args[1:1+end], end+2
	if n < len(args) {
		if args[n] != ',' || n+1 == len(args) {
			return nil, 0, errRoom
		}
		n++
	}
	return name, n, nil
}

// ackPacket makes of event packet p its acknowledgement with the arguments
// from p[from] on: 43<id>[args]. It writes over p: the result lies within it.
func ackPacket(p []byte, e event, from int) []byte {
	head := len("42") + len(e.id) + len("[")
	at := from - head
	copy(p[at:], p[:head])
	p[at+1] = '3'
	return p[at:]
}

// roomPacket makes of a room event packet p what its receivers get: the same
// without the room's name. args begin at p[from] behind it. It writes over p.
func roomPacket(p []byte, from int) []byte {
	const head = `42["room"`
	if from == len(p)-1 { // no arguments behind the room
		return append(append(p[:0], head...), ']')
	}
	at := from - len(head) - 1
	copy(p[at:], head+",")
	return p[at:]
}
