package web

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

func dialPeer(t *testing.T, s *wsServer) net.Conn {
	t.Helper()
	nc, br, hs, err := ws.Dialer{Timeout: testWait, Protocols: []string{"other", "echo"}}.Dial(context.Background(), "ws://"+s.addr+"/")
	require.NoError(t, err)
	require.Nil(t, br)
	require.Equal(t, "echo", hs.Protocol)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(2*testWait)))
	return nc
}

var peerOptions = WSOptions{MaxMessageBytes: 16 << 20, MaxQueueBytes: 64 << 20, Protocols: []string{"echo"}}

// TestWSPeerSizes echoes messages of all magnitudes with gobwas/ws.
func TestWSPeerSizes(t *testing.T) {
	s := startWS(t, poller.Config{}, peerOptions, wsFuncs{message: echo})
	nc := dialPeer(t, s)
	for _, size := range []int{0, 1, 125, 126, 65535, 65536, 65537, 1 << 20, 16 << 20} {
		for _, op := range []ws.OpCode{ws.OpText, ws.OpBinary} {
			peerEcho(t, nc, op, bytes.Repeat([]byte("x"), size), size)
		}
	}
	require.NoError(t, ws.WriteFrame(nc, ws.MaskFrameInPlace(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, "")))))
	if e := s.end(t); e != (wsEnd{1000, nil}) {
		t.Errorf("got %+v", e)
	}
}

// peerEcho sends a message in fragments of at most piece bytes.
func peerEcho(t *testing.T, nc net.Conn, op ws.OpCode, payload []byte, piece int) {
	t.Helper()
	sent := make(chan error, 1)
	go func() { // ends when the message was written
		w := wsutil.NewWriterSize(nc, ws.StateClientSide, op, max(piece, 1))
		_, err := w.Write(payload)
		if err == nil {
			err = w.Flush()
		}
		sent <- err
	}()
	got, gotOp, err := wsutil.ReadServerData(nc)
	require.NoError(t, err)
	require.NoError(t, <-sent)
	if gotOp != op || !bytes.Equal(got, payload) {
		t.Errorf("%d bytes as %v in pieces of %d: got %d as %v", len(payload), op, piece, len(got), gotOp)
	}
}
