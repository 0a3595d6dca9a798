package web

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/poller"
)

func TestWSProtocolWithFaults(t *testing.T) {
	for name, faults := range faultfd.Profiles() {
		t.Run(name, func(t *testing.T) {
			s := startWS(t, poller.Config{IO: faultfd.New(7, faults)}, WSOptions{}, wsFuncs{message: echo})
			runProtocol(t, s, false, 20_000)
		})
	}
}

// TestWSPeerFaults echoes random messages over descriptors that misbehave.
func TestWSPeerFaults(t *testing.T) {
	for name, faults := range faultfd.Profiles() {
		t.Run(name, func(t *testing.T) {
			s := startWS(t, poller.Config{IO: faultfd.New(3, faults)}, peerOptions, wsFuncs{message: echo})
			nc := dialPeer(t, s)
			rng := rand.New(rand.NewPCG(5, 6))
			for i := range 60 {
				payload := bytes.Repeat([]byte(fmt.Sprintf("%d é ", i)), rng.IntN(300))
				op := ws.OpText
				if i%3 == 0 {
					op = ws.OpBinary
				}
				peerEcho(t, nc, op, payload, 1+rng.IntN(400))
			}
		})
	}
}

// TestWSResets has connections die at any byte: each WebSocket that opened is
// reported closed once, and nothing else happens.
func TestWSResets(t *testing.T) {
	kernel := faultfd.New(11, faultfd.Faults{ReadBytes: 20, WriteBytes: 20, Reset: 0.02})
	failed := func(err error) { t.Error(err) }
	s := startWS(t, poller.Config{IO: kernel, OnError: failed}, WSOptions{}, wsFuncs{message: echo})
	in := join(wsRequest(), m(fin|text, "hello"), m(text, "hel"), m(ping, "ping"), m(fin|cont, "lo"), closeWith(1000, ""))
	for range 300 {
		nc := s.rawDial(t)
		_, _ = nc.Write(in)
		_, _ = io.Copy(io.Discard, nc)
		_ = nc.Close()
	}
	require.NoError(t, s.poller.Close())
	if opened, closed := s.opened.Load(), s.closed.Load(); opened != closed || opened == 0 || opened == 300 {
		t.Errorf("%d opened, %d closed", opened, closed)
	}
}
