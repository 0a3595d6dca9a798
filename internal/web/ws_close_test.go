package web

import (
	"errors"
	"io"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// on returns a server that does fn when it gets a message.
func onMessage(t *testing.T, o WSOptions, fn func(c *WSConn)) *wsServer {
	t.Helper()
	return startWS(t, poller.Config{}, o, wsFuncs{message: func(c *WSConn, _ []byte, _ bool) { fn(c) }})
}

func TestWSConnSize(t *testing.T) {
	if n := unsafe.Sizeof(WSConn{}); n > 48 {
		t.Errorf("an idle WebSocket takes %d bytes, want 48 at most", n)
	}
}

func TestWSServerCloses(t *testing.T) {
	s := onMessage(t, WSOptions{}, func(c *WSConn) {
		echo(c, []byte("first"), false)
		c.Close(4001, "because")
		c.Close(1000, "too late")
		if c.Send(frame.New().SealText()) || c.SendControl(frame.New().SealText()) {
			t.Error("sent after Close")
		}
	})
	p := s.dial(t)
	p.write(t, join(m(fin|text, "go"), m(fin|text, "not delivered"), m(ping, "not answered"), m(text, "half")))
	got, err := p.next()
	require.NoError(t, err)
	require.Equal(t, `text "first"`, got)
	f, err := p.frame()
	require.NoError(t, err)
	require.Equal(t, "\x0f\xa1because", string(f.payload))
	p.write(t, join(m(fin|cont, "not delivered"), closeWith(4001, "because")))
	if got := p.all(); got != "eof" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e != (wsEnd{4001, nil}) {
		t.Errorf("got %+v", e)
	}
	s.noMoreEnds(t)
}

func TestWSServerClosesWithoutCode(t *testing.T) {
	s := onMessage(t, WSOptions{}, func(c *WSConn) { c.Close(0, "ignored") })
	p := s.dial(t)
	p.write(t, m(fin|text, "go"))
	got, err := p.next()
	require.NoError(t, err)
	require.Equal(t, `close ""`, got)
	p.write(t, m(shut, ""))
	if got := p.all(); got != "eof" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e != (wsEnd{1005, nil}) {
		t.Errorf("got %+v", e)
	}
}

func TestWSCloseTimeout(t *testing.T) {
	s := onMessage(t, WSOptions{CloseTimeout: 50 * time.Millisecond}, func(c *WSConn) { c.Close(1001, "") })
	p := s.dial(t)
	p.write(t, m(fin|text, "go"))
	if got := p.all(); got != "close 1001; eof" && got != "close 1001; reset" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e.code != 1006 || !errors.Is(e.err, ErrCloseTimeout) {
		t.Errorf("got %+v", e)
	}
	s.noMoreEnds(t)
}

// TestWSCloseThenViolation: the client may break the protocol instead of
// answering our close frame; one close frame is enough.
func TestWSCloseThenViolation(t *testing.T) {
	s := onMessage(t, WSOptions{}, func(c *WSConn) { c.Close(1000, "") })
	p := s.dial(t)
	p.write(t, join(m(fin|text, "go"), []byte("\xff\xff\xff")))
	if got := p.all(); got != "close 1000; eof" {
		t.Errorf("got %s", got)
	}
	var e *WSError
	if end := s.end(t); end.code != 1006 || !errors.As(end.err, &e) || e.Code != 1002 {
		t.Errorf("got %+v", end)
	}
	s.noMoreEnds(t)
}

func TestWSClosePaused(t *testing.T) {
	s := onMessage(t, WSOptions{}, func(c *WSConn) {
		c.Pause()
		c.Close(1000, "")
	})
	p := s.dial(t)
	p.write(t, m(fin|text, "go"))
	got, err := p.next()
	require.NoError(t, err)
	require.Equal(t, "close 1000", got)
	p.write(t, closeWith(1000, ""))
	if e := s.end(t); e != (wsEnd{1000, nil}) {
		t.Errorf("got %+v", e)
	}
}

func TestWSAbort(t *testing.T) {
	cause := errors.New("enough")
	s := onMessage(t, WSOptions{}, func(c *WSConn) {
		c.Abort(cause)
		c.Abort(io.ErrNoProgress)
		c.Close(1000, "")
		c.Pause()
		c.Resume()
		_, _, _ = c.Loop(), c.RemoteAddr(), c.Queued()
	})
	p := s.dial(t)
	p.write(t, join(m(fin|text, "go"), m(fin|text, "not delivered")))
	if got := p.all(); got != "eof" && got != "reset" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e.code != 1006 || !errors.Is(e.err, cause) {
		t.Errorf("got %+v", e)
	}
	s.noMoreEnds(t)
}

// TestWSAfterTheEnd: a handler may keep the WSConn longer than it should.
func TestWSAfterTheEnd(t *testing.T) {
	var kept *WSConn
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{open: func(c *WSConn) { kept = c }})
	p := s.dial(t)
	p.write(t, closeWith(1000, ""))
	s.end(t)
	if got := p.all(); got != "close 1000; eof" {
		t.Errorf("got %s", got)
	}
	require.NoError(t, p.Close())
	s.settled(t)
	s.onLoop(t, func() {
		if kept.pc != nil || kept.Send(frame.New().SealText()) || kept.Queued() != 0 || kept.Loop() != nil {
			t.Error("the connection is not dead")
		}
		kept.Pause()
		kept.Resume()
		kept.Close(1000, "")
		kept.Abort(nil)
		kept.SetHandler(&wsFuncs{})
		if kept.RemoteAddr().IsValid() || kept.h != nil || kept.work != nil {
			t.Error("the connection is not dead")
		}
	})
}

