package load

import (
	"os"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/stretchr/testify/require"
)

// TestSocketIO2 runs the dialect against a server that is known to speak it, and
// whose heartbeats the clients must send.
func TestSocketIO2(t *testing.T) {
	io, err := sio.NewServer(sio.Config{AllowEIO3: true, PingInterval: 500 * time.Millisecond, PingTimeout: 20 * time.Second})
	require.NoError(t, err)
	defer func() { _ = io.Close() }()
	io.OnRaw("echo", func(e *sio.RawEvent) { _ = e.Socket().EmitRaw("echo", e.Args()) })
	io.OnRaw("ack", func(e *sio.RawEvent) { _ = e.Ack(e.Args()) })
	io.OnRaw("bcast", func(e *sio.RawEvent) { _ = io.EmitRaw("bcast", e.Args()) })
	addr, err := io.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	for _, c := range []Config{
		{Scenario: "echo", Pipeline: 3}, {Scenario: "ack"}, {Scenario: "broadcast", Event: "bcast"},
	} {
		c.URL, c.PID, c.Dialect, c.Clients = "http://"+addr.String(), os.Getpid(), SocketIO2, 20
		c.Warmup, c.Duration = 50*time.Millisecond, 1500*time.Millisecond
		r, err := Run(t.Context(), c)
		if err != nil {
			t.Fatalf("%s: %v", c.Scenario, err)
		}
		if r.Received < r.Sent || r.Sent == 0 || r.Pings == 0 {
			t.Errorf("%s: %d sent, %d received, %d heartbeats", c.Scenario, r.Sent, r.Received, r.Pings)
		}
	}
}
