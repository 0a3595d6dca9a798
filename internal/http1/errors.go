package http1

// Error says why a request is refused. The values of this package are shared
// and compared by identity (errors.Is).
type Error struct {
	// Status is what to answer with before closing the connection.
	Status int
	text   string
}

// Error returns the reason, prefixed by the package.
func (e *Error) Error() string { return "http1: " + e.text }

// Errors of the head.
var (
	// ErrRequestLine: the first line is not "METHOD target HTTP/x.y".
	ErrRequestLine = &Error{400, "malformed request line"}
	// ErrTarget: absolute, authority and "//" forms are not served.
	ErrTarget = &Error{400, "request target is neither a path nor *"}
	// ErrBareLF: every line has to end in CRLF.
	ErrBareLF = &Error{400, "line feed without carriage return"}
	// ErrFolded: a line starts with white space (RFC 9112 section 5.2).
	ErrFolded = &Error{400, "folded header field"}
	// ErrFieldName: no colon, or something before it that is no token.
	ErrFieldName = &Error{400, "malformed header name"}
	// ErrFieldValue: NUL, CR and their like may neither come in nor go out.
	ErrFieldValue = &Error{400, "control character in header value"}
	// ErrHost: HTTP/1.1 asks for exactly one.
	ErrHost = &Error{400, "missing, repeated or malformed Host"}
	// ErrContentLength: anything but 1 to 18 digits, once.
	ErrContentLength = &Error{400, "malformed or repeated Content-Length"}
	// ErrTransferEncoding: chunked is not the last coding, or there twice.
	ErrTransferEncoding = &Error{400, "malformed or repeated Transfer-Encoding"}
	// ErrAmbiguousLength: the classic of request smuggling.
	ErrAmbiguousLength = &Error{400, "Content-Length together with Transfer-Encoding"}
	// ErrTargetTooLong: above Limits.MaxTargetBytes.
	ErrTargetTooLong = &Error{414, "request target too long"}
	// ErrExpectation: Expect asks for something other than 100-continue.
	ErrExpectation = &Error{417, "unknown expectation"}
	// ErrHeadTooLarge: above Limits.MaxHeaderBytes.
	ErrHeadTooLarge = &Error{431, "request head too large"}
	// ErrTooManyFields: above Limits.MaxHeaders.
	ErrTooManyFields = &Error{431, "too many header fields"}
	// ErrTransferCoding: a coding other than chunked, such as gzip.
	ErrTransferCoding = &Error{501, "unknown transfer coding"}
	// ErrVersion: neither HTTP/1.0 nor HTTP/1.1.
	ErrVersion = &Error{505, "HTTP version not supported"}
)

// Errors of the body.
var (
	// ErrChunkSize: anything but 1 to 16 hexadecimal digits below 2^63.
	ErrChunkSize = &Error{400, "malformed chunk size"}
	// ErrChunkEnd: there is more data than the size said.
	ErrChunkEnd = &Error{400, "chunk does not end in CRLF"}
	// ErrChunkExtension: control characters, or above 1 KiB in one body.
	ErrChunkExtension = &Error{400, "malformed or too long chunk extension"}
	// ErrTrailer: a line behind the last chunk is no header field.
	ErrTrailer = &Error{400, "malformed trailer"}
	// ErrTrailerTooLong: above 4 KiB.
	ErrTrailerTooLong = &Error{431, "trailer too long"}
)

// Errors for those who collect requests from a connection.
var (
	// ErrTimeout: the client is too slow in sending its request.
	ErrTimeout = &Error{408, "request took too long"}
	// ErrBodyTooLarge: above what the receiver of the body takes.
	ErrBodyTooLarge = &Error{413, "request body too large"}
)
