package sysio

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestAddr(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"127.0.0.1:80", "127.0.0.1:80"},
		{"[::1]:443", "[::1]:443"},
		{"[::ffff:10.0.0.1]:1", "10.0.0.1:1"},
		{"[fe80::1%2]:65535", "[fe80::1%2]:65535"},
	} {
		a := AddrOf(netip.MustParseAddrPort(tc.in))
		if got := a.AddrPort().String(); got != tc.want {
			t.Errorf("AddrOf(%s) is %s, want %s", tc.in, got, tc.want)
		}
		if back := FromSockaddr(a.Sockaddr()); back != a {
			t.Errorf("FromSockaddr(Sockaddr) of %s is %v", tc.in, back)
		}
	}
	if (Addr{}).AddrPort() != (netip.AddrPort{}) || (Addr{}).Sockaddr() != nil {
		t.Error("the zero Addr is an address")
	}
}

func TestTransfer(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	for _, fd := range fds {
		require.NoError(t, unix.SetNonblock(fd, true))
		defer func() { _ = unix.Close(fd) }()
	}
	buf := make([]byte, 64)
	if _, e := Recv(fds[1], buf); e != unix.EAGAIN {
		t.Errorf("Recv of nothing: %v, want EAGAIN", e)
	}
	if n, e := Send(fds[0], []byte("ab")); n != 2 || e != 0 {
		t.Errorf("Send = %d, %v", n, e)
	}
	var iov [2]Iovec
	Vec(&iov[0], []byte("cd"))
	Vec(&iov[1], []byte("ef"))
	if n, e := Sendv(fds[0], iov[:]); n != 4 || e != 0 {
		t.Errorf("Sendv = %d, %v", n, e)
	}
	if n, e := Recv(fds[1], buf); e != 0 || !bytes.Equal(buf[:n], []byte("abcdef")) {
		t.Errorf("Recv = %q, %v", buf[:n], e)
	}
	require.NoError(t, unix.Shutdown(fds[0], unix.SHUT_WR))
	if n, e := Recv(fds[1], buf); n != 0 || e != 0 {
		t.Errorf("Recv at the end = %d, %v", n, e)
	}
}

func TestAccept(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer c.Close()
	raw, err := ln.(*net.TCPListener).SyscallConn()
	require.NoError(t, err)
	require.NoError(t, raw.Control(func(fd uintptr) {
		nfd, from, e := Accept(int(fd))
		if e != 0 {
			t.Errorf("Accept: %v", e)
			return
		}
		defer func() { _ = unix.Close(nfd) }()
		if got := from.AddrPort().String(); got != c.LocalAddr().String() {
			t.Errorf("from %s, want %s", got, c.LocalAddr())
		}
		if fl, err := unix.FcntlInt(uintptr(nfd), unix.F_GETFL, 0); err != nil || fl&unix.O_NONBLOCK == 0 {
			t.Errorf("flags %#x, %v: not non-blocking", fl, err)
		}
	}))
}
