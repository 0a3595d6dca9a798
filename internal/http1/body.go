package http1

import "bytes"

// Limits of what a chunked body may hold beside its data.
const (
	// maxChunkDigits is what a 64-bit size needs; leading zeros count.
	maxChunkDigits = 16
	// maxExtensionBytes bounds the chunk extensions of one body together.
	// Nobody uses them but attackers (CVE-2023-39326 and its like).
	maxExtensionBytes = 1 << 10
	// maxTrailerBytes bounds the trailer, which is checked and dropped.
	maxTrailerBytes = 4 << 10
)

// bodyState says what the next byte of a body is.
//
//	bodyDone <- bodyData -> bodyDataCR -> bodyDataLF -> bodySize -> bodyExt
//	                ^                                       |          |
//	                +------------------- bodySizeLF <-------+----------+
//	                                          | size 0
//	                                          v
//	        bodyTrailer -> bodyName -> bodyValue -> bodyLineLF -> bodyTrailer -> bodyEndLF -> bodyDone
type bodyState uint8

const (
	bodyDone    bodyState = iota // terminal: all bytes were taken
	bodyData                     // bytes of the body, left of them in this chunk
	bodyDataCR                   // the CR behind a chunk
	bodyDataLF                   // the LF behind a chunk
	bodySize                     // a digit of a chunk size, or what ends it
	bodyExt                      // inside a chunk extension
	bodySizeLF                   // the LF that ends the line of the size
	bodyTrailer                  // first byte of a trailer line
	bodyName                     // in the name of a trailer field
	bodyValue                    // in the value of a trailer field
	bodyLineLF                   // the LF that ends a trailer line
	bodyEndLF                    // the LF of the empty line: the last byte
)

// Body decodes one request body from successive slices. The zero Body is an
// empty one that is done. It is not safe for concurrent use.
type Body struct {
	left    int64 // bytes of data still to come, in this chunk if chunked
	extra   int32 // extension bytes seen, then trailer bytes
	digits  int8  // of the chunk size
	state   bodyState
	chunked bool
}

// Init prepares b for the body that the head announces.
func (b *Body) Init(r *Request) {
	*b = Body{left: r.length, chunked: r.Chunked()}
	switch {
	case b.chunked:
		b.left, b.state = 0, bodySize
	case b.left > 0:
		b.state = bodyData
	}
}

// Done reports whether the body ended.
func (b *Body) Done() bool { return b.state == bodyDone }

// Left returns how many bytes of data are known to come: the rest of a
// Content-Length, or of the current chunk.
func (b *Body) Left() int64 { return b.left }

// Next takes from p. It returns how many bytes it consumed and the data among
// them, which is one run at the end of what was consumed, or empty. Call it
// again with the rest until done, or until p is used up. After an error, which
// is always an [*Error], b must not be used.
//
// Ownership: chunk is a view into p.
func (b *Body) Next(p []byte) (consumed int, chunk []byte, done bool, err error) {
	for i := 0; i < len(p); {
		switch b.state {
		case bodyDone:
			return i, nil, true, nil
		case bodyData:
			n := int64(len(p) - i)
			if n >= b.left {
				n = b.left
				b.state = bodyDone
				if b.chunked {
					b.state = bodyDataCR
				}
			}
			b.left -= n
			return i + int(n), p[i : i+int(n)], b.state == bodyDone, nil
		case bodyExt:
			n, err := b.extension(p[i:])
			if err != nil {
				return i, nil, false, err
			}
			i += n
		default:
			if err := b.step(p[i]); err != nil {
				return i, nil, false, err
			}
			i++
		}
	}
	return len(p), nil, b.state == bodyDone, nil
}

// extension skips bytes of a chunk extension up to and with its CR. The CR is
// the end even in a quoted string: no party may see it as anything else.
func (b *Body) extension(p []byte) (int, error) {
	n, ended := len(p), false
	if i := bytes.IndexByte(p, '\r'); i >= 0 {
		n, ended = i, true
	}
	b.extra += int32(min(n, maxExtensionBytes+1))
	if b.extra > maxExtensionBytes || !validValue(p[:n]) {
		return 0, ErrChunkExtension
	}
	if ended {
		b.state = bodySizeLF
		n++
	}
	return n, nil
}

// step takes one byte that is not data.
func (b *Body) step(c byte) error {
	switch b.state {
	case bodyDataCR:
		return b.expect(c, '\r', bodyDataLF, ErrChunkEnd)
	case bodyDataLF:
		b.digits = 0
		return b.expect(c, '\n', bodySize, ErrChunkEnd)
	case bodySize:
		return b.size(c)
	case bodySizeLF:
		next := bodyData
		if b.left == 0 {
			next, b.extra = bodyTrailer, 0
		}
		return b.expect(c, '\n', next, ErrChunkSize)
	case bodyEndLF:
		return b.expect(c, '\n', bodyDone, ErrTrailer)
	default:
		return b.trailer(c)
	}
}

func (b *Body) expect(got, want byte, next bodyState, err error) error {
	if got != want {
		return err
	}
	b.state = next
	return nil
}

// size takes a digit of the chunk size or what ends it: no sign, no prefix, no
// space (RFC 9112 section 7.1).
func (b *Body) size(c byte) error {
	switch {
	case class[c]&isHex != 0:
		if b.digits++; b.digits > maxChunkDigits || b.left>>59 != 0 {
			return ErrChunkSize
		}
		b.left = b.left<<4 | int64(hexValue(c))
		return nil
	case b.digits == 0:
		return ErrChunkSize
	case c == '\r':
		b.state = bodySizeLF
		return nil
	case c == ';':
		b.state = bodyExt
		return nil
	}
	return ErrChunkSize
}

// trailer takes one byte of the fields behind the last chunk. They are checked
// as headers are and then forgotten: none of ours means anything there.
func (b *Body) trailer(c byte) error {
	if b.extra++; b.extra > maxTrailerBytes {
		return ErrTrailerTooLong
	}
	switch {
	case b.state == bodyLineLF:
		return b.expect(c, '\n', bodyTrailer, ErrTrailer)
	case b.state == bodyTrailer && c == '\r':
		b.state = bodyEndLF
	case b.state == bodyValue && c == '\r':
		b.state = bodyLineLF
	case b.state == bodyValue && (c >= ' ' && c != 0x7f || c == '\t'):
	case b.state == bodyName && c == ':':
		b.state = bodyValue
	case b.state != bodyValue && class[c]&isToken != 0:
		b.state = bodyName
	default:
		return ErrTrailer
	}
	return nil
}

func hexValue(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return lower(c) - 'a' + 10
}
