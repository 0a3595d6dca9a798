package sio

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// TestShutdownFinishesHandlers: what a client sent before its turn comes is
// handled and acknowledged, what it sends later is not.
func TestShutdownFinishesHandlers(t *testing.T) {
	checkGoroutines(t)
	srv, addr := serve(t, Config{})
	started, release := make(chan struct{}), make(chan struct{})
	var handled journal
	srv.OnRaw("slow", func(e *RawEvent) {
		handled.add("slow")
		close(started)
		<-release
		_ = e.Ack([]byte("1"))
	})
	srv.OnRaw("next", func(e *RawEvent) {
		handled.add("next")
		_ = e.Ack([]byte("2"))
	})
	ended := make(chan Reason, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, _ error) { ended <- r })
	c := join(t, addr, "/")
	c.send(`20["slow"]`, `21["next"]`)
	recv(t, started)
	eventually(t, "both events are there", func() bool { return srv.Stats().EventsIn == 2 })
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(context.Background()) }() // ends when the handlers have
	eventually(t, "the drain holds the client", func() bool {
		ls := (*srv.loops.Load())
		held := make(chan bool, 1)
		for _, l := range ls {
			if l != nil && l.counters.sockets.Load() == 1 {
				l.loop.Post(func(_, _ any) { held <- l.drain != nil && len(l.drain.busy) == 1 }, nil, nil)
				return recv(t, held)
			}
		}
		return false
	})
	c.send(`22["next"]`)
	eventually(t, "it came too late", func() bool { return srv.engine.Stats().MessagesIn == 4 })
	close(release)
	if got, want := drain(c), []string{"30[1]", "31[2]"}; !slices.Equal(got, want) {
		t.Errorf("the client got %q, want %q", got, want)
	}
	if err := recv(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	handled.expect(t, "slow", "next")
	if r := recv(t, ended); r != ReasonServerShuttingDown {
		t.Errorf("reason %q", r)
	}
}

// TestShutdownCutsWhenTheContextEnds: a handler that does not return holds up
// nobody for longer.
func TestShutdownCutsWhenTheContextEnds(t *testing.T) {
	srv, addr := serve(t, Config{DrainSpread: time.Hour})
	block := make(chan struct{})
	started := make(chan struct{}, 1)
	srv.OnRaw("block", func(*RawEvent) {
		started <- struct{}{}
		<-block
	})
	c, idle := join(t, addr, "/"), join(t, addr, "/")
	c.send(`2["block"]`)
	recv(t, started)
	ctx, cancel := context.WithTimeout(context.Background(), quiet)
	defer cancel()
	if err := srv.Shutdown(ctx); err == nil {
		t.Error("Shutdown returned no error")
	}
	close(block)
	c.expectClosed()
	idle.expectClosed()
}

// TestShutdownOfLongPolling: the client is told through the GET that waits, or
// through its next one, behind all that was sent to it; new handshakes are
// refused meanwhile.
func TestShutdownOfLongPolling(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets, ended := make(chan *Socket, 1), make(chan Reason, 2)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	srv.OnDisconnect(func(_ *Socket, r Reason, _ error) { ended <- r })
	waiting := joinLazy(t, addr).(lazy)
	recv(t, sockets)
	silent := joinLazy(t, addr).(lazy)
	s := recv(t, sockets)
	got := make(chan string, 1)
	go func() { // ends with the answer
		_, payload := request(t, http.MethodGet, waiting.url, "")
		got <- payload
	}()
	eventually(t, "the GET waits", func() bool { return writableNow(t, srv) })
	_ = s.Emit("last")
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(context.Background()) }() // ends when the sessions have
	if payload := recv(t, got); payload != "1" {
		t.Errorf("the GET that waited was answered with %q", payload)
	}
	eventually(t, "all have been told", func() bool { return srv.Stats().Sockets == 0 })
	if status, _ := request(t, http.MethodGet, "http://"+addr+"/socket.io/?EIO=4&transport=polling", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a new handshake: status %d", status)
	}
	// The official client acts on a close only in a payload of its own.
	var payloads []string
	for !slices.Contains(payloads, "1") && len(payloads) < 3 {
		_, payload := request(t, http.MethodGet, silent.url, "")
		payloads = append(payloads, strings.Split(payload, "\x1e")...)
	}
	if len(payloads) < 2 || payloads[0] != `42["last"]` {
		t.Errorf("the silent client got %q", payloads)
	}
	if err := recv(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	for range 2 {
		if r := recv(t, ended); r != ReasonServerShuttingDown {
			t.Errorf("reason %q", r)
		}
	}
}

