package web

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

const (
	rsv1    = wsframe.RSV1
	pmd     = "permessage-deflate"
	noneOf2 = "; server_no_context_takeover; client_no_context_takeover"
	hello   = "\xf2\x48\xcd\xc9\xc9\x07\x00" // RFC 7692 section 7.2.3.1
)

// both is a policy with context on both sides, heard one with that of clients.
var (
	both  = deflate.Policy{ServerTakeover: true, ClientTakeover: true}
	heard = deflate.Policy{ClientTakeover: true}
)

// startDeflate starts a server that echoes.
func startDeflate(t *testing.T, o WSDeflateOptions, limit int64, h wsFuncs) (*wsServer, *WSDeflate) {
	t.Helper()
	if o.Level == 0 {
		o.Level = deflate.DefaultLevel
	}
	if h.message == nil {
		h.message = echo
	}
	d := NewWSDeflate(o)
	return startWS(t, poller.Config{}, WSOptions{Deflate: d, MaxMessageBytes: limit}, h), d
}

// deflateCases are what a client may send that agreed on permessage-deflate
// with takeover, to a server that takes messages of 100 bytes and whose echo is
// not compressed.
func deflateCases() []protocolCase {
	zip := func(b string) string {
		return string(deflate.NewDeflater(9).Append(nil, []byte(b), nil, deflate.MaxBits))
	}
	bye := m(shut, "")
	const end = `; close ""; eof`
	return []protocolCase{
		{"RFC 7.2.3.1, one frame", join(m(fin|rsv1|text, hello), bye), `text "Hello"` + end},
		{"RFC 7.2.3.1, two frames", join(m(rsv1|text, hello[:3]), m(fin|cont, hello[3:]), bye), `text "Hello"` + end},
		{"RFC 7.2.3.2, takeover", join(m(fin|rsv1|text, hello), m(fin|rsv1|text, "\xf2\x00\x11\x00\x00"), bye), `text "Hello"; text "Hello"` + end},
		{"RFC 7.2.3.3, not compressed", join(m(fin|rsv1|text, "\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00"), bye), `text "Hello"` + end},
		{"RFC 7.2.3.4, final block", join(m(fin|rsv1|text, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00"), bye), `text "Hello"` + end},
		{"RFC 7.2.3.5, two blocks", join(m(fin|rsv1|text, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00"), bye), `text "Hello"` + end},
		{"RFC 7.2.3.6, empty", join(m(fin|rsv1|text, "\x00"), bye), `text ""` + end},
		{"a plain message between", join(m(fin|rsv1|text, hello), m(fin|text, "plain"), m(fin|rsv1|text, "\xf2\x00\x11\x00\x00"), bye), `text "Hello"; text "plain"; text "Hello"` + end},
		{"binary", join(m(fin|rsv1|bin, zip("\xff\xfe")), bye), `binary "\xff\xfe"` + end},
		{"a ping between the fragments", join(m(rsv1|text, hello[:3]), m(ping, "p"), m(fin|cont, hello[3:]), bye), `pong "p"; text "Hello"` + end},
		{"empty fragments", join(m(rsv1|text, ""), m(cont, hello), m(fin|cont, ""), bye), `text "Hello"` + end},
		{"after our close", join(bye, m(fin|rsv1|text, hello)), `close ""; eof`},

		{"RSV1 on a continuation", join(m(rsv1|text, hello[:3]), m(fin|rsv1|cont, hello[3:])), "close 1002; eof"},
		{"RSV1 on a continuation of a plain message", join(m(text, "a"), m(fin|rsv1|cont, hello)), "close 1002; eof"},
		{"RSV1 on a ping", m(rsv1|ping, ""), "close 1002; eof"},
		{"RSV1 on a pong", m(rsv1|pong, ""), "close 1002; eof"},
		{"RSV1 on a close", m(rsv1|shut, ""), "close 1002; eof"},
		{"RSV2", m(fin|text|0x20, ""), "close 1002; eof"},
		{"RSV3 and RSV1", m(fin|rsv1|text|0x10, hello), "close 1002; eof"},
		{"no DEFLATE", m(fin|rsv1|text, "\x06"), "close 1007; eof"},
		{"cut", m(fin|rsv1|text, "\x00\x05\x00\xfa\xff\x48"), "close 1007; eof"},
		{"a distance beyond the context", m(fin|rsv1|text, "\xf2\x00\x11\x00\x00"), "close 1007; eof"},
		{"UTF-8", join(m(fin|rsv1|text, zip("κόσμε")), bye), `text "κόσμε"` + end},
		{"no UTF-8", m(fin|rsv1|text, zip("\xff")), "close 1007; eof"},
		{"UTF-8 that is cut", m(fin|rsv1|text, zip("\xce")), "close 1007; eof"},
		{"at the limit", join(m(fin|rsv1|text, zip(strings.Repeat("x", 100))), bye), "text " + short(bytes.Repeat([]byte("x"), 100)) + end},
		{"above the limit", m(fin|rsv1|text, zip(strings.Repeat("x", 101))), "close 1009; eof"},
		{"far above the limit, in fragments", join(m(rsv1|text, zip(strings.Repeat("x", 9000))[:20]), m(fin|cont, zip(strings.Repeat("x", 9000))[20:])), "close 1009; eof"},
	}
}

func TestWSDeflateProtocol(t *testing.T) {
	s, _ := startDeflate(t, WSDeflateOptions{Policy: heard, Threshold: 1000}, 100, wsFuncs{})
	for _, tc := range deflateCases() {
		p, accepted := s.dialOffering(t, pmd)
		if accepted != pmd+"; server_no_context_takeover" {
			t.Fatalf("agreed on %q", accepted)
		}
		p.write(t, tc.in)
		if got := p.all(); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
		s.end(t)
		_ = p.Close()
	}
	s.noMoreEnds(t)
}

// TestWSDeflateSplitAnywhere hands each of them to the connection in two parts,
// cut at every byte, and byte by byte.
func TestWSDeflateSplitAnywhere(t *testing.T) {
	var conn *WSConn
	s, _ := startDeflate(t, WSDeflateOptions{Policy: heard, Threshold: 1000}, 100, wsFuncs{open: func(c *WSConn) { conn = c }})
	for _, tc := range deflateCases() {
		for cut := 1; cut <= len(tc.in); cut++ {
			parts := [][]byte{tc.in[:cut], tc.in[cut:]}
			if cut == len(tc.in) {
				parts = nil
				for i := range tc.in {
					parts = append(parts, tc.in[i:i+1])
				}
			}
			p, _ := s.dialOffering(t, pmd)
			s.onLoop(t, func() {
				for _, part := range parts {
					if conn.state != wsDone {
						conn.OnData(conn.pc, bytes.Clone(part))
					}
				}
			})
			if got := p.all(); got != tc.want {
				t.Errorf("%s, cut at %d: got %s, want %s", tc.name, cut, got, tc.want)
			}
			s.end(t)
			_ = p.Close()
		}
	}
}

func TestWSDeflateNegotiation(t *testing.T) {
	for _, test := range []struct {
		policy          deflate.Policy
		offer, accepted string
	}{
		{deflate.Policy{}, "", ""},
		{deflate.Policy{}, pmd + "; client_max_window_bits", pmd + noneOf2},
		{deflate.Policy{}, pmd + "; server_max_window_bits=99", ""},
		{deflate.Policy{}, pmd + "; ;", ""},
		{deflate.Policy{}, "x\r\nSec-WebSocket-Extensions: " + pmd, pmd + noneOf2},
		{deflate.Policy{}, pmd + "\r\nSec-WebSocket-Extensions: ;", ""},
		{both, pmd + "; server_max_window_bits=9, " + pmd, pmd + "; server_max_window_bits=9"},
	} {
		s, d := startDeflate(t, WSDeflateOptions{Policy: test.policy, Threshold: 1}, 0, wsFuncs{})
		p, accepted := s.dialOffering(t, test.offer)
		if accepted != test.accepted {
			t.Errorf("%+v, %q: got %q, want %q", test.policy, test.offer, accepted, test.accepted)
		}
		// What was not agreed on is not understood.
		p.write(t, m(fin|rsv1|text, hello))
		got, _ := p.next()
		if (got == "close 1002") != (test.accepted == "") {
			t.Errorf("%q: a compressed message is answered by %s", test.offer, got)
		}
		_ = p.Close()
		s.end(t)
		if n := d.conns.Load(); n != 0 {
			t.Errorf("%d connections are still counted", n)
		}
	}
}

// letters is text that compresses, noise is not.
func letters(n int) string { return strings.Repeat("The quick brown fox. ", n/21+1)[:n] }

func noise(n int) string {
	r := rand.New(rand.NewPCG(5, 6))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// inflated reads a frame, which may be compressed in context.
func (p *wsPeer) inflated(t *testing.T, context string) (text string, compressed bool) {
	t.Helper()
	f, err := p.frame()
	require.NoError(t, err)
	if f.first&byte(rsv1) == 0 {
		return string(f.payload), false
	}
	z := deflate.NewInflater()
	defer z.Release()
	require.NoError(t, z.Inflate(f.payload, []byte(context), 1<<26, 0))
	return string(z.Out), true
}

func TestWSDeflateCompressesFromTheThresholdOn(t *testing.T) {
	s, d := startDeflate(t, WSDeflateOptions{Threshold: 1024}, 0, wsFuncs{})
	p, _ := s.dialOffering(t, pmd)
	want := uint64(0)
	for _, test := range []struct {
		first      wsframe.First
		text       string
		compressed bool
	}{
		{text, "", false},
		{text, letters(1023), false},
		{text, letters(1024), true},
		{bin, letters(1024), true},
		{text, letters(100_000), true},
		{bin, noise(1024), false}, // it would not get smaller
	} {
		p.write(t, m(fin|test.first, test.text))
		if got, compressed := p.inflated(t, ""); got != test.text || compressed != test.compressed {
			t.Errorf("%d bytes: got %d, compressed %v", len(test.text), len(got), compressed)
		}
		if len(test.text) >= 1024 {
			want++
		}
	}
	if n, _ := d.Counts(); n != want {
		t.Errorf("%d compressions, want %d", n, want)
	}
}

// TestWSDeflateKeepsWindows: each size of a window that a client asks for.
func TestWSDeflateKeepsWindows(t *testing.T) {
	s, _ := startDeflate(t, WSDeflateOptions{Threshold: 1}, 0, wsFuncs{})
	for bits := 8; bits <= 15; bits++ {
		p, accepted := s.dialOffering(t, fmt.Sprintf("%s; server_max_window_bits=%d", pmd, bits))
		if want := fmt.Sprintf("%s%s; server_max_window_bits=%d", pmd, noneOf2, bits); accepted != want {
			t.Errorf("got %q, want %q", accepted, want)
		}
		window := 1 << bits
		beyond := strings.Repeat(noise(window+window/8), 4)
		for _, message := range []string{letters(100), letters(window), letters(4 * window), beyond} {
			p.write(t, m(fin|bin, message))
			got, compressed := p.inflated(t, "")
			if got != message || compressed != (message != beyond) {
				t.Errorf("window %d, %d bytes: got %d, compressed %v", window, len(message), len(got), compressed)
			}
		}
	}
}

// TestWSDeflateContextOfTheServer: what one client is sent builds on what it
// was sent before; what all are sent stands alone, and what follows does not
// build on that.
func TestWSDeflateContextOfTheServer(t *testing.T) {
	s, d := startDeflate(t, WSDeflateOptions{Policy: both, Threshold: 100}, 0, wsFuncs{message: func(c *WSConn, b []byte, _ bool) {
		f := frame.New()
		f.B = append(f.B, b...)
		if f.SealBinary(); b[0] == 'S' {
			f.Retain(1) // somebody else has it, too
			defer f.Release()
		}
		c.Send(f)
	}})
	p, _ := s.dialOffering(t, pmd)
	context := ""
	send := func(message string, in string, want bool) {
		t.Helper()
		p.write(t, m(fin|bin, message))
		if got, compressed := p.inflated(t, in); got != message || compressed != want {
			t.Errorf("%q: got %q, compressed %v", message, got, compressed)
		}
		if want {
			context += message
		}
	}
	send("short", context, false)
	send(letters(40), context, true) // below the threshold, but in context
	send(letters(300), context, true)
	send(noise(30), context, false)
	send(letters(300), context, true)
	before, _ := d.Counts()
	send("S"+letters(300), "", true)
	context = "" // forgotten on our side
	send("S"+letters(50), "", false)
	send(letters(300), context, true)
	send(letters(300), context, true)
	if after, _ := d.Counts(); after != before+3 {
		t.Errorf("%d compressions for three messages", after-before)
	}
}

func TestWSDeflateWithoutContextHoldsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		policy deflate.Policy
		offer  string
		holds  bool
	}{
		"default":                    {deflate.Policy{}, pmd, false},
		"takeover that nobody wants": {both, pmd + noneOf2, false},
		"takeover":                   {both, pmd, true},
	} {
		var conn *WSConn
		s, _ := startDeflate(t, WSDeflateOptions{Policy: test.policy, Threshold: 10}, 0, wsFuncs{open: func(c *WSConn) { conn = c }})
		p, _ := s.dialOffering(t, test.offer)
		s.settled(t)
		s.onLoop(t, func() {
			if conn.work != nil {
				t.Errorf("%s: work before the first message", name)
			}
		})
		p.write(t, join(m(fin|rsv1|text, string(deflate.NewDeflater(1).Append(nil, []byte(letters(5000)), nil, 15))), m(ping, "")))
		_, _ = p.inflated(t, "")
		s.settled(t)
		s.onLoop(t, func() {
			if (conn.work != nil) != test.holds {
				t.Errorf("%s: work %+v", name, conn.work)
			}
			if test.holds && (len(conn.work.heard) != 5000 || len(conn.work.said) != 5000) {
				t.Errorf("%s: contexts of %d and %d bytes", name, len(conn.work.heard), len(conn.work.said))
			}
		})
		_ = p.Close()
		s.end(t)
		s.onLoop(t, func() {
			if conn.work != nil {
				t.Errorf("%s: work after the end", name)
			}
		})
	}
}

// TestWSDeflateBombs (attacks: compression bomb): each ends its connection with
// 1009, and what the server allocates stays near the limit, whatever their number.
func TestWSDeflateBombs(t *testing.T) {
	const limit = 1_000_000
	s, _ := startDeflate(t, WSDeflateOptions{Policy: both, Threshold: 1024, MaxRatio: 200}, limit, wsFuncs{})
	one := deflate.NewDeflater(9).Append(nil, make([]byte, 1<<20), nil, 15)
	bomb := m(fin|rsv1|bin, string(one))
	if len(one) > 1100 {
		t.Fatalf("%d bytes are no bomb", len(one))
	}
	before := heapInUse()
	for range 50 {
		p, _ := s.dialOffering(t, pmd)
		p.write(t, bomb)
		if got := p.all(); got != "close 1009; eof" {
			t.Errorf("got %s", got)
		}
		if e := s.end(t); e.err != ErrTooLarge {
			t.Errorf("reported %v", e.err)
		}
	}
	if grown := heapInUse() - before; grown > limit+64<<10 {
		t.Errorf("grown by %d bytes", grown)
	}
}

func TestWSDeflateRatio(t *testing.T) {
	s, _ := startDeflate(t, WSDeflateOptions{Threshold: 1 << 30, MaxRatio: 200}, 10<<20, wsFuncs{})
	p, _ := s.dialOffering(t, pmd)
	p.write(t, m(fin|rsv1|bin, string(deflate.NewDeflater(9).Append(nil, make([]byte, 2_000_000), nil, 15))))
	if got := p.all(); got != "close 1009; eof" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e.err != ErrBomb {
		t.Errorf("reported %v", e.err)
	}
}

// TestWSDeflateSharesOneForm: a frame to many connections is compressed once
// for each window that needs it, and a connection without gets it plain.
func TestWSDeflateSharesOneForm(t *testing.T) {
	var conns []*WSConn
	s, d := startDeflate(t, WSDeflateOptions{Threshold: 100}, 0, wsFuncs{open: func(c *WSConn) { conns = append(conns, c) }})
	var peers []*wsPeer
	offers := []string{"", pmd, pmd, pmd + "; server_max_window_bits=9", pmd + "; server_max_window_bits=9", pmd + "; server_max_window_bits=14"}
	for _, offer := range offers {
		p, _ := s.dialOffering(t, offer)
		peers = append(peers, p)
		s.settled(t)
	}
	message := letters(2000)
	s.onLoop(t, func() {
		f := frame.New()
		f.B = append(f.B, message...)
		f.SealText().Retain(len(conns))
		for _, c := range conns {
			c.Send(f)
		}
		f.Release()
	})
	for i, p := range peers {
		if got, compressed := p.inflated(t, ""); got != message || compressed != (offers[i] != "") {
			t.Errorf("%q: got %d bytes, compressed %v", offers[i], len(got), compressed)
		}
	}
	if n, _ := d.Counts(); n != 2 { // one for 512 bytes, one for all others
		t.Errorf("compressed %d times", n)
	}
}

// TestWSDeflatePeer talks to gobwas/ws and its wsflate, which shares no code
// with ours.
func TestWSDeflatePeer(t *testing.T) {
	s, _ := startDeflate(t, WSDeflateOptions{Threshold: 1024}, 16<<20, wsFuncs{})
	p := wsflate.Parameters{ServerNoContextTakeover: true, ClientNoContextTakeover: true}
	d := ws.Dialer{Timeout: testWait}
	d.Extensions = append(d.Extensions, p.Option())
	nc, _, hs, err := d.Dial(context.Background(), "ws://"+s.addr+"/")
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.Len(t, hs.Extensions, 1)
	for _, size := range []int{0, 1, 100, 1023, 1024, 5000, 70_000, 1 << 20} {
		f, err := wsflate.CompressFrame(ws.NewTextFrame([]byte(letters(size))))
		require.NoError(t, err)
		require.NoError(t, ws.WriteFrame(nc, ws.MaskFrameInPlace(f)))
		h, err := ws.ReadHeader(nc)
		require.NoError(t, err)
		got := ws.Frame{Header: h, Payload: make([]byte, h.Length)}
		_, err = io.ReadFull(nc, got.Payload)
		require.NoError(t, err)
		if h.Rsv1() != (size >= 1024) {
			t.Errorf("%d bytes: compressed %v", size, h.Rsv1())
		}
		got, err = wsflate.DecompressFrame(got)
		require.NoError(t, err)
		if string(got.Payload) != letters(size) {
			t.Errorf("%d bytes came back as %d", size, len(got.Payload))
		}
	}
}
