package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// What a client has to say, in this order.
const (
	sayRequest = 1 << iota // the HTTP request for a WebSocket
	sayConnect             // CONNECT to the default namespace
	sayPong
	sayDisconnect // DISCONNECT, and a close frame behind it
	sayClose      // the answer to a close frame
	sayEnd        // the end of the stream
)

// Flags of a client.
const (
	wantsRead  = 1 << iota // the server's loop waits for input
	wantsWrite             // and for room
	isQueued               // among what its loop has ready
	isSilent               // it says nothing any more
)

// Stages of a client, in order of life.
const (
	fresh    = iota // waits for the answer to its request
	upgraded        // waits for the handshake of Engine.IO
	asked           // waits for the answer to its CONNECT
	joined          // is in the namespace
	leaving         // has said so
	closed          // is gone
)

// noLoop is the loop of a client that no loop watches yet.
const noLoop = 1<<16 - 1

// peer is one client.
type peer struct {
	key     uint64 // of its descriptor, for the loop
	beat    uint32 // ms: when it sent its last pong, or its request
	loop    uint16
	got     uint16 // events since they were last counted
	beats   uint16 // pings since they were last counted
	stage   uint8
	pending uint8
	flags   uint8
}

func (p *peer) set(flag uint8, on bool) {
	p.flags &^= flag
	if on {
		p.flags |= flag
	}
}

func (p *peer) readable() bool { return p.flags&wantsRead != 0 && p.pending != 0 }

// The handshake. The key is the one of RFC 6455, section 1.3, with its answer.
const (
	request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
		"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	accepted = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
)

// Opcodes of WebSocket.
const (
	opText  = 1
	opClose = 8
)

// speak appends what the client has to say. Behind the last byte, and alone,
// comes the end of the stream.
func (p *peer) speak(out []byte, n uint32) []byte {
	if p.pending&sayRequest != 0 {
		out = append(out, request...)
	}
	if p.pending&sayConnect != 0 {
		out = appendFrame(out, n, opText, "40")
	}
	if p.pending&sayPong != 0 {
		out = appendFrame(out, n, opText, "3")
	}
	if p.pending&sayDisconnect != 0 {
		out = appendFrame(out, n, opText, "41")
	}
	if p.pending&(sayDisconnect|sayClose) != 0 {
		out = appendFrame(out, n, opClose, "\x03\xe8")
	}
	if len(out) == 0 {
		p.set(wantsRead, false) // the end was read: it must not be reported for ever
	}
	p.pending &= sayEnd
	return out
}

// appendFrame appends a short frame with a mask of the client's own.
func appendFrame(out []byte, n uint32, opcode byte, payload string) []byte {
	var mask [4]byte
	binary.BigEndian.PutUint32(mask[:], n*2654435761+1)
	out = append(out, 0x80|opcode, 0x80|byte(len(payload)))
	out = append(out, mask[:]...)
	for i := range len(payload) {
		out = append(out, payload[i]^mask[i&3])
	}
	return out
}

var (
	errAnswer  = errors.New("the answer to the request is no upgrade")
	errPartial = errors.New("a frame that is not whole, though there is room")
)

// hear takes what the server sent.
func (k *kernel) hear(s *side, p *peer, b []byte) error {
	if p.flags&isSilent != 0 {
		return nil
	}
	if p.stage == fresh {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 || !bytes.HasPrefix(b, []byte("HTTP/1.1 101 ")) || !bytes.Contains(b[:end+2], []byte(accepted)) {
			return fmt.Errorf("%w: %.80q", errAnswer, b)
		}
		p.stage = upgraded
		b = b[end+4:]
	}
	for len(b) > 0 {
		opcode, payload, rest, err := cutFrame(b)
		if err != nil {
			return err
		}
		if opcode == opClose {
			p.closing()
		} else if err := k.packet(s, p, payload); err != nil {
			return err
		}
		b = rest
	}
	return nil
}

// closing answers a close frame, unless the client sent one first.
func (p *peer) closing() {
	if p.stage != leaving {
		p.pending |= sayClose
	}
	p.pending |= sayEnd
}

// cutFrame splits the first frame off b. A server does not mask, and this one
// does not split messages.
func cutFrame(b []byte) (opcode byte, payload, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, errPartial
	}
	head, size := 2, int(b[1])
	switch {
	case size == 126 && len(b) >= 4:
		head, size = 4, int(binary.BigEndian.Uint16(b[2:]))
	case size >= 126:
		return 0, nil, nil, errPartial
	}
	if b[0]&0xf0 != 0x80 || len(b) < head+size {
		return 0, nil, nil, errPartial
	}
	return b[0] & 0xf, b[head : head+size], b[head+size:], nil
}

// packet takes one packet of Engine.IO.
func (k *kernel) packet(s *side, p *peer, b []byte) error {
	switch {
	case p.stage == joined && len(b) > 2 && b[0] == '4' && b[1] == '2':
		if want := k.want.Load(); want == nil || !bytes.Equal(b, *want) {
			return fmt.Errorf("an event that nobody emitted: %.80q", b)
		}
		p.got++
		if s.delivered++; s.delivered == s.goal {
			s.done = time.Now()
		}
	case p.stage >= asked && len(b) == 1 && b[0] == '2':
		s.pinged(p, k)
	case p.stage == upgraded && bytes.HasPrefix(b, []byte(`0{"sid":"`)):
		p.stage = asked
		p.pending |= sayConnect
	case p.stage == asked && bytes.HasPrefix(b, []byte(`40{"sid":"`)):
		p.stage = joined
		s.joined++
	case p.stage == leaving:
	default:
		return fmt.Errorf("not expected at stage %d: %.80q", p.stage, b)
	}
	return nil
}

// pinged answers a ping.
func (s *side) pinged(p *peer, k *kernel) {
	now := k.millis()
	// How late it is for a client that counts from its own pong; up to two
	// ticks early is on time.
	_ = s.late.RecordValue(max(int64(now-p.beat)-k.ping.Milliseconds(), 0)) // the range is an hour
	s.pings++
	p.beats++
	p.beat = now
	if p.stage != leaving {
		p.pending |= sayPong
		s.pongs++
	}
}