// writableNow reports whether a socket of srv could be sent something at once.
func writableNow(t *testing.T, srv *Server) (writable bool) {
	t.Helper()
	for _, s := range srv.Sockets() {
		said := make(chan bool, 1)
		s.loop.loop.Post(func(_, _ any) { said <- s.sess.Writable() }, nil, nil)
		writable = recv(t, said) || writable
	}
	return writable
}

func TestReady(t *testing.T) {
	var told journal
	srv, err := NewServer(Config{DrainDelay: time.Hour, OnReady: func(on bool) {
		told.add(map[bool]string{true: "ready", false: "not ready"}[on])
	}})
	if err != nil {
		t.Fatal(err)
	}
	if srv.Ready() {
		t.Error("ready before it listens")
	}
	for range 2 {
		if _, err := srv.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	addr, _ := srv.Listen("tcp", "127.0.0.1:0")
	if !srv.Ready() {
		t.Error("not ready though it listens")
	}
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(context.Background()) }() // ends with Close
	eventually(t, "it is not ready any more", func() bool { return !srv.Ready() })
	join(t, addr.String(), "/") // all else is as before, until DrainDelay is over
	if err := srv.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := recv(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	told.expect(t, "ready", "not ready")
}

// TestDrainMovesEverybody lets 2,000 sockets go, in batches, and has each of
// them reconnect to a second server.
func TestDrainMovesEverybody(t *testing.T) {
	if testing.Short() {
		t.Skip("2,000 connections")
	}
	const clients = 2000
	const spread = 2 * time.Second
	var shut, other atomic.Int64
	first, addr := serve(t, Config{DrainSpread: spread})
	first.OnDisconnect(func(_ *Socket, r Reason, _ error) {
		if r == ReasonServerShuttingDown {
			shut.Add(1)
		} else {
			other.Add(1)
		}
	})
	second, addr2 := serve(t, Config{})
	var wg sync.WaitGroup
	for range clients {
		conn := rawJoin(t, addr)
		wg.Go(func() { // ends when the client is connected to the second server
			for err := error(nil); err == nil; {
				_, err = wsutil.ReadServerText(conn)
			}
			_ = conn.Close()
			rawJoin(t, addr2)
		})
	}
	eventually(t, "everybody is in", func() bool { return first.Stats().Sockets == clients })
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- first.Shutdown(context.Background()) }() // ends when all are gone
	half := false
	for shut.Load() < clients && time.Since(began) < patience {
		n := shut.Load()
		half = half || n > clients/10 && n < clients*9/10
		time.Sleep(time.Millisecond)
	}
	if err := recv(t, done); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if took := time.Since(began); took < spread*8/10 || !half {
		t.Errorf("everybody left in %v, in batches %v; want it spread over %v", took, half, spread)
	}
	wg.Wait()
	eventually(t, "everybody is back", func() bool { return second.Stats().Sockets == clients })
	if shut.Load() != clients || other.Load() != 0 {
		t.Errorf("%d sockets ended with %q, %d otherwise", shut.Load(), ReasonServerShuttingDown, other.Load())
	}
}

// rawJoin is join without a goroutine.
func rawJoin(t *testing.T, addr string) *rawConn {
	t.Helper()
	conn, br, _, err := ws.Dial(context.Background(), "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Error(err)
		return nil
	}
	c := &rawConn{Conn: conn, r: conn}
	if br != nil {
		c.r = br
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := wsutil.WriteClientText(conn, []byte("40")); err != nil {
		t.Error(err)
	}
	for {
		text, err := wsutil.ReadServerText(c)
		if err != nil {
			t.Error(err)
			return c
		}
		if strings.HasPrefix(string(text), "40") {
			return c
		}
	}
}
