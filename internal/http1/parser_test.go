package http1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A vector is one input of testdata/*.txt and what must come out of it:
//
//	# name
//	> bytes as a quoted Go string, several lines are joined
//	= what becomes of it, as transcript writes it, line by line
type vector struct {
	name, input string
	want        []string
}

func readVectors(t testing.TB, file string) (vs []vector) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	for i, line := range strings.Split(string(b), "\n") {
		switch {
		case line == "" || strings.HasPrefix(line, "//"):
			continue
		case strings.HasPrefix(line, "# "):
			vs = append(vs, vector{name: line[2:]})
			continue
		}
		require.NotEmpty(t, vs, "line %d", i+1)
		v := &vs[len(vs)-1]
		switch {
		case strings.HasPrefix(line, "> "):
			s, err := unquote(line[2:])
			require.NoError(t, err, "line %d", i+1)
			v.input += s
		case strings.HasPrefix(line, "= "):
			v.want = append(v.want, line[2:])
		default:
			require.Fail(t, "malformed vector file", "%s line %d", file, i+1)
		}
	}
	return vs
}

// unquote takes a Go string, or N*string for one that is repeated.
func unquote(s string) (string, error) {
	times := 1
	if n, rest, ok := strings.Cut(s, "*"); ok && n != "" && n[0] != '"' {
		var err error
		if times, err = strconv.Atoi(n); err != nil {
			return "", err
		}
		s = rest
	}
	s, err := strconv.Unquote(s)
	return strings.Repeat(s, times), err
}

// transcript runs all requests of the pieces, received one after another, and
// says what they were. It stops at the first error, as a server must.
func transcript(lim Limits, pieces ...string) (out []string) {
	var p Parser
	p.Init(lim)
	var body Body
	var in, data []byte
	inBody := false
	for _, piece := range pieces {
		in = append(in, piece...)
		for {
			if inBody {
				n, chunk, done, err := body.Next(in)
				data = append(data, chunk...)
				in = in[n:]
				if err != nil {
					return append(out, verdict(err))
				}
				if !done && len(in) > 0 {
					continue
				}
				if !done {
					break
				}
				out = append(out, fmt.Sprintf("body %q", data))
				inBody, data = false, nil
				p.Reset()
				continue
			}
			n, done, err := p.Feed(in)
			if err != nil {
				return append(out, verdict(err))
			}
			if !done {
				break
			}
			out = append(out, describe(p.Request()))
			body.Init(p.Request())
			in, inBody = in[n:], true
		}
	}
	switch {
	case inBody:
		out = append(out, "incomplete body")
	case Started(in):
		out = append(out, "incomplete head")
	}
	return out
}

func verdict(err error) string {
	var e *Error
	if !errors.As(err, &e) {
		return "untyped error " + err.Error()
	}
	return fmt.Sprintf("%d %s", e.Status, e.text)
}

func describe(r *Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s 1.%d", r.Method, r.Target, r.Minor)
	for i := range r.HeaderCount() {
		name, value := r.HeaderAt(i)
		fmt.Fprintf(&b, " %s=%q", name, value)
	}
	for _, f := range []struct {
		on   bool
		name string
	}{
		{!r.KeepAlive(), "close"}, {r.ExpectContinue(), "expect"}, {r.IsUpgrade("websocket"), "upgrade"},
	} {
		if f.on {
			b.WriteString(" +" + f.name)
		}
	}
	return b.String()
}

// vectorFiles are run whole, split in two at every offset, and byte by byte.
var vectorFiles = []string{"requests.txt", "bodies.txt", "smuggling.txt"}

func TestVectors(t *testing.T) {
	for _, file := range vectorFiles {
		for _, v := range readVectors(t, file) {
			t.Run(file+"/"+v.name, func(t *testing.T) {
				checkTranscript(t, "whole", v.want, transcript(Limits{}, v.input))
				checkTranscript(t, "byte by byte", v.want, transcript(Limits{}, strings.Split(v.input, "")...))
				for i := 1; i < len(v.input); i++ {
					got := transcript(Limits{}, v.input[:i], v.input[i:])
					if !checkTranscript(t, fmt.Sprintf("split at %d", i), v.want, got) {
						return
					}
				}
			})
		}
	}
}

func checkTranscript(t *testing.T, how string, want, got []string) bool {
	t.Helper()
	if strings.Join(got, "\n") == strings.Join(want, "\n") {
		return true
	}
	t.Errorf("%s:\ngot  %s\nwant %s", how, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	return false
}

// TestSmugglingRefused says of the third file what its name promises: nothing
// in it is understood to its end, and there are enough of them.
func TestSmugglingRefused(t *testing.T) {
	vs := readVectors(t, "smuggling.txt")
	if len(vs) < 60 {
		t.Errorf("%d smuggling vectors, want at least 60", len(vs))
	}
	for _, v := range vs {
		last := v.want[len(v.want)-1]
		if len(last) < 4 || (last[0] != '4' && last[0] != '5') || last[3] != ' ' {
			t.Errorf("%s ends in %q, want an error", v.name, last)
		}
		if strings.Contains(strings.Join(v.want, "\n"), "/smuggled") {
			t.Errorf("%s: the hidden request was seen", v.name)
		}
	}
}

func head(lines ...string) string {
	return "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Join(lines, "")
}

// TestLimits checks each limit at L, which passes, and at L+1, which does not.
func TestLimits(t *testing.T) {
	lim := Limits{MaxHeaderBytes: 400, MaxHeaders: 5, MaxTargetBytes: 100}
	request := func(target, extra int) string {
		s := "GET /" + strings.Repeat("t", target-1) + " HTTP/1.1\r\nHost: a\r\n"
		return s + "X: " + strings.Repeat("x", extra-len(s)-7) + "\r\n\r\n"
	}
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"target at the limit", request(100, 200), nil},
		{"target above", request(101, 200), ErrTargetTooLong},
		{"target above the head limit", "GET /" + strings.Repeat("t", 500), ErrTargetTooLong},
		{"endless method", strings.Repeat("G", 500), ErrHeadTooLarge},
		{"head at the limit", request(10, 400), nil},
		{"head above", request(10, 401), ErrHeadTooLarge},
		{"unfinished head above", request(10, 600)[:420], ErrHeadTooLarge},
		{"fields at the limit", head(strings.Repeat("A: b\r\n", 4), "\r\n"), nil},
		{"fields above", head(strings.Repeat("A: b\r\n", 5), "\r\n"), ErrTooManyFields},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{len(tt.in), 1, 7} {
				if err := feedAll(lim, tt.in, step); !errors.Is(err, tt.want) {
					t.Errorf("in steps of %d: got %v, want %v", step, err, tt.want)
				}
			}
		})
	}
}

// feedAll returns the error of feeding in piece by piece, or one that says
// that the head did not end.
func feedAll(lim Limits, in string, step int) error {
	var p Parser
	p.Init(lim)
	for end := step; ; end += step {
		end = min(end, len(in))
		_, done, err := p.Feed([]byte(in[:end]))
		if err != nil || done {
			return err
		}
		if end == len(in) {
			return errors.New("head did not end")
		}
	}
}

func TestRequestViews(t *testing.T) {
	var p Parser
	p.Init(Limits{})
	in := []byte("\r\nGET /a/b?x=1&y HTTP/1.1\r\nhOST: h\r\nEmpty:\r\nTwo: 1\r\ntwo: 2\r\n\r\nrest")
	n, done, err := p.Feed(in)
	require.NoError(t, err)
	require.True(t, done)
	if got := string(in[n:]); got != "rest" {
		t.Errorf("behind the head: got %q, want %q", got, "rest")
	}
	moved := append([]byte("another place: ")[:0:0], in[:n]...)
	p.Rebase(moved)
	clear(in)
	r := p.Request()
	for _, tt := range []struct{ what, got, want string }{
		{"Method", string(r.Method), "GET"},
		{"Path", string(r.Path()), "/a/b"},
		{"RawQuery", string(r.RawQuery()), "x=1&y"},
		{"Header(Host)", string(r.Header("Host")), "h"},
		{"first of two", string(r.Header("TWO")), "1"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, tt.got, tt.want)
		}
	}
	if v := r.Header("Empty"); v == nil || len(v) != 0 {
		t.Errorf("Header(Empty): got %#v, want empty but not nil", v)
	}
	if v := r.Header("Absent"); v != nil {
		t.Errorf("Header(Absent): got %q, want nil", v)
	}
}

func TestKeepAlive(t *testing.T) {
	for _, tt := range []struct {
		version, connection string
		want                bool
	}{
		{"1.1", "", true}, {"1.1", "close", false}, {"1.1", "Close", false},
		{"1.1", "keep-alive", true}, {"1.1", "keep-alive, close", false}, {"1.1", "x , CLOSE,", false},
		{"1.0", "", false}, {"1.0", "Keep-Alive", true}, {"1.0", "close", false},
	} {
		var p Parser
		p.Init(Limits{})
		_, done, err := p.Feed([]byte("GET / HTTP/" + tt.version + "\r\nHost: a\r\nConnection: " + tt.connection + "\r\n\r\n"))
		require.NoError(t, err)
		require.True(t, done)
		if got := p.Request().KeepAlive(); got != tt.want {
			t.Errorf("HTTP/%s with Connection: %q: KeepAlive() = %t, want %t", tt.version, tt.connection, got, tt.want)
		}
	}
}
