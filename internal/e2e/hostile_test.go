package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// TestHostileClients lets official clients work while others send rubbish, hold half requests open,
// open and vanish, and never read what they are sent. Nothing of that may reach the official clients.
func TestHostileClients(t *testing.T) {
	needNode(t)
	s := startTestServer(t, variant{maxQueue: 256 << 10})
	addr := strings.TrimPrefix(s.url(), "http://")
	ctx, stop := context.WithCancel(t.Context())
	var attackers sync.WaitGroup
	defer attackers.Wait()
	defer stop()
	for i := range 8 {
		attackers.Go(func() { sendRubbish(ctx, addr, uint64(i)) })
		attackers.Go(func() { holdHalfRequests(ctx, addr, i) })
		attackers.Go(func() { openAndVanish(ctx, addr, i) })
	}
	// The official clients at the same time, over both transports.
	for _, mode := range []string{"polling", "upgrade"} {
		runChecks(t, s, "events.mjs", "URL="+s.url(), "MODE="+mode)
		runChecks(t, s, "binary.mjs", "URL="+s.url(), "MODE="+mode)
	}
}

// TestClientsThatNeverRead fills the room of twenty clients that read nothing: each is cut at its limit,
// the one that reads gets everything, and memory stays near what the limits allow.
func TestClientsThatNeverRead(t *testing.T) {
	if testing.Short() {
		t.Skip("end-to-end tests are left out by -short")
	}
	const (
		deaf     = 20
		messages = 400
		size     = 64 << 10
	)
	s := startTestServer(t, variant{maxQueue: 1 << 20})
	good := join(t, s, "flood")
	for range deaf {
		join(t, s, "flood") // and never read again
	}
	waitFor(t, "everybody is in", func() bool { return s.io.Stats().Sockets == deaf+1 })
	before := heapInUse()

	// The good one reads as the server sends: one message in flight, so that it never reaches its limit.
	payload, err := json.Marshal(strings.Repeat("x", size))
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		if err := s.io.To("flood").EmitRaw("blob", append(fmt.Appendf(nil, "%d,", i), payload...)); err != nil {
			t.Fatal(err)
		}
		want := fmt.Appendf(nil, `42["blob",%d,`, i)
		if got := nextText(t, good, `42["blob"`); !bytes.HasPrefix(got, want) {
			t.Fatalf("message %d came as %.30q", i, got)
		}
	}
	waitFor(t, "the deaf ones are cut", func() bool { return s.io.Stats().Sockets == 1 })
	// Twenty queues of 1 MiB would be 20 MiB, the frames in them shared: one is enough for all.
	if grown := heapInUse() - before; grown > 24<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

// join opens a WebSocket, connects to "/" and enters a room.
func join(t *testing.T, s *testServer, room string) net.Conn {
	t.Helper()
	c, _, _, err := ws.Dial(t.Context(), "ws"+strings.TrimPrefix(s.url(), "http")+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	// One after the other: an event in front of the namespace's answer ends the connection.
	for _, step := range [][2]string{{"40", "40"}, {fmt.Sprintf(`421["join",[%q]]`, room), "431"}} {
		if err := wsutil.WriteClientText(c, []byte(step[0])); err != nil {
			t.Fatal(err)
		}
		nextText(t, c, step[1])
	}
	return c
}

// nextText reads up to the next message that begins with prefix, and answers pings on the way.
func nextText(t *testing.T, c net.Conn, prefix string) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		text, err := wsutil.ReadServerText(c)
		if err != nil {
			t.Fatalf("waiting for %q: %v", prefix, err)
		}
		if bytes.HasPrefix(text, []byte(prefix)) {
			return text
		}
		if string(text) == "2" {
			if err := wsutil.WriteClientText(c, []byte("3")); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// sendRubbish sends random bytes, some of which begin as a request does.
func sendRubbish(ctx context.Context, addr string, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	for ctx.Err() == nil {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		b := make([]byte, r.IntN(4000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		begin := []string{"", "GET / HTTP/1.1\r\n", "POST /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n",
			"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"}
		_, _ = c.Write(append([]byte(begin[r.IntN(len(begin))]), b...))
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = io.Copy(io.Discard, c)
		_ = c.Close()
	}
}

// holdHalfRequests opens connections, sends part of a request on each, and keeps them.
func holdHalfRequests(ctx context.Context, addr string, i int) {
	parts := []string{"", "G", "GET /socket.io/?EIO=4", "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost:", "POST /socket.io/?EIO=4&transport=polling&sid=x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nabc"}
	var held []net.Conn
	for len(held) < 30 && ctx.Err() == nil {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		_, _ = io.WriteString(c, parts[(i+len(held))%len(parts)])
		held = append(held, c)
	}
	<-ctx.Done()
	for _, c := range held {
		_ = c.Close()
	}
}

// openAndVanish makes handshakes and resets the connection in the middle of what follows.
func openAndVanish(ctx context.Context, addr string, i int) {
	for n := 0; ctx.Err() == nil; n++ {
		c, _, _, err := ws.Dial(ctx, "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
		if err != nil {
			if errors.Is(err, context.Canceled) {
				return
			}
			continue
		}
		for _, packet := range []string{"40", `42["join",["a","b"]]`, `451-["echo",{"_placeholder":true,"num":0}]`}[:(n+i)%4] {
			_ = wsutil.WriteClientText(c, []byte(packet))
		}
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = c.Close()
		time.Sleep(5 * time.Millisecond)
	}
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
