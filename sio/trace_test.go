package sio

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"unsafe"
)

// logBuffer is a log that is read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// take returns the lines so far, without their times, and forgets them.
func (l *logBuffer) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := strings.TrimSpace(l.b.String())
	l.b.Reset()
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// quietLogger shows warnings and errors only.
func quietLogger(w *logBuffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == "socket" {
			return slog.Attr{}
		}
		return a
	}}))
}

// TestTraceOfOneSocket switches the tracing of one of two sockets on and off
// while they talk.
func TestTraceOfOneSocket(t *testing.T) {
	var log logBuffer
	srv, addr := serve(t, Config{Logger: quietLogger(&log)})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnRaw("x", func(e *RawEvent) { _ = e.Ack(e.Args()) }, Inline)
	one, two := join(t, addr, "/"), (*testClient)(nil)
	s := recv(t, sockets)
	two = join(t, addr, "/")
	recv(t, sockets)
	talk := func() {
		for _, c := range []*testClient{one, two} {
			c.send(`21["x",5]`)
			c.expect("31[5]")
		}
		_ = srv.EmitRaw("all", []byte(`{"_placeholder":true,"num":0}`), []byte("b"))
		for _, c := range []*testClient{one, two} {
			c.expect(`51-["all",{"_placeholder":true,"num":0}]`, "b:b")
		}
		settle(t, s)
	}
	talk()
	if lines := log.take(); len(lines) != 0 {
		t.Errorf("untraced packets are logged: %q", lines)
	}
	s.Trace(true)
	settle(t, s)
	talk()
	want := []string{
		`level=DEBUG msg="socket.io packet" namespace=/ direction=in type=EVENT id=1 packet="[\"x\",5]" bytes=7 attachments=0`,
		`level=DEBUG msg="socket.io packet" namespace=/ direction=out packet=31[5] bytes=5 attachments=0 outcome=queued`,
		`level=DEBUG msg="socket.io packet" namespace=/ direction=out packet="51-[\"all\",{\"_placeholder\":true,\"num\":0}]" bytes=40 attachments=1 outcome=queued`,
	}
	if got := log.take(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.Trace(false)
	settle(t, s)
	talk()
	if lines := log.take(); len(lines) != 0 {
		t.Errorf("logged after the end: %q", lines)
	}
}

// TestTraceByPredicate traces those that match, from their first packet to
// their last.
func TestTraceByPredicate(t *testing.T) {
	var log logBuffer
	srv, addr := serve(t, Config{Logger: quietLogger(&log)})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	before := join(t, addr, "/")
	s := recv(t, sockets)
	srv.Trace(func(s *Socket) bool { return s.Connected() || s.Namespace().Name() == "/" })
	settle(t, s)
	after := join(t, addr, "/")
	later := recv(t, sockets)
	for _, s := range []*Socket{s, later} {
		_ = s.Emit("x", strings.Repeat("y", 2*maxTracedBytes))
		s.Disconnect(false)
	}
	before.next()
	before.expect("1")
	after.next()
	after.expect("1")
	settle(t, s)
	settle(t, later)
	lines := log.take()
	count := map[string]int{}
	for _, l := range lines {
		for _, sign := range []string{`packet="0{\"sid\":`, `packet="2[\"x\",`, "packet=1 "} {
			if strings.Contains(l, sign) {
				count[sign]++
			}
		}
		if len(l) > maxTracedBytes+300 {
			t.Errorf("a line of %d bytes", len(l))
		}
	}
	if count[`packet="0{\"sid\":`] != 1 || count[`packet="2[\"x\",`] != 2 || count["packet=1 "] != 2 {
		t.Errorf("%v in %q", count, lines)
	}
	srv.Trace(nil)
	third := join(t, addr, "/")
	recv(t, sockets)
	third.send(`2["x"]`)
	eventually(t, "the event came", func() bool { return srv.Stats().EventsIn == 1 })
	if lines := log.take(); len(lines) != 0 {
		t.Errorf("logged after the end: %q", lines)
	}
}

// TestErrorsReachTheLogger when nothing else is told of them.
func TestErrorsReachTheLogger(t *testing.T) {
	var log logBuffer
	srv, err := NewServer(Config{Logger: quietLogger(&log)})
	if err != nil {
		t.Fatal(err)
	}
	srv.cfg.OnError(errors.New("oh"))
	if got := log.take(); len(got) != 1 || got[0] != `level=ERROR msg=socket.io error=oh` {
		t.Errorf("%q", got)
	}
}

// TestSizes: what an idle socket costs.
func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(Socket{}); unsafe.Sizeof(uintptr(0)) == 8 && n > 96 {
		t.Errorf("a Socket has %d bytes", n)
	}
	if n := unsafe.Sizeof(client{}); unsafe.Sizeof(uintptr(0)) == 8 && n > 160 {
		t.Errorf("a client has %d bytes", n)
	}
}
