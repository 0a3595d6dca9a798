package poller

import (
	"crypto/tls"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stretchr/testify/require"
)

// byHand returns a loop that no backend drives: the test calls its turns.
func byHand(tb testing.TB, cfg Config) *Loop {
	tb.Helper()
	cfg.Loops = 1
	cfg, err := cfg.withDefaults()
	require.NoError(tb, err)
	p := newUnstarted(cfg)
	l, err := newLoop(p, 0)
	require.NoError(tb, err)
	p.loops = []*Loop{l}
	tb.Cleanup(func() {
		l.stopping = true
		l.turn(0)
		l.sel.close()
	})
	return l
}

// addPair gives l one end of a socket pair and returns it with the other.
func addPair(tb testing.TB, l *Loop, h Handler) (*Conn, int) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(tb, err)
	for _, fd := range fds {
		require.NoError(tb, unix.SetNonblock(fd, true))
	}
	tb.Cleanup(func() { _ = unix.Close(fds[1]) })
	var c *Conn
	l.open(&arrival{fd: fds[0], flags: fUnix, accept: func(x *Conn) Handler {
		c = x
		return h
	}})
	l.load.Add(1)
	l.p.admission.adopt(connAddr{})
	return c, fds[1]
}

// addTLSPair gives l one end of a socket pair that is encrypted, and returns
// the client, the connection, and the client's descriptor.
func addTLSPair(tb testing.TB, l *Loop, h Handler) (*tls.Conn, *Conn, int) {
	tb.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(tb, err)
	for _, fd := range fds {
		require.NoError(tb, unix.SetNonblock(fd, true))
	}
	file := os.NewFile(uintptr(fds[1]), "peer")
	nc, err := net.FileConn(file)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		_ = nc.Close()
		_ = file.Close()
	})
	var c *Conn
	a := &arrival{fd: fds[0], flags: fUnix, accept: func(x *Conn) Handler {
		c = x
		return h
	}}
	a.secure(newHandshake(l.p, layerConfig(serverTLS()), false))
	l.open(a)
	l.load.Add(1)
	l.p.admission.adopt(connAddr{})
	client := tls.Client(nc, clientTLS())
	done := make(chan error, 1)
	go func() { done <- client.Handshake() }() // ends with the handshake
	for c == nil {
		l.turn(l.sel.poll())
	}
	require.NoError(tb, <-done)
	return client, c, fds[1]
}
