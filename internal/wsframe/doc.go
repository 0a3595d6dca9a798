// Package wsframe reads and writes the framing of the WebSocket protocol
// (RFC 6455): headers, masks, UTF-8, close payloads. It is pure: no I/O, no
// goroutine, no allocation, nothing kept between calls but what the caller
// holds.
//
// There are two ways in. [ParseHeader] is stateless: a caller that has a whole
// frame in its buffer parses the header, unmasks the payload in place
// ([Mask], [MaskASCII]) and is done. [Reader] is for everything else: it may be
// fed any split of the stream, down to single bytes, checks the sequence of
// frames, the limits and the UTF-8 of text, and fails at the first byte that
// makes the stream wrong.
//
// Both sides of a connection are served: the zero [Rules] are a server's, which
// requires masked frames; [Client] turns them into a client's.
//
// None of the types is safe for concurrent use.
package wsframe
