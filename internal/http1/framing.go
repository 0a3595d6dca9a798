package http1

// maxLengthDigits keeps a Content-Length within int64: 10^18 - 1.
const maxLengthDigits = 18

// note looks at the headers that decide about the connection and the body.
func (r *Request) note(name, value []byte) error {
	switch len(name) {
	case len("Host"):
		if EqualFold(name, "host") {
			return r.noteHost(value)
		}
	case len("Expect"):
		if EqualFold(name, "expect") {
			return r.noteExpect(value)
		}
	case len("Connection"):
		if EqualFold(name, "connection") {
			r.noteConnection(value)
		}
	case len("Content-Length"):
		if EqualFold(name, "content-length") {
			return r.noteLength(value)
		}
	case len("Transfer-Encoding"):
		if EqualFold(name, "transfer-encoding") {
			return r.noteCoding(value)
		}
	}
	return nil
}

func (r *Request) noteHost(value []byte) error {
	if r.flags&hasHost != 0 || !all(value, isHost) {
		return ErrHost
	}
	r.flags |= hasHost
	return nil
}

func (r *Request) noteExpect(value []byte) error {
	if !EqualFold(value, "100-continue") {
		return ErrExpectation
	}
	// RFC 9110 section 10.1.1: HTTP/1.0 clients do not know 100.
	if r.Minor > 0 {
		r.flags |= expectContinue
	}
	return nil
}

func (r *Request) noteConnection(list []byte) {
	for len(list) > 0 {
		var item []byte
		item, list = cutComma(list)
		switch {
		case EqualFold(item, "close"):
			r.flags |= connClose
		case EqualFold(item, "keep-alive"):
			r.flags |= connKeepAlive
		case EqualFold(item, "upgrade"):
			r.flags |= connUpgrade
		}
	}
}

// noteLength takes digits and nothing else. A list of equal values, which RFC
// 9112 section 6.3 lets one accept, is refused: nobody sends it honestly.
func (r *Request) noteLength(value []byte) error {
	if r.flags&hasLength != 0 || len(value) == 0 || len(value) > maxLengthDigits {
		return ErrContentLength
	}
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' {
			return ErrContentLength
		}
		n = n*10 + int64(c-'0')
	}
	r.length = n
	r.flags |= hasLength
	return nil
}

// noteCoding takes "chunked". Other codings are legal in front of it but
// nobody sends them to a server unasked.
func (r *Request) noteCoding(list []byte) error {
	if r.flags&isChunked != 0 || len(list) == 0 {
		return ErrTransferEncoding
	}
	unknown := false
	for list != nil {
		var item []byte
		item, list = cutComma(list)
		switch {
		case r.flags&isChunked != 0: // chunked must be the last, and once
			return ErrTransferEncoding
		case EqualFold(item, "chunked"):
			r.flags |= isChunked
		case len(item) == 0 || !all(item, isToken):
			return ErrTransferEncoding
		default:
			unknown = true
		}
	}
	if unknown {
		return ErrTransferCoding
	}
	return nil
}

// finish checks what can only be said of the whole head.
func (p *Parser) finish() error {
	r := &p.req
	switch {
	case r.Minor > 0 && r.flags&hasHost == 0:
		return ErrHost
	case r.flags&isChunked == 0:
		return nil
	case r.flags&hasLength != 0:
		return ErrAmbiguousLength
	case r.Minor == 0: // RFC 9112 section 6.1: the framing is faulty
		return ErrTransferEncoding
	}
	r.length = -1
	return nil
}
