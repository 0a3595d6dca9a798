package http1

import "bytes"

// Limits bounds a request head. A field that is zero means its default.
type Limits struct {
	// MaxHeaderBytes bounds the whole head, request line included; 16 KiB.
	MaxHeaderBytes int
	// MaxHeaders bounds the number of header lines; 100.
	MaxHeaders int
	// MaxTargetBytes bounds the request target; 8 KiB.
	MaxTargetBytes int
}

const (
	defaultHeaderBytes = 16 << 10
	defaultHeaders     = 100
	defaultTargetBytes = 8 << 10
	// startFields is the room of a new field table: browsers send 10 to 16.
	startFields = 16
)

// withDefaults returns l with the zero fields filled in.
func (l Limits) withDefaults() Limits {
	if l.MaxHeaderBytes <= 0 {
		l.MaxHeaderBytes = defaultHeaderBytes
	}
	if l.MaxHeaders <= 0 {
		l.MaxHeaders = defaultHeaders
	}
	if l.MaxTargetBytes <= 0 {
		l.MaxTargetBytes = defaultTargetBytes
	}
	return l
}

// Parser reads request heads, one after another. Call Init before use. It is
// not safe for concurrent use.
type Parser struct {
	lim   Limits
	pos   int // start of the line that is being read
	scan  int // bytes known not to hold the LF that is looked for
	lines int // lines taken so far, the request line included
	req   Request
}

// Init prepares p for the first head.
func (p *Parser) Init(l Limits) {
	p.lim = l.withDefaults()
	if p.req.fields == nil {
		p.req.fields = make([]field, 0, startFields)
	}
	p.Reset()
}

// Reset prepares p for the next head. It allocates nothing.
func (p *Parser) Reset() {
	p.pos, p.scan, p.lines = 0, 0, 0
	p.req.reset()
}

// Request returns the head that Feed reported done. It is valid until the next
// Reset, and its views as long as the bytes they lie in.
func (p *Parser) Request() *Request { return &p.req }

// Started reports whether b, what was received so far, holds anything of a
// request: an empty line in front of it does not count (RFC 9112 section 2.2).
func Started(b []byte) bool {
	return len(b) > 2 || len(b) > 0 && b[0] != '\r'
}

// Feed reads on. b holds everything received of the request since its first
// byte, so in each call at least what it held in the one before; it may lie
// somewhere else. n is the length of the head once done is true: what follows
// is the body, or the next request.
//
// An error is always an [*Error]. Its place does not depend on how the bytes
// were cut. Ownership: Feed keeps b only in the views of Request.
func (p *Parser) Feed(b []byte) (n int, done bool, err error) {
	for {
		i := bytes.IndexByte(b[p.scan:], '\n')
		if i < 0 {
			p.scan = len(b)
			return 0, false, p.checkPartial(b)
		}
		end := p.scan + i
		if end >= p.lim.MaxHeaderBytes {
			return 0, false, p.tooLarge(b)
		}
		if end == p.pos || b[end-1] != '\r' {
			return 0, false, ErrBareLF
		}
		line := b[p.pos : end-1]
		start := p.pos
		p.pos, p.scan = end+1, end+1
		switch {
		case p.lines == 0 && len(line) == 0 && start == 0:
			// One empty line in front is what some old clients send.
			continue
		case p.lines == 0:
			err = p.requestLine(line)
		case len(line) == 0:
			p.bind(b[:end+1])
			return end + 1, true, p.finish()
		default:
			err = p.field(b, line, start)
		}
		if err != nil {
			return 0, false, err
		}
		p.lines++
	}
}

// checkPartial looks at what can be said before the line is whole: b has no
// further LF.
func (p *Parser) checkPartial(b []byte) error {
	if len(b) >= p.lim.MaxHeaderBytes {
		return p.tooLarge(b)
	}
	return nil
}

// tooLarge tells a long target from a long head.
func (p *Parser) tooLarge(b []byte) error {
	if p.lines > 0 {
		return ErrHeadTooLarge
	}
	line := b[p.pos:min(len(b), p.lim.MaxHeaderBytes)]
	if i := bytes.IndexByte(line, ' '); i > 0 && len(line)-i > p.lim.MaxTargetBytes {
		return ErrTargetTooLong
	}
	return ErrHeadTooLarge
}

// requestLine takes "METHOD target HTTP/1.x". The views it stores may not
// outlive this call of Feed: of them only the lengths count, for bind.
func (p *Parser) requestLine(line []byte) error {
	m := bytes.IndexByte(line, ' ')
	v := bytes.LastIndexByte(line, ' ')
	if m <= 0 || v == m || !all(line[:m], isToken) {
		return ErrRequestLine
	}
	target, version := line[m+1:v], line[v+1:]
	if len(target) > p.lim.MaxTargetBytes {
		return ErrTargetTooLong
	}
	if err := p.version(version); err != nil {
		return err
	}
	if len(target) == 0 || !all(target, isTarget) {
		return ErrRequestLine
	}
	// Only the forms that an origin server of paths can serve. A second slash
	// would make the rest an authority to some, a path to others.
	isPath := target[0] == '/' && (len(target) == 1 || target[1] != '/')
	if !isPath && !(string(target) == "*" && string(line[:m]) == "OPTIONS") {
		return ErrTarget
	}
	p.req.Method, p.req.Target = line[:m], target
	return nil
}

// version takes "HTTP/x.y".
func (p *Parser) version(v []byte) error {
	if len(v) != 8 || string(v[:5]) != "HTTP/" || v[6] != '.' ||
		v[5] < '0' || v[5] > '9' || v[7] < '0' || v[7] > '9' {
		return ErrRequestLine
	}
	if v[5] != '1' || v[7] > '1' {
		return ErrVersion
	}
	p.req.Minor = int(v[7] - '0')
	return nil
}

// field takes one header line, which begins at b[start].
func (p *Parser) field(b, line []byte, start int) error {
	if line[0] == ' ' || line[0] == '\t' {
		return ErrFolded
	}
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !all(line[:colon], isToken) {
		return ErrFieldName
	}
	if len(p.req.fields) >= p.lim.MaxHeaders {
		return ErrTooManyFields
	}
	value := trim(line[colon+1:])
	if !validValue(value) {
		return ErrFieldValue
	}
	at := start + colon + 1
	if len(value) > 0 {
		for b[at] == ' ' || b[at] == '\t' {
			at++
		}
	}
	p.req.fields = append(p.req.fields, field{
		name: uint32(start), nameLen: uint32(colon),
		value: uint32(at), valLen: uint32(len(value)),
	})
	return p.req.note(line[:colon], value)
}

// bind makes the views of the request lie in head.
func (p *Parser) bind(head []byte) {
	r := &p.req
	r.head = head
	at := 0
	if head[0] == '\r' {
		at = 2
	}
	m, t := len(r.Method), len(r.Target)
	r.Method = head[at : at+m : at+m]
	r.Target = head[at+m+1 : at+m+1+t : at+m+1+t]
}

// Rebase tells that the head was copied to b: the views of Request lie there
// from now on. b must begin with the bytes of [Request.Head].
func (p *Parser) Rebase(b []byte) { p.bind(b[:len(p.req.head)]) }
