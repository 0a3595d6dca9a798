package http1

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// chunkedBody returns a Body in front of its first chunk.
func chunkedBody(t testing.TB) *Body {
	var p Parser
	p.Init(Limits{})
	_, done, err := p.Feed([]byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"))
	require.NoError(t, err)
	require.True(t, done)
	b := new(Body)
	b.Init(p.Request())
	return b
}

// decode feeds in in pieces of step bytes.
func decode(b *Body, in string, step int) (data string, err error) {
	for len(in) > 0 {
		piece := in[:min(step, len(in))]
		n, chunk, done, err := b.Next([]byte(piece))
		data += string(chunk)
		if err != nil || done {
			return data, err
		}
		in = in[n:]
	}
	return data, errors.New("body did not end")
}

func TestChunkFloods(t *testing.T) {
	ext := func(n int) string { return strings.Repeat("e", n) }
	for _, tt := range []struct {
		name, in string
		want     error
	}{
		{"extension at the limit", "1;" + ext(maxExtensionBytes) + "\r\nx\r\n0\r\n\r\n", nil},
		{"extension above", "1;" + ext(maxExtensionBytes+1) + "\r\nx\r\n0\r\n\r\n", ErrChunkExtension},
		{"extensions add up", strings.Repeat("1;"+ext(100)+"\r\nx\r\n", maxExtensionBytes/100+1), ErrChunkExtension},
		{"trailer at the limit", "0\r\nA:" + ext(maxTrailerBytes-5) + "\r\n\r\n", nil},
		{"trailer above", "0\r\nA:" + ext(maxTrailerBytes) + "\r\n\r\n", ErrTrailerTooLong},
		{"trailer lines above", "0\r\n" + strings.Repeat("A:b\r\n", maxTrailerBytes/5+1), ErrTrailerTooLong},
		{"many small chunks", strings.Repeat("1\r\nx\r\n", 10000) + "0\r\n\r\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, step := range []int{len(tt.in), 1, 13} {
				if _, err := decode(chunkedBody(t), tt.in, step); !errors.Is(err, tt.want) {
					t.Errorf("in steps of %d: got %v, want %v", step, err, tt.want)
				}
			}
		})
	}
}

func TestBodyStopsAtItsEnd(t *testing.T) {
	b := chunkedBody(t)
	data, err := decode(b, "3\r\nabc\r\n0\r\n\r\n", 100)
	require.NoError(t, err)
	if data != "abc" {
		t.Errorf("got %q, want %q", data, "abc")
	}
	if n, chunk, done, err := b.Next([]byte("GET")); n != 0 || chunk != nil || !done || err != nil {
		t.Errorf("behind the end: Next = %d, %q, %t, %v; want 0, none, true, nil", n, chunk, done, err)
	}
	if !b.Done() {
		t.Error("Done() = false at the end")
	}
	var empty Body
	if !empty.Done() {
		t.Error("the zero Body is not done")
	}
}
