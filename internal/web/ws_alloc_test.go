//go:build !race

package web

import (
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// TestWSAllocsDirect: whole messages reach the handler without an allocation.
func TestWSAllocsDirect(t *testing.T) {
	var got int
	c := &WSConn{h: &wsFuncs{message: func(_ *WSConn, b []byte, _ bool) { got += len(b) }}}
	c.terms = (&WSOptions{}).terms(deflate.Params{}, false)
	b := wsframe.AppendMasked(nil, fin|text, 0, []byte(strings.Repeat("x", 100)))
	b = wsframe.AppendMasked(b, fin|bin, 0, []byte(strings.Repeat("\xff", 100)))
	b = wsframe.AppendMasked(b, fin|text, 0, []byte(strings.Repeat("é", 50)))
	if n := testing.AllocsPerRun(100, func() { c.OnData(nil, b) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
	if got != 101*300 {
		t.Errorf("got %d bytes", got)
	}
}

func TestUpgradeAllocs(t *testing.T) {
	var p http1.Parser
	p.Init(http1.Limits{})
	_, done, err := p.Feed(wsRequest("\r\n\r\n|\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"))
	if !done || err != nil {
		t.Fatal(done, err)
	}
	o := WSOptions{Protocols: []string{"b"}}
	dst := make([]byte, 0, 500)
	n := testing.AllocsPerRun(100, func() {
		protocol, err := checkHandshake(p.Request(), &o)
		if err != nil {
			t.Fatal(err)
		}
		appendSwitch(dst, p.Request().Header("Sec-WebSocket-Key"), protocol, nil, nil)
	})
	if n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

// TestWSAllocsOnWire: an echo, a ping and a message in two pieces cost no
// allocation, on the way in and on the way out.
func TestWSAllocsOnWire(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
	p := s.dial(t)
	in := join(m(fin|text, "hello"), m(ping, "ping"), m(text, "hel"), m(fin|cont, "lo"))
	want := "\x81\x05hello\x8a\x04ping\x81\x05hello"
	buf := make([]byte, len(want))
	round := func() {
		if _, err := p.Write(in); err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(buf); {
			k, err := p.Conn.Read(buf[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += k
		}
		if string(buf) != want {
			t.Fatalf("got %q", buf)
		}
	}
	for range 100 {
		round()
	}
	// The runtime of the test itself allocates now and then.
	if n := testing.AllocsPerRun(2000, round); n > 0.01 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func BenchmarkWSOnData(b *testing.B) {
	c := &WSConn{h: &wsFuncs{message: func(*WSConn, []byte, bool) {}}}
	c.terms = (&WSOptions{}).terms(deflate.Params{}, false)
	in := wsframe.AppendMasked(nil, fin|text, 0, []byte(strings.Repeat("x", 64)))
	b.ReportAllocs()
	for b.Loop() {
		c.OnData(nil, in)
	}
}