func TestWSAbortInOpen(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{
		open:    func(c *WSConn) { c.Abort(io.ErrNoProgress) },
		message: func(*WSConn, []byte, bool) { t.Error("message after Abort") },
	})
	nc := s.rawDial(t)
	_, err := nc.Write(append(wsRequest(), m(fin|text, "x")...))
	require.NoError(t, err)
	if e := s.end(t); !errors.Is(e.err, io.ErrNoProgress) {
		t.Errorf("got %+v", e)
	}
	s.noMoreEnds(t)
}

func TestWSCloseInOpen(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{
		open:    func(c *WSConn) { c.Close(4000, "no") },
		message: func(*WSConn, []byte, bool) { t.Error("message after Close") },
	})
	p := s.dial(t, join(m(fin|text, "x"), closeWith(4000, ""))...)
	if got := p.all(); got != "close 4000; eof" {
		t.Errorf("got %s", got)
	}
	if e := s.end(t); e != (wsEnd{4000, nil}) {
		t.Errorf("got %+v", e)
	}
}

// TestWSIdleHoldsNothing: after all kinds of traffic nothing hangs on the
// connection.
func TestWSIdleHoldsNothing(t *testing.T) {
	var conn *WSConn
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{open: func(c *WSConn) { conn = c }, message: echo})
	p := s.dial(t)
	for _, in := range [][]byte{m(fin|text, "x"), join(m(text, "x"), m(ping, ""), m(fin|cont, "y")), m(ping, "z")} {
		for i := range in {
			p.write(t, in[i:i+1])
			time.Sleep(time.Millisecond)
		}
	}
	s.settled(t)
	s.onLoop(t, func() {
		if conn.work != nil || conn.state != wsOpen {
			t.Errorf("got work %v, state %d", conn.work, conn.state)
		}
	})
	p.write(t, m(text, "x"))
	s.settled(t)
	s.onLoop(t, func() {
		if conn.work == nil {
			t.Error("an incomplete message without work")
		}
	})
}

func TestWSShutdownOfPoller(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{})
	p := s.dial(t)
	p.write(t, m(text, "half"))
	s.settled(t)
	require.NoError(t, s.poller.Close())
	if e := s.end(t); e.code != 1006 || !errors.Is(e.err, poller.ErrClosed) {
		t.Errorf("got %+v", e)
	}
}

func TestWSOverflow(t *testing.T) {
	s := onMessage(t, WSOptions{MaxQueueBytes: 1000}, func(c *WSConn) {
		for i := range 100 {
			f := frame.New()
			f.B = append(f.B, make([]byte, 100)...)
			if !c.Send(f.SealBinary()) {
				if i < 9 {
					t.Errorf("message %d was refused", i)
				}
				return
			}
		}
		t.Error("10,000 bytes fit into 1,000")
	})
	p := s.dial(t)
	p.write(t, m(fin|text, "go"))
	if e := s.end(t); e.code != 1006 || !errors.Is(e.err, poller.ErrOverflow) {
		t.Errorf("got %+v", e)
	}
	s.noMoreEnds(t)
}

func TestWSDrain(t *testing.T) {
	drained := make(chan struct{}, 10)
	s := startWS(t, poller.Config{}, WSOptions{MaxQueueBytes: 64 << 20}, wsFuncs{
		message: func(c *WSConn, _ []byte, _ bool) { echo(c, make([]byte, 32<<20), true) },
		drain:   func(*WSConn) { drained <- struct{}{} },
	})
	p := s.dial(t)
	p.write(t, m(fin|text, "go"))
	f, err := p.frame()
	require.NoError(t, err)
	require.Len(t, f.payload, 32<<20)
	select {
	case <-drained:
	case <-time.After(testWait):
		t.Error("OnWSDrain was not called")
	}
}

func TestWSSetHandler(t *testing.T) {
	second := &wsFuncs{message: func(c *WSConn, b []byte, _ bool) { echo(c, append([]byte("second "), b...), false) }}
	s := onMessage(t, WSOptions{}, func(c *WSConn) { c.SetHandler(second) })
	p := s.dial(t, join(m(fin|text, "a"), m(fin|text, "b"))...)
	if got, err := p.next(); got != `text "second b"` {
		t.Errorf("got %s, %v", got, err)
	}
}
