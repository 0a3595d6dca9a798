package poller

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/stretchr/testify/require"
)

// starvedEnv makes the test binary the server of TestStarved, with the
// backend that it names.
const starvedEnv = "SIROCCO_POLLER_STARVED"

// starvedFDs is the server's RLIMIT_NOFILE, starvedTaken how many of them are
// taken by others, so that descriptors run out below the poller's own limit.
const (
	starvedFDs   = 256
	starvedTaken = 120
)

// serveStarved is the server: it prints its address, and for each line on its
// standard input the processor time it used so far and what it refused.
func serveStarved() {
	die := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	die(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: starvedFDs, Max: starvedFDs}))
	p, err := New(Config{Loops: 2, Backend: Backend(os.Getenv(starvedEnv))})
	die(err)
	ln, err := p.Listen("tcp", "127.0.0.1:0", acceptEcho)
	die(err)
	for range starvedTaken {
		_, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
		die(err)
	}
	fmt.Println(ln.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u unix.Rusage
		die(unix.Getrusage(unix.RUSAGE_SELF, &u))
		s := p.Stats()
		fmt.Println(u.Utime.Nano()+u.Stime.Nano(), s.Refused.FDs, s.Conns)
	}
	die(p.Close())
}

// starvedServer is a running serveStarved.
type starvedServer struct {
	addr string
	ask  func() (cpu time.Duration, refused, conns int)
}

func startStarved(t *testing.T, b Backend) starvedServer {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), starvedEnv+"="+string(b))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	return starvedServer{lines.Text(), func() (cpu time.Duration, refused, conns int) {
		_, err := fmt.Fprintln(in)
		require.NoError(t, err)
		require.True(t, lines.Scan())
		_, err = fmt.Sscan(lines.Text(), &cpu, &refused, &conns)
		require.NoError(t, err, lines.Text())
		return cpu, refused, conns
	}}
}

// served reports whether the server at addr echoes on a new connection.
func served(addr string) (net.Conn, bool) {
	c, err := net.DialTimeout("tcp", addr, soon)
	if err != nil {
		return nil, false
	}
	_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
	_, _ = c.Write([]byte("x"))
	if _, err = c.Read(make([]byte, 1)); err != nil {
		_ = c.Close()
		return nil, false
	}
	return c, true
}

// TestStarved lets a server run out of descriptors: it must neither spin nor
// die, go on serving those it has, and accept again when some are freed.
func TestStarved(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		srv := startStarved(t, b)
		var conns []net.Conn
		defer func() {
			for _, c := range conns {
				_ = c.Close()
			}
		}()
		failed := 0
		for failed < 5 && len(conns) < starvedFDs {
			if c, ok := served(srv.addr); ok {
				conns = append(conns, c)
			} else {
				failed++
			}
		}
		if len(conns) < 50 || len(conns) > starvedFDs-starvedTaken {
			t.Fatalf("%d connections were served", len(conns))
		}
		before, refused, _ := srv.ask()
		if refused == 0 {
			t.Error("nobody was refused with a reset")
		}
		const watch = time.Second
		for end := time.Now().Add(watch); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if c, err := net.DialTimeout("tcp", srv.addr, soon); err == nil {
				defer c.Close()
			}
		}
		after, _, _ := srv.ask()
		if used := after - before; used > watch/10 {
			t.Errorf("used %v of processor time in %v without descriptors", used, watch)
		}
		c := conns[0]
		_ = c.SetDeadline(time.Now().Add(soon))
		_, _ = c.Write([]byte("y"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Errorf("an old connection is no longer served: %v", err)
		}
		for _, c := range conns[1:51] {
			_ = c.Close()
		}
		eventually(t, "served again", func() bool {
			c, ok := served(srv.addr)
			if ok {
				_ = c.Close()
			}
			return ok
		})
	})
}
