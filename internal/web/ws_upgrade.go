package web

import (
	"crypto/sha1"
	"encoding/base64"
	"slices"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/http1"
)

const (
	// wsGUID is what the server adds to the key (RFC 6455 section 1.3).
	wsGUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	// keyLen is the length of 16 bytes in base64.
	keyLen = 24
)

// HandshakeError is why a request for a WebSocket was refused: the status and
// the body of the answer, which are those of Node's ws package.
type HandshakeError struct {
	Status int
	Reason string
}

// Error returns the reason, prefixed by "websocket: ".
func (e *HandshakeError) Error() string { return "websocket: " + e.Reason }

// What is wrong with a handshake.
var (
	ErrHandshakeMethod   = &HandshakeError{405, "Invalid HTTP method"}
	ErrHandshakeUpgrade  = &HandshakeError{400, "Invalid Upgrade header"}
	ErrHandshakeKey      = &HandshakeError{400, "Missing or invalid Sec-WebSocket-Key header"}
	ErrHandshakeVersion  = &HandshakeError{400, "Missing or invalid Sec-WebSocket-Version header"}
	ErrHandshakeProtocol = &HandshakeError{400, "Invalid Sec-WebSocket-Protocol header"}
	ErrHandshakeBody     = &HandshakeError{400, "Unexpected request body"}
)

// Upgrade accepts the request as a WebSocket: it queues the 101, calls
// h.OnWSOpen, and h gets what follows. It may be called in OnRequest, in OnBody
// and on a parked exchange, and is an answer: x must not be used after it. A
// request that is no proper handshake is answered so, and the returned error,
// a *HandshakeError, says what was wrong; h is not called then.
func (x *Exchange) Upgrade(h WSHandler, o WSOptions) error {
	r := x.Request()
	protocol, err := checkHandshake(r, &o)
	if err != nil {
		var header []byte
		if err == ErrHandshakeVersion {
			header = []byte("Sec-WebSocket-Version: 13, 8\r\n")
		}
		x.refuse(err.Status, header, err.Reason)
		return err
	}
	f := frame.New()
	params, deflated := o.Deflate.negotiate(r)
	var extension *deflate.Params
	if deflated {
		extension = &params
	}
	f.B = appendSwitch(f.B, r.Header("Sec-WebSocket-Key"), protocol, extension, x.front.merge(o.Header, ""))
	x.sendRaw(f.SealRaw())

	c := &WSConn{h: h, terms: o.terms(params, deflated)}
	c.pc = x.switchTo(c)
	if o.MaxQueueBytes == 0 {
		o.MaxQueueBytes = defaultQueueBytes
	}
	c.pc.SetLimit(o.MaxQueueBytes, o.Overflow)
	h.OnWSOpen(c)
	return nil
}

// checkHandshake checks what RFC 6455 section 4.2.1 asks of a request, in the
// order of Node's ws, and selects the subprotocol.
//
// Ownership: protocol is part of the head.
func checkHandshake(r *http1.Request, o *WSOptions) (protocol []byte, _ *HandshakeError) {
	version := string(r.Header("Sec-WebSocket-Version"))
	switch {
	case string(r.Method) != "GET":
		return nil, ErrHandshakeMethod
	case !r.IsUpgrade("websocket"):
		return nil, ErrHandshakeUpgrade
	case !validKey(r.Header("Sec-WebSocket-Key")):
		return nil, ErrHandshakeKey
	case version != "13" && version != "8":
		return nil, ErrHandshakeVersion
	case r.ContentLength() != 0:
		return nil, ErrHandshakeBody
	}
	protocol, ok := selectProtocol(r, o)
	if !ok {
		return nil, ErrHandshakeProtocol
	}
	return protocol, nil
}

// validKey reports whether key is 16 bytes in base64.
func validKey(key []byte) bool {
	if len(key) != keyLen || key[22] != '=' || key[23] != '=' {
		return false
	}
	for _, c := range key[:22] {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '+' && c != '/' {
			return false
		}
	}
	return true
}

// selectProtocol returns the first offered subprotocol that o admits, or nil.
// ok is false when a list of offers is malformed.
func selectProtocol(r *http1.Request, o *WSOptions) (selected []byte, ok bool) {
	for i := range r.HeaderCount() {
		name, list := r.HeaderAt(i)
		if !http1.EqualFold(name, "Sec-WebSocket-Protocol") {
			continue
		}
		for more := true; more; {
			var offer []byte
			if offer, list, more = cutOffer(list); !http1.ValidName(string(offer)) {
				return nil, false
			}
			if selected == nil && (o.AnyProtocol || slices.Contains(o.Protocols, string(offer))) {
				selected = offer
			}
		}
	}
	return selected, true
}

// cutOffer takes the first element, without the blanks around it, off a list.
func cutOffer(list []byte) (offer, rest []byte, more bool) {
	end := slices.Index(list, ',')
	if end < 0 {
		return trimBlanks(list), nil, false
	}
	return trimBlanks(list[:end]), list[end+1:], true
}

func trimBlanks(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// appendSwitch appends the 101. deflated is nil without permessage-deflate.
func appendSwitch(dst, key, protocol []byte, deflated *deflate.Params, header []byte) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = appendAccept(dst, key)
	dst = append(dst, "\r\n"...)
	if protocol != nil {
		dst = append(dst, "Sec-WebSocket-Protocol: "...)
		dst = append(dst, protocol...)
		dst = append(dst, "\r\n"...)
	}
	if deflated != nil {
		dst = append(dst, "Sec-WebSocket-Extensions: "...)
		dst = deflated.AppendResponse(dst)
		dst = append(dst, "\r\n"...)
	}
	dst = append(dst, header...)
	return append(dst, "\r\n"...)
}

// appendAccept appends the answer to a valid key (RFC 6455 section 4.2.2).
func appendAccept(dst, key []byte) []byte {
	var in [keyLen + len(wsGUID)]byte
	copy(in[:], key)
	copy(in[keyLen:], wsGUID)
	sum := sha1.Sum(in[:])
	return base64.StdEncoding.AppendEncode(dst, sum[:])
}
