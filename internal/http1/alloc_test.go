//go:build !race

package http1

import (
	"strings"
	"testing"
	"time"
)

const pollRequest = "GET /socket.io/?EIO=4&transport=polling&t=abc.1&sid=lv_VI97HAXpY6yYWAAAB HTTP/1.1\r\n" +
	"Host: localhost:3000\r\nUser-Agent: node-XMLHttpRequest\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"

func TestNoAllocations(t *testing.T) {
	var p Parser
	var body Body
	p.Init(Limits{})
	get, chunked := []byte(pollRequest), []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x\r\nok\r\n0\r\nA: b\r\n\r\n")
	out := make([]byte, 0, 512)
	query := []byte("EIO=4&transport=polling&t=abc.1&sid=lv_VI97HAXpY6yYWAAAB")
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"head", func() {
			p.Reset()
			_, done, err := p.Feed(get)
			if r := p.Request(); !done || err != nil || r.Header("accept") == nil || !r.KeepAlive() {
				t.Error("head not understood")
			}
		}},
		{"chunked body", func() {
			p.Reset()
			n, _, _ := p.Feed(chunked)
			body.Init(p.Request())
			for rest := chunked[n:]; !body.Done(); {
				n, _, _, err := body.Next(rest)
				if err != nil {
					t.Error(err)
					return
				}
				rest = rest[n:]
			}
		}},
		{"query", func() {
			if v, ok := QueryValue(query, "sid"); !ok || len(v) != 20 {
				t.Error("no sid")
			}
		}},
		{"response", func() {
			b := AppendStatus(out[:0], 200)
			b, _ = AppendField(b, "Content-Type", "text/plain; charset=UTF-8")
			b, _ = AppendField(b, "X-Origin", query)
			AppendContentLength(b, 100)
		}},
	} {
		if n := testing.AllocsPerRun(100, tt.f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
	}
}

// TestLinear feeds the worst 8 KiB heads that the limits let in, byte by byte:
// no scan may start over. The bound is wide; quadratic work is a hundred times
// above it.
func TestLinear(t *testing.T) {
	for _, in := range []string{
		"GET /" + strings.Repeat("a", 8000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + strings.Repeat(", ", 4000) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat(" \t", 4000) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A:\r\n", 98) + "X: " + strings.Repeat("\xff", 7000) + "\r\n\r\n",
	} {
		var p Parser
		p.Init(Limits{})
		b := []byte(in)
		best := time.Hour
		for range 20 {
			p.Reset()
			start := time.Now()
			_, done, err := p.Feed(b)
			best = min(best, time.Since(start))
			if !done || err != nil {
				t.Fatalf("%.40q: %t, %v", in, done, err)
			}
		}
		if best > 200*time.Microsecond {
			t.Errorf("%.40q: whole took %v, want at most 200µs", in, best)
		}
		if err := feedAll(Limits{}, in, 1); err != nil {
			t.Errorf("%.40q: byte by byte: %v", in, err)
		}
	}
}
