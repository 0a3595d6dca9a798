package sio

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/poller"
)

// TestSlowReadersUnderBroadcast: 15 of 75 clients stop reading. Each of them
// ends once, with the reason; the others lose nothing; and what is queued costs
// less than the limits allow, as the frames are shared.
func TestSlowReadersUnderBroadcast(t *testing.T) {
	const (
		clients, slow = 75, 15
		limit         = 256 << 10
		size          = 64 << 10
		events        = 120 // 8 MB for each: more than kernel buffers hold
	)
	srv, addr := serve(t, Config{PingInterval: time.Hour, Poller: poller.Config{MaxQueueBytes: limit}})
	var cut, otherwise atomic.Int64
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) {
		if r == ReasonTransportError && err == ErrSlowConsumer {
			cut.Add(1)
		} else if r != ReasonServerShuttingDown {
			otherwise.Add(1)
		}
	})
	var got atomic.Int64
	var readers sync.WaitGroup
	for i := range clients {
		if i < slow {
			joinDeaf(t, addr)
			continue
		}
		conn := rawJoin(t, addr)
		if conn == nil {
			t.FailNow()
		}
		readers.Go(func() { // ends with the last event
			for want := range events {
				text, err := wsutil.ReadServerText(conn)
				if err != nil {
					t.Errorf("event %d: %v", want, err)
					return
				}
				n := -1
				if _, _ = fmt.Sscanf(string(text[:min(len(text), 20)]), `42["x",%d,`, &n); n != want {
					t.Errorf("event %d came instead of %d", n, want)
					return
				}
				got.Add(1)
			}
		})
	}
	eventually(t, "everybody is in", func() bool { return srv.Stats().Sockets == clients })
	before := heap()
	args := make([]byte, size)
	for i := range args {
		args[i] = '1'
	}
	grown := int64(0)
	for i := range events {
		if err := srv.EmitRaw("x", append(fmt.Appendf(nil, "%d,", i), args...)); err != nil {
			t.Fatal(err)
		}
		// One in flight, so that those that read stay below their limit.
		eventually(t, "those that read have it", func() bool { return got.Load() >= int64((i+1)*(clients-slow)) || t.Failed() })
		if i%40 == 39 {
			grown = max(grown, heap()-before)
		}
	}
	readers.Wait()
	eventually(t, "the slow ones are cut", func() bool { return cut.Load() == slow })
	eventually(t, "they are counted", func() bool { return srv.Stats().SlowConsumers == slow })
	if n := otherwise.Load(); n != 0 {
		t.Errorf("%d sockets ended otherwise", n)
	}
	if grown > slow*limit {
		t.Errorf("the heap grew by %d KiB, all limits together are %d KiB", grown>>10, slow*limit>>10)
	}
}

// TestThunderingReconnect cuts 500 clients at once, who all come back at once,
// while one that stays is answered all the time.
func TestThunderingReconnect(t *testing.T) {
	const clients = 500
	srv, addr := serve(t, Config{})
	srv.OnRaw("x", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	stays := join(t, addr, "/")
	var all []*rawConn
	for range clients {
		conn := rawJoin(t, addr)
		if conn == nil {
			t.FailNow()
		}
		all = append(all, conn)
	}
	eventually(t, "everybody is in", func() bool { return srv.Stats().Sockets == clients+1 })
	before := heap()
	for _, conn := range all {
		_ = conn.Close()
	}
	back := make([]*rawConn, clients)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() { back[i] = rawJoin(t, addr) }) // ends when the client is in
	}
	for range 50 {
		stays.send(`21["x"]`)
		stays.expect("31[]")
	}
	wg.Wait()
	eventually(t, "everybody is back, and the old ones are gone", func() bool {
		st := srv.Stats()
		return st.Sockets == clients+1 && st.Connections == clients+1 && st.Workers == 0
	})
	clear(all)
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
	if n := srv.Stats().Disconnects[ReasonTransportClose] + srv.Stats().Disconnects[ReasonTransportError]; n != clients {
		t.Errorf("%d disconnects", n)
	}
}
