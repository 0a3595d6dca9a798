// Package deflate holds what the protocols need of DEFLATE (RFC 1951): the
// negotiation and the messages of permessage-deflate (RFC 7692) for WebSockets,
// and the content codings gzip and deflate of HTTP (RFC 9110 section 8.4.1).
//
// It is pure: bytes go in, bytes come out. The coding itself is that of
// github.com/klauspost/compress. Compressors and decompressors are large, some
// 700 KiB and 40 KiB, so nobody owns one: they are taken out of a pool for one
// message, and what a connection keeps between two messages, when it was agreed
// that it may, is the last bytes of what was said (its context), given in and
// handed on by the caller.
package deflate
