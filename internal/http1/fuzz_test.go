package http1

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func seed(f *testing.F) {
	for _, file := range vectorFiles {
		for _, v := range readVectors(f, file) {
			f.Add([]byte(v.input), uint16(7))
		}
	}
}

// FuzzHead checks that cuts do not matter, and that what is accepted here
// net/http reads as the same message with the same end.
func FuzzHead(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		s := string(in)
		whole := transcript(Limits{}, s)
		at := int(cut) % (len(s) + 1)
		if got := transcript(Limits{}, s[:at], s[at:]); strings.Join(got, "\n") != strings.Join(whole, "\n") {
			t.Errorf("cut at %d:\ngot  %q\nwant %q", at, got, whole)
		}
		compareWithNetHTTP(t, in)
	})
}

// FuzzBody does the same for chunked bodies, with a head that is always right.
func FuzzBody(f *testing.F) {
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, file := range vectorFiles {
		for _, v := range readVectors(f, file) {
			if _, body, ok := strings.Cut(v.input, "chunked\r\n\r\n"); ok {
				f.Add([]byte(body), uint16(3))
			}
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, cut uint16) {
		at := int(cut) % (len(in) + 1)
		whole := transcript(Limits{}, head+string(in))
		if got := transcript(Limits{}, head+string(in[:at]), string(in[at:])); strings.Join(got, "\n") != strings.Join(whole, "\n") {
			t.Errorf("cut at %d:\ngot  %q\nwant %q", at, got, whole)
		}
		compareWithNetHTTP(t, append([]byte(head), in...))
	})
}

// compareWithNetHTTP reads one message both ways. Refusing what net/http takes
// is fine. Taking what it refuses is not, and neither is another body or
// another end.
func compareWithNetHTTP(t *testing.T, in []byte) {
	var p Parser
	p.Init(Limits{})
	n, done, err := p.Feed(in)
	if !done || err != nil {
		return
	}
	r := p.Request()
	var body Body
	body.Init(r)
	var data []byte
	end := n
	for !body.Done() {
		c, chunk, _, err := body.Next(in[end:])
		data = append(data, chunk...)
		end += c
		if err != nil || c == 0 && !body.Done() {
			return
		}
	}
	if _, err := url.ParseRequestURI(string(r.Target)); err != nil && string(r.Target) != "*" {
		return // a bad escape: no boundary hangs on it
	}
	// The empty line in front, which RFC 9112 section 2.2 asks to skip.
	theirs := bytes.TrimPrefix(in, []byte("\r\n"))
	src := bufio.NewReaderSize(bytes.NewReader(theirs), 1<<20)
	req, err := http.ReadRequest(src)
	if err != nil {
		t.Errorf("accepted what net/http refuses: %v\n%q", err, in)
		return
	}
	got, err := io.ReadAll(req.Body)
	if err != nil {
		t.Errorf("accepted a body that net/http refuses: %v\n%q", err, in)
		return
	}
	rest, _ := io.ReadAll(src)
	if !bytes.Equal(got, data) || !bytes.Equal(rest, in[end:]) {
		t.Errorf("different boundary:\nours   %q then %q\ntheirs %q then %q", data, in[end:], got, rest)
	}
}

// FuzzQuery compares with net/url where that has an opinion.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"EIO=4&transport=polling", "a=%41+b&a=%zz", "&&=", "a%3d=1", "%", "a=%4", "%61=1&a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			QueryValue([]byte(raw), "a")
			return
		}
		for key, want := range values {
			got, ok := QueryValue([]byte(raw), key)
			if !ok && key == "" {
				continue // net/url drops empty pairs, we skip nothing
			}
			if !ok || string(got) != want[len(want)-1] && key != "" {
				t.Errorf("QueryValue(%q, %q) = %q, %t; want %q", raw, key, got, ok, want[len(want)-1])
			}
		}
	})
}
