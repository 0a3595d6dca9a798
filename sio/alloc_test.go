//go:build !race

package sio

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

// onLoop runs f on the loop of s and waits for it.
func onLoop(t *testing.T, s *Socket, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !s.loop.loop.Post(func(a, _ any) { a.(func())(); close(done) }, f, nil) {
		t.Fatal("the loop is closed")
	}
	recv(t, done)
}

// allocs returns what one call of f on the loop of s allocates, in several
// turns, so that what was queued is sent between them.
func allocs(t *testing.T, s *Socket, f func()) float64 {
	t.Helper()
	n := 1e9
	for range 5 {
		onLoop(t, s, func() { n = min(n, testing.AllocsPerRun(50, f)) })
	}
	return n
}

// sink joins a client whose messages are thrown away.
func sink(t *testing.T, addr string) {
	c := join(t, addr, "/")
	go func() { // ends when the connection is closed
		for range c.in {
		}
	}()
}

func TestHotPathsAllocateNothing(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	handled := 0
	srv.OnRaw("raw", func(e *RawEvent) { handled += len(e.Args()) }, Inline)
	srv.OnRaw("echo", func(e *RawEvent) { _ = e.Socket().EmitRaw("echo", e.Args(), e.Attachments()...) }, Inline)
	srv.OnRaw("ack", func(e *RawEvent) { _ = e.Ack(e.Args(), e.Attachments()...) }, Inline)
	sink(t, addr)
	s := recv(t, sockets)
	_ = s.Join("room")
	e := engine{srv}
	in := func(sess *eio.Session, text string) func() {
		b := []byte(text)
		return func() { e.OnMessage(sess, b, false) }
	}
	args := []byte(`{"text":"hello"}`)
	tests := map[string]func(){
		"raw event":          in(s.sess, `2["raw",{"text":"hello"}]`),
		"echo":               in(s.sess, `2["echo",{"text":"hello"}]`),
		"acknowledged event": in(s.sess, `21["ack",{"text":"hello"}]`),
		"unknown ack":        in(s.sess, `31[1]`),
		"event nobody wants": in(s.sess, `2["nothing"]`),
		"EmitRaw":            func() { _ = s.EmitRaw("x", args) },
		"EmitRaw, volatile":  func() { _ = s.Volatile().EmitRaw("x", args) },
		"EmitRaw, latest":    func() { _ = s.Latest("key").EmitRaw("x", args) },
		"EmitRaw, overflow":  func() { _ = s.Overflow(poller.OverflowDropOldest).EmitRaw("x", args) },
		"Emit of a string":   func() { _ = s.Emit("x", "text") },
		"Emit of several":    func() { _ = s.Emit("x", "text", true, nil) },
	}
	for name, f := range tests {
		if n := allocs(t, s, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if handled == 0 {
		t.Error("the raw handler was not called")
	}
}

func TestBroadcastAllocatesNothingPerReceiver(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	var s *Socket
	for range 60 {
		sink(t, addr)
		s = recv(t, sockets)
		_ = s.Join("room")
	}
	args := []byte(`"x"`)
	nl := srv.on(s.loop)
	onLoop(t, s, func() {
		if len(nl.members) < 20 {
			t.Fatalf("%d of 60 sockets on one loop", len(nl.members))
		}
	})
	for name, b := range map[string]Broadcast{"namespace": srv.Local(), "room": srv.To("room"), "rooms": srv.To("room", "x").Except("y")} {
		n := allocs(t, s, func() {
			nl.deliver(&cast{Broadcast: b, event: "x", frame: rawEventFrame("/", noAck, "x", args, nil)})
		})
		if n > 1 { // the cast itself
			t.Errorf("%s: %v allocations for %d receivers", name, n, len(nl.members))
		}
	}
}

// TestCompressedBroadcastAllocatesNothingPerReceiver: nor does its compression, which is done once.
func TestCompressedBroadcastAllocatesNothingPerReceiver(t *testing.T) {
	srv, addr := serve(t, Config{PerMessageDeflate: &PerMessageDeflate{}})
	sockets := make(chan *Socket, 1)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	var s *Socket
	for range 60 {
		c := joinZipped(t, addr)
		_ = c.conn.SetDeadline(time.Time{})
		go func() { _, _ = io.Copy(io.Discard, c.r) }() // ends when the connection is closed
		s = recv(t, sockets)
	}
	args := []byte(`"` + strings.Repeat("news ", 400) + `"`)
	nl := srv.on(s.loop)
	before := srv.Engine().Stats().Deflated
	casts := 0
	n := allocs(t, s, func() {
		casts++
		nl.deliver(&cast{Broadcast: srv.Local(), event: "x", frame: rawEventFrame("/", noAck, "x", args, nil)})
	})
	if n > 2 { // the cast itself, and a buffer that is not in a pool now and then
		t.Errorf("%v allocations for %d receivers", n, len(nl.members))
	}
	if done := srv.Engine().Stats().Deflated - before; done != uint64(casts) {
		t.Errorf("%d compressions for %d broadcasts", done, casts)
	}
}
