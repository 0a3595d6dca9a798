package sysio

import (
	"bytes"
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/stretchr/testify/require"
)

// openRing opens a ring, or skips the test where there is none.
func openRing(t *testing.T, entries int) *Ring {
	t.Helper()
	r, err := OpenRing(entries)
	if errors.Is(err, ErrRing) {
		t.Skip(err)
	}
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// socketPair returns two connected sockets.
func socketPair(t *testing.T) (a, b int32) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = unix.Close(fds[0]), unix.Close(fds[1]) })
	return int32(fds[0]), int32(fds[1])
}

func TestRingResultsAreThoseOfTheCalls(t *testing.T) {
	r := openRing(t, 8)
	a, b := socketPair(t)
	gone, peer := socketPair(t)
	require.NoError(t, unix.Shutdown(int(peer), unix.SHUT_RDWR))
	out, in := []byte("some bytes"), make([]byte, 100)
	calls := []Call{
		{FD: a, Buf: in},                 // nothing there
		{FD: a, Buf: out, Send: true},    // whole
		{FD: b, Buf: in[:4]},             // in order behind the send
		{FD: gone, Buf: in[50:]},         // end of stream
		{FD: gone, Buf: out, Send: true}, // broken
		{FD: -1, Buf: out, Send: true},   // no descriptor
	}
	for round := range 100 { // round the queues
		r.Do(calls)
		for i, want := range []struct {
			n int32
			e Errno
		}{{0, unix.EAGAIN}, {10, 0}, {4, 0}, {0, 0}, {0, unix.EPIPE}, {0, unix.EBADF}} {
			if calls[i].N != want.n || calls[i].Errno != want.e {
				t.Fatalf("round %d: call %d: %d, %v; want %d, %v", round, i, calls[i].N, calls[i].Errno, want.n, want.e)
			}
		}
		if string(in[:4]) != "some" {
			t.Fatalf("received %q", in[:4])
		}
		n, errno := Recv(int(b), in)
		if n != 6 || errno != 0 {
			t.Fatalf("what was left: %d, %v", n, errno)
		}
	}
}

// TestRingMakesMoreCallsThanItHasSlots also fills a socket: what does not fit
// is reported, not waited for.
func TestRingMakesMoreCallsThanItHasSlots(t *testing.T) {
	r := openRing(t, 4)
	a, b := socketPair(t)
	buf := bytes.Repeat([]byte("0123456789"), 10_000)
	calls := make([]Call, 30)
	for i := range calls {
		calls[i] = Call{FD: a, Buf: buf, Send: true}
	}
	r.Do(calls)
	sent, refused := 0, 0
	for _, c := range calls {
		sent += int(c.N)
		if c.Errno == unix.EAGAIN {
			refused++
		} else if c.Errno != 0 || c.N == 0 {
			t.Errorf("call: %d, %v", c.N, c.Errno)
		}
	}
	if refused == 0 || sent == 0 {
		t.Errorf("%d bytes sent, %d calls refused: want some of both", sent, refused)
	}
	for got := 0; got < sent; {
		n, errno := Recv(int(b), make([]byte, 1<<20))
		if n == 0 || errno != 0 {
			t.Fatalf("%d of %d bytes arrived: %v", got, sent, errno)
		}
		got += n
	}
}

func TestOpenRingSaysWhyThereIsNone(t *testing.T) {
	if _, err := OpenRing(0); !errors.Is(err, ErrRing) || !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSYS) {
		t.Errorf("OpenRing(0) = %v, want ErrRing and the kernel's reason", err)
	}
}
