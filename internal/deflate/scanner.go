package deflate

// scanner reads a list of extensions (RFC 6455 section 9.1):
//
//	list      = 1#extension
//	extension = token *( ";" token [ "=" ( token | quoted-string ) ] )
//
// where what is quoted must be a token, too.
type scanner struct {
	b    []byte
	word [maxQuoted]byte // a value that had escapes
}

// maxQuoted is the longest value that is unescaped: what we know is shorter.
const maxQuoted = 16

// next skips what separates elements and reports whether there is one more.
// Elements may be empty (RFC 9110 section 5.6.1.2).
func (s *scanner) next() bool {
	for s.blanks(); len(s.b) > 0 && s.b[0] == ','; s.blanks() {
		s.b = s.b[1:]
	}
	return len(s.b) > 0
}

// offer reads one element. ok is false when it is malformed.
func (s *scanner) offer() (o offer, ok bool) {
	name := s.token()
	if len(name) == 0 {
		return o, false
	}
	o.ours = string(name) == extension
	for s.take(';') {
		s.blanks()
		name := s.token()
		if len(name) == 0 {
			return o, false
		}
		var value []byte
		valued := s.take('=')
		if valued {
			s.blanks()
			if value = s.value(); len(value) == 0 {
				return o, false
			}
		}
		if o.ours {
			o.add(name, value, valued)
		}
	}
	s.blanks()
	return o, len(s.b) == 0 || s.b[0] == ','
}

// take takes c, with the blanks in front of it, off the input if it is there.
func (s *scanner) take(c byte) bool {
	s.blanks()
	if len(s.b) == 0 || s.b[0] != c {
		return false
	}
	s.b = s.b[1:]
	return true
}

func (s *scanner) blanks() {
	for len(s.b) > 0 && (s.b[0] == ' ' || s.b[0] == '\t') {
		s.b = s.b[1:]
	}
}

// token returns the token at the start of the input, which may be empty.
func (s *scanner) token() []byte {
	n := 0
	for n < len(s.b) && isTokenChar(s.b[n]) {
		n++
	}
	t := s.b[:n]
	s.b = s.b[n:]
	return t
}

// value returns the value of a parameter, nil when it is malformed.
func (s *scanner) value() []byte {
	if len(s.b) == 0 || s.b[0] != '"' {
		return s.token()
	}
	s.b = s.b[1:]
	v := s.word[:0]
	for len(s.b) > 0 {
		c := s.b[0]
		s.b = s.b[1:]
		if c == '"' {
			return v
		}
		if c == '\\' {
			if len(s.b) == 0 {
				return nil
			}
			c, s.b = s.b[0], s.b[1:]
		}
		if !isTokenChar(c) {
			return nil
		}
		if len(v) < maxQuoted { // what is longer is cut, and still no number
			v = append(v, c)
		}
	}
	return nil
}

// tokenChars marks the characters of a token (RFC 9110 section 5.6.2).
var tokenChars = func() (t [256]bool) {
	const chars = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	for i := range len(chars) {
		t[chars[i]] = true
	}
	return t
}()

func isTokenChar(c byte) bool { return tokenChars[c] }
