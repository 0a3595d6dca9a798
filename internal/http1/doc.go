// Package http1 reads HTTP/1.1 requests and writes responses, over byte slices
// and nothing else: no I/O, no goroutine, no allocation.
//
// [Parser] reads a request head, [Body] decodes what follows it. Both may be
// fed in pieces cut at any byte and come to the same result as when fed whole.
// [Request] is a view into the bytes that the head was read from.
//
// The reader is strict where being lenient lets two parties disagree about
// where a message ends (RFC 9112 section 11.2): a bare LF or CR, a folded
// header, space in front of a colon, Content-Length together with
// Transfer-Encoding, a length given twice, a chunk size that is anything but
// hexadecimal digits are errors. An [Error] carries the status to answer with;
// after any of them the connection must be closed, because the end of the
// message is not known.
//
// Ownership: every []byte that is passed in is only read, and not kept but in
// the views named here. Every []byte that [Request], [Body] and the query
// helpers return is such a view, valid as long as the bytes that were passed
// in; Append functions return dst, grown.
package http1
