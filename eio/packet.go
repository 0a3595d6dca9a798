// Hot path: no allocation, no lock, no time.Now.

package eio

import (
	"bytes"
	"unicode/utf8"
)

// packetType is the type digit of a packet (EIO v4, "Packet encoding").
type packetType uint8

const (
	packetOpen packetType = iota
	packetClose
	packetPing
	packetPong
	packetMessage
	packetUpgrade
	packetNoop
	packetError // what could not be decoded
)

// separator stands between the packets of a payload.
const separator = 0x1e

// packet is one decoded packet. Ownership: data is a view into what it was
// decoded from.
type packet struct {
	data   []byte
	typ    packetType
	binary bool
}

// decodePacket decodes one WebSocket message, whose text is known to be UTF-8.
// Ownership: b may be written to (base64 is decoded in place); the result is a
// view into it.
func decodePacket(b []byte, binary bool) packet {
	if binary {
		return packet{b, packetMessage, true}
	}
	if len(b) == 0 {
		return packet{typ: packetError}
	}
	switch c := b[0]; {
	case c == 'b': // also in a text frame: the reference's decoder is one
		return packet{decodeBase64(b[1:]), packetMessage, true}
	case c >= '0' && c <= '6':
		return packet{b[1:], packetType(c - '0'), false}
	}
	return packet{typ: packetError}
}

// nextPacket decodes the first packet of a polling payload; more reports
// whether rest holds further ones. A packet that is not UTF-8 is an error,
// where the reference would replace bytes. Ownership: as decodePacket.
func nextPacket(payload []byte) (p packet, rest []byte, more bool) {
	one := payload
	if i := bytes.IndexByte(payload, separator); i >= 0 {
		one, rest, more = payload[:i], payload[i+1:], true
	}
	if len(one) > 0 && one[0] != 'b' && !utf8.Valid(one) {
		return packet{typ: packetError}, rest, more
	}
	return decodePacket(one, false), rest, more
}

// sextet maps a character to its six bits, in both alphabets of base64; 0xff
// marks what is skipped.
var sextet = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(alphabet) {
		t[alphabet[i]] = byte(i)
	}
	t['-'], t['_'] = 62, 63
	return t
}()

// decodeBase64 decodes in place, as leniently as Node's Buffer does: both
// alphabets, characters outside of them are skipped, the first = ends it, and
// bits that are too few for a byte are dropped. Ownership: the result lies at
// the beginning of b.
func decodeBase64(b []byte) []byte {
	n := 0
	var acc uint32
	var bits uint
	for _, c := range b {
		v := sextet[c]
		if v == 0xff {
			if c == '=' {
				break
			}
			continue
		}
		acc = acc<<6 | uint32(v)
		if bits += 6; bits >= 8 {
			bits -= 8
			b[n] = byte(acc >> bits)
			n++
		}
	}
	return b[:n]
}
