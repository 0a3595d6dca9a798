package web

import (
	"bytes"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// onLoop runs fn on the only loop of s, and waits for it.
func (s *wsServer) onLoop(t *testing.T, fn func()) {
	t.Helper()
	done := make(chan struct{})
	require.True(t, s.poller.Loops()[0].Post(func(a, b any) { fn(); b.(func())() }, nil, func() { done <- struct{}{} }))
	select {
	case <-done:
	case <-time.After(testWait):
		t.Fatal("the loop stands still")
	}
}

// heapInUse returns the bytes of live objects.
func heapInUse() int64 {
	var ms runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&ms)
	return int64(ms.HeapAlloc)
}

// flood writes b again and again until n times or the server has enough.
func (p *wsPeer) flood(b []byte, n int) {
	const batch = 1000
	many := bytes.Repeat(b, batch)
	for range n / batch {
		if _, err := p.Write(many); err != nil {
			return
		}
	}
}

// TestCVE_2026_48779: a million continuations, of one byte and of none, are cut
// off, and cost no memory.
func TestCVE_2026_48779(t *testing.T) {
	for name, payload := range map[string]string{"one byte": "x", "no byte": ""} {
		t.Run(name, func(t *testing.T) {
			s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
			before := heapInUse()
			p := s.dial(t)
			p.write(t, m(text, "x"))
			p.flood(m(cont, payload), 16_000) // below the limit
			s.settled(t)
			if grown := heapInUse() - before; grown > 256<<10 {
				t.Errorf("16,000 fragments hold %d bytes", grown)
			}
			go p.flood(m(cont, payload), 1_000_000) // ends when the server cuts it off
			if e := s.end(t); e.code != 1006 || e.err != error(wsframe.ErrTooManyFragments) {
				t.Errorf("got %+v", e)
			}
			if got := p.all(); !strings.HasPrefix(got, "close 1008; ") {
				t.Errorf("got %s", got)
			}
		})
	}
}

// settled waits until the server has read all that was sent before.
func (s *wsServer) settled(t *testing.T) {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	s.onLoop(t, func() {})
}

// TestWSPingFlood: a client pings a million times and never reads. What is
// queued for it stays small, and others are served.
func TestWSPingFlood(t *testing.T) {
	var conns []*WSConn
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{
		open:    func(c *WSConn) { conns = append(conns, c) },
		message: echo,
	})
	bad := s.dial(t)
	done := make(chan struct{})
	go func() { // ends when everything was written, or with the test
		defer func() { done <- struct{}{} }()
		bad.flood(m(ping, strings.Repeat("p", 100)), 1_000_000)
	}()
	good := s.dial(t)
	for i := range 50 {
		good.write(t, m(fin|text, "hello"))
		got, err := good.next()
		require.NoError(t, err)
		require.Equal(t, `text "hello"`, got)
		time.Sleep(2 * time.Millisecond)
		s.onLoop(t, func() {
			if n := conns[0].Queued(); n > 64<<10 {
				t.Errorf("round %d: %d bytes queued", i, n)
			}
		})
	}
	select {
	case <-done:
	case <-time.After(testWait):
		t.Fatal("pings are not taken any more")
	}
	s.onLoop(t, func() {
		if n := conns[0].Queued(); n > 64<<10 {
			t.Errorf("%d bytes queued", n)
		}
	})
}

// TestWSLastPingAnswered: of many pings the last one is answered in any case.
func TestWSLastPingAnswered(t *testing.T) {
	var conn *WSConn
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{open: func(c *WSConn) { conn = c }})
	p := s.dial(t)
	go func() { // ends with the last write
		p.flood(m(ping, strings.Repeat("p", 120)), 500_000)
		_, _ = p.Write(m(ping, "last"))
	}()
	for {
		got, err := p.next()
		require.NoError(t, err)
		if got == `pong "last"` {
			break
		}
	}
	s.settled(t)
	s.onLoop(t, func() {
		if conn.work != nil {
			t.Errorf("work is kept: %+v", conn.work)
		}
	})
}

// TestWSMemoryFollowsData: a header that announces a gigabyte allocates
// nothing.
func TestWSMemoryFollowsData(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{MaxMessageBytes: 1 << 30}, wsFuncs{})
	before := heapInUse()
	for range 20 {
		p := s.dial(t)
		p.write(t, append(wsframe.AppendMaskedHeader(nil, fin|bin, 1<<30, 1), "some bytes"...))
	}
	s.settled(t)
	if grown := heapInUse() - before; grown > 2<<20 {
		t.Errorf("grown by %d bytes", grown)
	}
}

