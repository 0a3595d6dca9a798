package deflate

import (
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
)

// Coding is a content coding of HTTP.
type Coding uint8

// The codings that there are. Deflate is what HTTP means by it: the format of
// zlib (RFC 9110 section 8.4.1.2).
const (
	Identity Coding = iota
	Gzip
	Deflate
	codings
)

var codingNames = [codings]string{"identity", "gzip", "deflate"}

// String returns the name that HTTP has for c.
func (c Coding) String() string { return codingNames[c] }

// codingOf returns the coding of that name, whatever its case. Ownership: name
// is only read.
func codingOf(name []byte) (Coding, bool) {
	for c := Identity; c < codings; c++ {
		if equalFold(name, codingNames[c]) {
			return c, true
		}
	}
	return Identity, false
}

// equalFold compares with a name in lower case.
func equalFold(b []byte, name string) bool {
	if len(b) != len(name) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// Preference collects what a client says in its Accept-Encoding headers. The
// zero value is a client that says nothing: it gets Identity.
type Preference struct {
	seen int // elements so far
	any  rank
	each [codings]rank
}

// rank is what was said of a coding.
type rank struct {
	said  bool
	q     uint16 // thousandths
	order int    // which element it was
}

// Add reads the value of one header (RFC 9110 section 12.5.3). Elements that
// are malformed count for nothing. Ownership: list is only read.
func (p *Preference) Add(list []byte) {
	for len(list) > 0 {
		s := scanner{}
		s.b, list = cutComma(list)
		s.blanks()
		name := s.token()
		r := rank{said: true, q: s.quality(), order: p.seen}
		p.seen++
		if s.blanks(); len(name) == 0 || len(s.b) > 0 {
			continue
		}
		at := &p.any
		if string(name) != "*" {
			c, known := codingOf(name)
			if !known {
				continue
			}
			at = &p.each[c]
		}
		if !at.said || r.q >= at.q {
			*at = r
		}
	}
}

// Best returns the coding that the client likes best of Gzip and Deflate, or
// Identity when it takes neither. Of two that it likes alike it is the one
// named by name, then the one named first, then Gzip: as in the reference,
// which asks the package negotiator.
func (p *Preference) Best() Coding {
	best, rank := Identity, rank{}
	named := false
	for _, c := range [...]Coding{Gzip, Deflate} {
		r := p.each[c]
		if !r.said {
			r = p.any
		}
		switch own := p.each[c].said; {
		case r.q == 0 || r.q < rank.q:
		case r.q > rank.q, own && !named, own == named && r.order < rank.order:
			best, rank, named = c, r, own
		}
	}
	return best
}

// quality reads the parameters of an element; what is no weight is skipped.
func (s *scanner) quality() uint16 {
	q := uint16(1000)
	for s.take(';') {
		s.blanks()
		name := s.token()
		if !s.take('=') {
			continue
		}
		s.blanks()
		if value := s.value(); equalFold(name, "q") {
			q = parseQuality(value)
		}
	}
	return q
}

// parseQuality reads a weight (RFC 9110 section 12.4.2) in thousandths; 0 when
// it is none.
func parseQuality(v []byte) uint16 {
	if len(v) == 0 || len(v) > len("0.123") || v[0] != '0' && v[0] != '1' || len(v) > 1 && v[1] != '.' {
		return 0
	}
	q := uint16(v[0]-'0') * 1000
	for i, unit := 2, uint16(100); i < len(v); i, unit = i+1, unit/10 {
		if v[i] < '0' || v[i] > '9' {
			return 0
		}
		q += uint16(v[i]-'0') * unit
	}
	return min(q, 1000)
}

// cutComma takes the first element off a list.
func cutComma(list []byte) (first, rest []byte) {
	for i, c := range list {
		if c == ',' {
			return list[:i], list[i+1:]
		}
	}
	return list, nil
}

// Encoder encodes contents at one level. It may be used from any goroutine.
type Encoder struct {
	level int
	pools [codings]sync.Pool
}

// NewEncoder returns an Encoder of a level from 1, fastest, to 9.
func NewEncoder(level int) *Encoder { return &Encoder{level: level} }

// coder is a compressor with the buffer it appends to.
type coder struct {
	io.WriteCloser
	reset func(io.Writer)
	out   []byte
}

// sink is a coder as what its compressor writes to.
type sink coder

func (s *sink) Write(p []byte) (int, error) {
	s.out = append(s.out, p...)
	return len(p), nil
}

// Append appends src in coding c. Ownership: src is only read; the result is
// the caller's.
func (e *Encoder) Append(dst, src []byte, c Coding) []byte {
	if c == Identity {
		return append(dst, src...)
	}
	w, ok := e.pools[c].Get().(*coder)
	if !ok {
		w = e.make(c)
	}
	w.out = dst
	w.reset((*sink)(w))
	// Neither fails: what they write to does not.
	_, _ = w.Write(src)
	_ = w.Close()
	dst, w.out = w.out, nil
	e.pools[c].Put(w)
	return dst
}

// make returns a new coder. The level was validated.
func (e *Encoder) make(c Coding) *coder {
	w := new(coder)
	if c == Gzip {
		z, _ := gzip.NewWriterLevel((*sink)(w), e.level)
		w.WriteCloser, w.reset = z, z.Reset
		return w
	}
	z, _ := zlib.NewWriterLevel((*sink)(w), e.level)
	w.WriteCloser, w.reset = z, z.Reset
	return w
}
