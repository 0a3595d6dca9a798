package eio

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestStatusIsForEveryGoroutine reads what is safe to read while a session goes through its life.
func TestStatusIsForEveryGoroutine(t *testing.T) {
	sessions := make(chan *Session, 1)
	h := newEcho()
	h.open = func(s *Session) { sessions <- s }
	before := time.Now().Add(-time.Second)
	_, addr := start(t, Config{}, h)
	target, sid := shake(t, addr)
	s := <-sessions
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				_, _, _, _ = s.TransportName(), s.Upgraded(), s.State(), s.Handshake().Issued()
			}
		}
	})
	check := func(transport string, upgraded bool, state State) {
		t.Helper()
		if s.TransportName() != transport || s.Upgraded() != upgraded || s.State() != state {
			t.Errorf("%s, upgraded %v, %v; want %s, %v, %v", s.TransportName(), s.Upgraded(), s.State(), transport, upgraded, state)
		}
	}
	check("polling", false, Open)
	if at := s.Handshake().Issued(); at.Before(before) || time.Since(at) > patience {
		t.Errorf("issued %v", at)
	}
	c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&sid="+sid)
	require.NoError(t, err)
	c.send("2probe")
	c.want("3probe")
	c.send("5", "4x")
	c.want("4x")
	check("websocket", true, Open)
	if a := request(t, "GET", addr, target, ""); a.status != 400 {
		t.Errorf("polling after the upgrade: %d", a.status)
	}
	s.Close()
	h.wantEnd(t, "forced close: <nil>")
	check("websocket", true, Closed)
	close(stop)
	wg.Wait()
}

func TestDoRunsOnTheLoopInOrder(t *testing.T) {
	sessions := make(chan *Session, 1)
	h := newEcho()
	h.open = func(s *Session) { sessions <- s }
	srv, addr := start(t, Config{}, h)
	c := openWS(t, addr)
	s := <-sessions
	var got []int
	done := make(chan bool)
	for i := range 50 {
		if !s.Do(func(s *Session) { got = append(got, i); s.Send(messageFrame(fmt.Append(nil, i), false)) }) {
			t.Fatal("Do on an open server")
		}
	}
	s.Do(func(s *Session) { close(done); _ = s.Queued() })
	<-done
	if !slices.IsSorted(got) || len(got) != 50 {
		t.Errorf("order %v", got)
	}
	for i := range 50 {
		c.want(fmt.Sprintf("4%d", i))
	}
	s.Do(func(*Session) { panic("x") })
	if got := c.next(); got != "closed 1005" {
		t.Errorf("after a panic: %q", got)
	}
	require.NoError(t, srv.Close())
	if s.Do(func(*Session) {}) {
		t.Error("Do on a closed server")
	}
}

// TestPacketHooks: the reference's "packet" and "packetCreate".
func TestPacketHooks(t *testing.T) {
	var mu sync.Mutex
	var in, out []string
	note := func(list *[]string) func(*Session, byte, []byte, bool) {
		return func(s *Session, kind byte, data []byte, binary bool) {
			if kind == '0' {
				data = nil
			}
			mu.Lock()
			defer mu.Unlock()
			*list = append(*list, fmt.Sprintf("%s %c%s %v", s.TransportName(), kind, data, binary))
		}
	}
	_, addr := start(t, Config{OnPacket: note(&in), OnPacketCreate: note(&out)}, newEcho())
	c := openWS(t, addr)
	c.send("3", "bAQI=", "4hello")
	c.want("binary 0102")
	c.want("4hello")
	target, _ := shake(t, addr)
	request(t, "POST", addr, target, "4a\x1e4b")
	if a := request(t, "GET", addr, target, ""); a.body != "4a\x1e4b" {
		t.Errorf("got %q", a.body)
	}
	mu.Lock()
	defer mu.Unlock()
	if want := []string{"websocket 3 false", "websocket 4\x01\x02 true", "websocket 4hello false", "polling 4a false", "polling 4b false"}; !slices.Equal(in, want) {
		t.Errorf("in %q, want %q", in, want)
	}
	if want := []string{"websocket 0 false", "websocket 4\x01\x02 true", "websocket 4hello false", "polling 0 false", "polling 4a false", "polling 4b false"}; !slices.Equal(out, want) {
		t.Errorf("out %q, want %q", out, want)
	}
}
