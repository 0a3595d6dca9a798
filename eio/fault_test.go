package eio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/poller"
)

// TestFaultyKernel runs polling, WebSocket and the upgrade over descriptors that read and write a few
// bytes, answer EAGAIN and EINTR: nothing is lost, nothing out of order.
func TestFaultyKernel(t *testing.T) {
	for name, faults := range faultfd.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, addr := start(t, Config{Poller: poller.Config{IO: faultfd.New(1, faults), Loops: 2}}, newEcho())
			target, sid := shake(t, addr)
			big := "4" + strings.Repeat("0123456789", 300)
			for i := range 10 {
				p := fmt.Sprintf("4%d\x1e%s", i, big)
				require.Equal(t, "ok", request(t, "POST", addr, target, p).body)
				require.Equal(t, p, request(t, "GET", addr, target, "").body)
			}
			require.Equal(t, "ok", request(t, "POST", addr, target, "4buffered").body)
			c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket&sid="+sid)
			require.NoError(t, err)
			c.send("2probe")
			c.want("3probe")
			c.send("5", "4switched", big)
			c.want("4buffered")
			c.want("4switched")
			c.want(big)
			w := openWS(t, addr)
			for i := range 10 {
				w.send(fmt.Sprintf("4%d", i), big)
			}
			for i := range 10 {
				w.want(fmt.Sprintf("4%d", i))
				w.want(big)
			}
		})
	}
}

// TestResets: connections are reset at every point of a session's life; each OnOpen has its OnClose, and
// the server goes on.
func TestResets(t *testing.T) {
	h := newEcho()
	opened := make(chan struct{}, 1000)
	h.open = func(*Session) { opened <- struct{}{} }
	srv, addr := start(t, Config{Poller: poller.Config{IO: faultfd.New(7, faultfd.Faults{Reset: 0.1, ReadBytes: 50})}}, h)
	for range 100 {
		c, err := dialWS(t, addr, "/engine.io/?EIO=4&transport=websocket")
		if err != nil {
			continue
		}
		for range 20 {
			c.send("4" + strings.Repeat("x", 100))
		}
		for !ended(c.next()) {
		}
	}
	require.NoError(t, srv.Close())
	if len(opened) == 0 || len(h.ends) != len(opened) {
		t.Errorf("%d OnOpen, %d OnClose", len(opened), len(h.ends))
	}
}

// ended reports whether what next returned is no message of the server.
func ended(s string) bool {
	return !strings.HasPrefix(s, "4") && !strings.HasPrefix(s, "0") && s != "2"
}
