// Hot path: no allocation, no lock, no time.Now.

package eio

import (
	"unicode/utf8"
)

// Decoding of Engine.IO 3 (EIO v3, "Encoding"). Reference: parser-v3.

const (
	// maxOctetDigits bounds the length in front of a packet of a payload that
	// is not text: as many as Number.MAX_VALUE has.
	maxOctetDigits = 310
	// octetsEnd ends that length.
	octetsEnd = 0xff
)

// decodePacket3 decodes one WebSocket message, whose text is known to be
// UTF-8. As in the reference, a binary packet of an unknown type is ignored:
// it comes out as a noop. Ownership: as decodePacket.
func decodePacket3(b []byte, binary bool) packet {
	switch {
	case binary:
		if len(b) == 0 || b[0] > byte(packetNoop) {
			return packet{typ: packetNoop}
		}
		return packet{b[1:], packetType(b[0]), true}
	case len(b) == 0:
		return packet{typ: packetError}
	case b[0] == 'b':
		if len(b) == 1 || b[1] < '0' || b[1] > '6' {
			return packet{typ: packetNoop}
		}
		return packet{decodeBase64(b[2:]), packetType(b[1] - '0'), true}
	case b[0] >= '0' && b[0] <= '6':
		return packet{b[1:], packetType(b[0] - '0'), false}
	}
	return packet{typ: packetError}
}

// nextPacket3 decodes the first packet of a payload of text: its length in
// UTF-16 units, a colon, and the packet. One without contents is no error in
// the reference, and comes out as a noop. Ownership: as decodePacket.
func nextPacket3(payload []byte) (p packet, rest []byte, more bool) {
	i, n := 0, 0
	for ; i < len(payload) && payload[i] >= '0' && payload[i] <= '9'; i++ {
		if n <= len(payload) { // above, it is wrong anyway
			n = n*10 + int(payload[i]-'0')
		}
	}
	if i == 0 || i == len(payload) || payload[i] != ':' {
		return packet{typ: packetError}, nil, false
	}
	body := payload[i+1:]
	end := unitsEnd(body, n)
	if end < 0 {
		return packet{typ: packetError}, nil, false
	}
	rest = body[end:]
	if n == 0 {
		return packet{typ: packetNoop}, rest, len(rest) > 0
	}
	return decodePacket3(body[:end], false), rest, len(rest) > 0
}

// unitsEnd returns where the first n UTF-16 units of b end, or -1 when b is
// not that long, is not UTF-8, or when n ends inside of a surrogate pair.
// Ownership: b is only read.
func unitsEnd(b []byte, n int) int {
	i := 0
	for n > 0 {
		if i == len(b) {
			return -1
		}
		if b[i] < utf8.RuneSelf {
			i++
			n--
			continue
		}
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			return -1
		}
		if r > 0xffff {
			n--
		}
		n--
		i += size
	}
	if n < 0 {
		return -1
	}
	return i
}

// nextOctets3 decodes the first packet of a payload that is not text: 0 for
// text or another byte for binary, the digits of the length in bytes, 0xff,
// and the packet. Ownership: as decodePacket.
func nextOctets3(payload []byte) (p packet, rest []byte, more bool) {
	if len(payload) == 0 {
		return packet{typ: packetNoop}, nil, false
	}
	i, n := 1, 0
	for ; i < len(payload) && payload[i] != octetsEnd; i++ {
		if payload[i] > 9 || i > maxOctetDigits {
			return packet{typ: packetError}, nil, false
		}
		if n <= len(payload) {
			n = n*10 + int(payload[i])
		}
	}
	if i == 1 || i == len(payload) || n > len(payload)-i-1 {
		return packet{typ: packetError}, nil, false
	}
	one, rest := payload[i+1:i+1+n], payload[i+1+n:]
	if payload[0] != 0 {
		return decodePacket3(one, true), rest, len(rest) > 0
	}
	if !utf8.Valid(one) {
		return packet{typ: packetError}, nil, false
	}
	return decodePacket3(one, false), rest, len(rest) > 0
}
