package faultfd

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
	"github.com/stretchr/testify/require"
)

// pair returns two connected non-blocking sockets.
func pair(t *testing.T) (int, int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	for _, fd := range fds {
		require.NoError(t, unix.SetNonblock(fd, true))
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	return fds[0], fds[1]
}

func TestShort(t *testing.T) {
	a, b := pair(t)
	io := New(1, Faults{ReadBytes: 2, WriteBytes: 3})
	if n, e := io.Send(a, []byte("hello")); n != 3 || e != 0 {
		t.Errorf("Send = %d, %v, want 3 bytes", n, e)
	}
	buf := make([]byte, 10)
	if n, e := io.Recv(b, buf); n != 2 || e != 0 {
		t.Errorf("Recv = %d, %v, want 2 bytes", n, e)
	}
	var iov [2]sysio.Iovec
	sysio.Vec(&iov[0], []byte("ab"))
	sysio.Vec(&iov[1], []byte("cd"))
	if n, e := io.Sendv(a, iov[:]); n != 2 || e != 0 {
		t.Errorf("Sendv = %d, %v, want the 2 bytes of the first part", n, e)
	}
}

func TestStorm(t *testing.T) {
	a, _ := pair(t)
	io := New(1, Faults{Again: 0.3, AgainStorm: 4})
	inStorm, storms := 0, 0
	for range 1000 {
		_, e := io.Send(a, nil)
		switch e {
		case unix.EAGAIN:
			inStorm++
		case 0:
			if inStorm%4 != 0 {
				t.Fatalf("%d EAGAIN in a row, want a multiple of 4", inStorm)
			}
			storms += inStorm / 4
			inStorm = 0
		default:
			t.Fatalf("Send: %v", e)
		}
	}
	if storms == 0 {
		t.Error("no storm in 1000 calls")
	}
}

func TestResetLasts(t *testing.T) {
	a, _ := pair(t)
	io := New(1, Faults{Reset: 1})
	for range 3 {
		if _, e := io.Recv(a, make([]byte, 1)); e != unix.ECONNRESET {
			t.Errorf("Recv: %v, want ECONNRESET", e)
		}
	}
	io.Closed(a)
	if n := len(io.(*faulty).socks); n != 0 {
		t.Errorf("%d sockets remembered after Closed", n)
	}
}

func TestSeed(t *testing.T) {
	a, _ := pair(t)
	draw := func() (es []sysio.Errno) {
		io := New(42, Faults{Again: 0.3, Interrupt: 0.3})
		for range 100 {
			_, e := io.Send(a, nil)
			es = append(es, e)
		}
		return es
	}
	first, second := draw(), draw()
	for i := range first {
		if first[i] != second[i] {
			t.Fatalf("call %d: %v and %v with the same seed", i, first[i], second[i])
		}
	}
}

func TestProfilesDeliver(t *testing.T) {
	for name, f := range Profiles() {
		t.Run(name, func(t *testing.T) {
			a, b := pair(t)
			io := New(7, f)
			want, got := []byte("0123456789abcdef"), []byte(nil)
			rest, buf := want, make([]byte, 64)
			for range 10_000 {
				n, _ := io.Send(a, rest)
				rest = rest[n:]
				m, _ := io.Recv(b, buf)
				got = append(got, buf[:m]...)
				if len(got) == len(want) {
					break
				}
			}
			if string(got) != string(want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
