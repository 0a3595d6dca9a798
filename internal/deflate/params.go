package deflate

import (
	"strconv"
)

// extension is the name of the extension (RFC 7692 section 7).
const extension = "permessage-deflate"

// The least and the largest window, as powers of two (RFC 7692 section 7.1.2).
const (
	MinBits = 8
	MaxBits = 15
)

// Policy is what a server wants of permessage-deflate. The zero value wants the
// least state: no context on either side, and windows as the client asks.
type Policy struct {
	// ServerTakeover lets what the server sends refer to earlier messages,
	// unless the client asks it not to.
	ServerTakeover bool
	// ClientTakeover lets the client do so, unless it says that it won't.
	ClientTakeover bool
	// ServerBits limits the window of what the server sends; 0: MaxBits.
	ServerBits uint8
	// ClientBits limits the window of what the client sends, and refuses the
	// offers of clients that can't be limited; 0: no limit.
	ClientBits uint8
}

// Params is what was agreed on.
type Params struct {
	ServerTakeover, ClientTakeover bool
	// ServerBits and ClientBits are the windows: MinBits to MaxBits.
	ServerBits, ClientBits uint8
	// sayServer and sayClient tell that the answer names them.
	sayServer, sayClient bool
}

// Negotiate returns what p agrees on with the first acceptable offer in the
// value of a Sec-WebSocket-Extensions header. ok is false when the list is
// malformed (RFC 6455 section 9.1), in which case nothing may be agreed on.
// accepted is false when there is no acceptable offer: those with parameters
// that are unknown, doubled or out of range are not (RFC 7692 section 7).
//
// Ownership: list is only read.
func (p Policy) Negotiate(list []byte) (agreed Params, accepted, ok bool) {
	s := scanner{b: list}
	for s.next() {
		o, ok := s.offer()
		if !ok {
			return Params{}, false, false
		}
		if o.ours && !o.bad && !accepted {
			agreed, accepted = p.agree(&o)
		}
	}
	return agreed, accepted, true
}

// agree answers an offer.
func (p Policy) agree(o *offer) (Params, bool) {
	a := Params{
		ServerTakeover: p.ServerTakeover && o.seen&serverNoContext == 0,
		ClientTakeover: p.ClientTakeover && o.seen&clientNoContext == 0,
		ServerBits:     MaxBits,
		ClientBits:     MaxBits,
	}
	if p.ServerBits != 0 {
		a.ServerBits, a.sayServer = p.ServerBits, true
	}
	if o.seen&serverMaxWindow != 0 {
		a.ServerBits, a.sayServer = min(a.ServerBits, o.serverBits), true
	}
	if o.clientBits != 0 {
		a.ClientBits, a.sayClient = o.clientBits, true
	}
	if p.ClientBits != 0 {
		if o.seen&clientMaxWindow == 0 {
			return Params{}, false // it must not be told what it did not offer
		}
		a.ClientBits, a.sayClient = min(a.ClientBits, p.ClientBits), true
	}
	return a, true
}

// AppendResponse appends the value of the Sec-WebSocket-Extensions header that
// tells the client what was agreed on.
func (a Params) AppendResponse(dst []byte) []byte {
	dst = append(dst, extension...)
	if !a.ServerTakeover {
		dst = append(append(dst, "; "...), paramNames[0]...)
	}
	if !a.ClientTakeover {
		dst = append(append(dst, "; "...), paramNames[1]...)
	}
	if a.sayServer {
		dst = appendBits(dst, paramNames[2], a.ServerBits)
	}
	if a.sayClient {
		dst = appendBits(dst, paramNames[3], a.ClientBits)
	}
	return dst
}

func appendBits(dst []byte, name string, bits uint8) []byte {
	dst = append(append(append(dst, "; "...), name...), '=')
	return strconv.AppendUint(dst, uint64(bits), 10)
}

// param is a set of parameters.
type param uint8

// The parameters (RFC 7692 section 7.1), in the order of paramNames.
const (
	serverNoContext param = 1 << iota
	clientNoContext
	serverMaxWindow
	clientMaxWindow
)

var paramNames = [...]string{
	"server_no_context_takeover",
	"client_no_context_takeover",
	"server_max_window_bits",
	"client_max_window_bits",
}

// offer is one element of a client's list.
type offer struct {
	ours       bool // it is for permessage-deflate
	bad        bool // it can't be accepted
	seen       param
	serverBits uint8
	clientBits uint8 // 0: no value was given
}

// add takes a parameter of the offer.
func (o *offer) add(name, value []byte, valued bool) {
	for i, known := range paramNames {
		if string(name) != known {
			continue
		}
		p := param(1) << i
		var bits uint8
		if valued {
			bits = parseBits(value)
		}
		switch {
		case o.seen&p != 0,
			p&(serverNoContext|clientNoContext) != 0 && valued,
			p == serverMaxWindow && bits == 0,
			p == clientMaxWindow && valued && bits == 0:
			o.bad = true
		case p == serverMaxWindow:
			o.serverBits = bits
		case p == clientMaxWindow:
			o.clientBits = bits
		}
		o.seen |= p
		return
	}
	o.bad = true
}

// parseBits reads a size of a window, a decimal without leading zeros; 0 means
// that it is none.
func parseBits(v []byte) uint8 {
	switch {
	case len(v) == 1 && (v[0] == '8' || v[0] == '9'):
		return v[0] - '0'
	case len(v) == 2 && v[0] == '1' && v[1] >= '0' && v[1] <= '5':
		return 10 + v[1] - '0'
	}
	return 0
}
