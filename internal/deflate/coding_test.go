package deflate

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPreferenceIsThatOfTheReference: the answers are those that npm accepts
// 1.3.8, on negotiator, gives for the list ["gzip", "deflate"].
func TestPreferenceIsThatOfTheReference(t *testing.T) {
	for header, want := range map[string]Coding{
		"":                               Identity,
		"gzip":                           Gzip,
		"GZIP":                           Gzip,
		"deflate":                        Deflate,
		"deflate, gzip":                  Deflate,
		"gzip, deflate, br":              Gzip,
		"gzip, deflate, br, zstd":        Gzip,
		"deflate;q=0.5, gzip;q=0.5":      Deflate,
		"gzip; q=0.3, deflate ; q=0.4":   Deflate,
		"gzip;q=0.4, deflate;q=0.399":    Gzip,
		"*":                              Gzip,
		"*;q=0":                          Identity,
		"*;q=0, deflate":                 Deflate,
		"gzip;q=0, *":                    Deflate,
		"deflate, *":                     Deflate,
		"*, deflate":                     Deflate,
		"identity;q=1, gzip;q=0.1":       Gzip,
		"identity;q=0":                   Identity,
		"gzip;q=0, deflate":              Deflate,
		"gzip;q=0":                       Identity,
		"gzip;q=0, gzip":                 Gzip,
		"br":                             Identity,
		"x-gzip":                         Identity,
		"gzip;q=abc":                     Identity,
		"deflate;q=1.0,gzip;foo=1;q=1":   Deflate,
		"gzip;q=0.001, deflate;q=0.0009": Gzip,
	} {
		var p Preference
		p.Add([]byte(header))
		if got := p.Best(); got != want {
			t.Errorf("%q: got %v, want %v", header, got, want)
		}
	}
}

func TestPreferenceOfSeveralHeaders(t *testing.T) {
	var p Preference
	p.Add([]byte("br, deflate;q=0.2"))
	p.Add([]byte("gzip;q=0.8"))
	if got := p.Best(); got != Gzip {
		t.Errorf("got %v", got)
	}
}

func TestContentsComeBack(t *testing.T) {
	e := NewEncoder(DefaultLevel)
	for _, want := range samples() {
		for range 2 { // the second time with a coder that was used
			for c, open := range map[Coding]func(io.Reader) (io.Reader, error){
				Identity: func(r io.Reader) (io.Reader, error) { return r, nil },
				Gzip:     func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) },
				Deflate:  func(r io.Reader) (io.Reader, error) { return zlib.NewReader(r) },
			} {
				out := e.Append([]byte("front"), want, c)
				r, err := open(bytes.NewReader(out[len("front"):]))
				require.NoError(t, err)
				got, err := io.ReadAll(r)
				if err != nil || !bytes.Equal(got, want) || !bytes.HasPrefix(out, []byte("front")) {
					t.Errorf("%v of %d bytes: got %d, %v", c, len(want), len(got), err)
				}
			}
		}
	}
}

func TestCodingNames(t *testing.T) {
	for c := Identity; c < codings; c++ {
		if got, ok := codingOf([]byte(strings.ToUpper(c.String()))); !ok || got != c {
			t.Errorf("%v: got %v, %v", c, got, ok)
		}
	}
}

func FuzzPreference(f *testing.F) {
	f.Add("gzip;q=0.5, *;q=0.1, deflate", "br")
	f.Fuzz(func(t *testing.T, a, b string) {
		var p Preference
		p.Add([]byte(a))
		p.Add([]byte(b))
		all := strings.ToLower(a + b)
		if c := p.Best(); c != Identity && !strings.Contains(all, c.String()) && !strings.Contains(all, "*") {
			t.Errorf("%q, %q: %v", a, b, c)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{4000, 64 << 10, 1 << 20} {
		src := bytes.Repeat(samples()[20], n/len(samples()[20])+1)[:n]
		b.Run(fmt.Sprint("bytes=", n), func(b *testing.B) {
			e := NewEncoder(DefaultLevel)
			var out []byte
			b.SetBytes(int64(n))
			for b.Loop() {
				out = e.Append(out[:0], src, Gzip)
			}
		})
	}
}