func TestWSLimit(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{MaxMessageBytes: 1000}, wsFuncs{message: echo})
	long := strings.Repeat("x", 1000)
	for name, tc := range map[string]struct {
		in   []byte
		want string
	}{
		"at":                {join(m(fin|text, long), m(shut, "")), "text " + short([]byte(long)) + `; close ""; eof`},
		"above":             {m(fin|text, long+"x"), "close 1009; eof"},
		"fragments at":      {join(m(text, long[:600]), m(fin|cont, long[600:]), m(shut, "")), "text " + short([]byte(long)) + `; close ""; eof`},
		"fragments above":   {join(m(text, long[:600]), m(fin|cont, long[599:])), "close 1009; eof"},
		"announced only":    {wsframe.AppendMaskedHeader(nil, fin|bin, 1001, 1), "close 1009; eof"},
		"fragment of 2^62":  {join(m(bin, "x"), wsframe.AppendMaskedHeader(nil, cont, 1<<31-1, 1)), "close 1009; eof"},
		"64 KiB in pieces":  {join(m(bin, long[:500]), m(cont, long[:500]), m(cont, "x")), "close 1009; eof"},
		"control is exempt": {join(m(bin, long), m(ping, "p"), m(shut, "")), "binary " + short([]byte(long)) + `; pong "p"; close ""; eof`},
	} {
		if name == "control is exempt" {
			tc.in = join(m(fin|bin, long), m(ping, "p"), m(shut, ""))
		}
		p := s.dial(t)
		p.write(t, tc.in)
		if got := p.all(); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}

func TestWSMessageTimeout(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{MessageTimeout: 100 * time.Millisecond}, wsFuncs{})
	p := s.dial(t)
	p.write(t, m(text, "begun"))
	if got := p.all(); got != "close 1008; eof" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e.code != 1006 || e.err != error(ErrMessageTimeout) {
		t.Errorf("got %+v", e)
	}
}

// TestWSMessageTimeoutPaused: a client that we keep waiting is not to blame.
func TestWSMessageTimeoutPaused(t *testing.T) {
	var conn *WSConn
	s := startWS(t, poller.Config{}, WSOptions{MessageTimeout: 50 * time.Millisecond}, wsFuncs{
		open:    func(c *WSConn) { conn = c },
		message: func(c *WSConn, b []byte, binary bool) { echo(c, b, binary); c.Pause() },
	})
	p := s.dial(t)
	p.write(t, join(m(fin|text, "one"), m(text, "two")))
	got, err := p.next()
	require.NoError(t, err)
	require.Equal(t, `text "one"`, got)
	p.write(t, m(fin|cont, "!"))
	time.Sleep(200 * time.Millisecond)
	s.onLoop(t, func() { conn.Resume() })
	if got, err = p.next(); got != `text "two!"` {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestWSReset: a peer that vanishes inside a frame.
func TestWSReset(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
	whole := join(m(text, "half a mess"), m(fin|cont, "age"))
	for i := range len(whole) {
		p := s.dial(t)
		p.write(t, whole[:i])
		if i%2 == 0 {
			require.NoError(t, p.Conn.(interface{ SetLinger(int) error }).SetLinger(0))
		}
		require.NoError(t, p.Close())
		if e := s.end(t); e.code != 1006 || e.err == nil {
			t.Errorf("after %d bytes: got %+v", i, e)
		}
	}
	s.noMoreEnds(t)
}

// TestWSRandomBytes: noise ends in an error, never in a panic.
func TestWSRandomBytes(t *testing.T) {
	s := startWS(t, poller.Config{OnError: func(err error) { t.Error(err) }}, WSOptions{}, wsFuncs{message: echo})
	seed := uint64(1)
	for range 200 {
		noise := make([]byte, 0, 300)
		for len(noise) < 296 {
			seed = seed*6364136223846793005 + 1442695040888963407
			noise = binary.BigEndian.AppendUint64(noise, seed)
		}
		p := s.dial(t)
		p.write(t, noise)
		require.NoError(t, p.Conn.(interface{ CloseWrite() error }).CloseWrite())
		_, _ = io.Copy(io.Discard, p)
		s.end(t)
		_ = p.Close()
	}
	s.noMoreEnds(t)
}
