package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
)

// appendText appends one text frame whose payload is a and then b.
func appendText(dst, a, b []byte) []byte {
	if n := len(a) + len(b); n < 126 {
		dst = append(dst, 0x81, byte(n))
	} else {
		dst = append(dst, 0x81, 126, byte(n>>8), byte(n))
	}
	return append(append(dst, a...), b...)
}

// handshake answers one request head and returns its length, 0 when it is incomplete.
func (w *wall) handshake(fd int, b []byte) int {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0
	}
	const name = "\r\nsec-websocket-key:"
	at := bytes.Index(bytes.ToLower(b[:end]), []byte(name))
	if at < 0 {
		w.reply = append(w.reply, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"...)
		return end + 4
	}
	key, _, _ := bytes.Cut(b[at+len(name):end], []byte("\r\n"))
	sum := sha1.Sum(append(bytes.TrimSpace(key), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"...))
	w.reply = fmt.Appendf(w.reply, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	w.reply = appendText(w.reply, fmt.Appendf(nil, `0{"sid":"wall_engine_%08d","upgrades":[],"pingInterval":25000,`+
		`"pingTimeout":20000,"maxPayload":1000000}`, fd), nil)
	w.conns[fd].state = open
	return end + 4
}

// frame handles one client frame and returns its length, 0 when it is incomplete.
func (w *wall) frame(fd int, b []byte) int {
	if len(b) < 6 {
		return 0
	}
	n, h := int(b[1]&127), 6
	switch n {
	case 126:
		if len(b) < 8 {
			return 0
		}
		n, h = int(binary.BigEndian.Uint16(b[2:])), 8
	case 127:
		if len(b) < 14 {
			return 0
		}
		n, h = int(binary.BigEndian.Uint64(b[2:])), 14
	}
	if len(b)-h < n {
		return 0
	}
	unmask(b[h:h+n], binary.LittleEndian.Uint32(b[h-4:]))
	if b[0]&15 == 8 {
		w.drop(fd)
		return len(b)
	}
	w.packet(fd, b[h:h+n])
	return h + n
}

func unmask(p []byte, key uint32) {
	k := uint64(key)<<32 | uint64(key)
	for len(p) >= 8 {
		binary.LittleEndian.PutUint64(p, binary.LittleEndian.Uint64(p)^k)
		p = p[8:]
	}
	for i := range p {
		p[i] ^= byte(key >> (8 * (i & 3)))
	}
}

// packet answers one message: 40 is connect, 42 an event, the rest is not looked at.
func (w *wall) packet(fd int, p []byte) {
	switch {
	case len(p) < 2 || p[0] != '4':
	case p[1] == '0':
		w.reply = appendText(w.reply, fmt.Appendf(nil, `40{"sid":"wall_socket_%08d"}`, fd), nil)
		if c := &w.conns[fd]; c.state != joined {
			c.state, c.member = joined, uint32(len(w.members))
			w.members = append(w.members, int32(fd))
		}
	case len(p) < 5 || p[1] != '2':
	case p[2] != '[':
		w.acknowledge(p)
	case p[4] == 'e': // echo
		w.reply = appendText(w.reply, p, nil)
	case p[4] == 'b': // bcast
		w.room = appendText(w.room, p, nil)
	case p[4] == 'r': // room, its name, arguments
		const event = `42["room",`
		if i := bytes.IndexByte(p[min(len(event), len(p)):], ','); i >= 0 {
			w.room = appendText(w.room, p[:len(event)-1], p[len(event)+i:])
		}
	}
}

// acknowledge answers 42<id>["ack",args] with 43<id>[args], and other names with 43<id>[].
func (w *wall) acknowledge(p []byte) {
	i := bytes.IndexByte(p, '[')
	if i < 0 || len(p) < i+4 {
		return
	}
	args := []byte("]")
	if p[i+2] == 'a' {
		if j := bytes.IndexByte(p[i:], ','); j >= 0 {
			args = p[i+j+1:]
		}
	}
	p[1] = '3'
	w.reply = appendText(w.reply, p[:i+1], args)
}
