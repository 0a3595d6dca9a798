package poller

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/stretchr/testify/require"
)

// servedEnv makes the test binary the server of BenchmarkServer, with the
// backend that it names: the processor time of a server can only be told in a
// process of its own.
const servedEnv = "SIROCCO_POLLER_SERVED"

// serveBench echoes what it gets. For a line n on its standard input it sends
// a frame of 100 bytes to all connections, n times in one turn; for each line
// it prints its processor time, its connections, and its heap.
func serveBench() {
	p, err := New(Config{Loops: 1, Backend: Backend(os.Getenv(servedEnv)), MaxQueueBytes: -1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := p.Listen("tcp", "127.0.0.1:0", acceptEcho)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ln.Addr())
	cast := func(a, b any) {
		l := a.(*Loop)
		for range b.(int) {
			f := raw(make([]byte, 100)).Retain(l.slab.live)
			l.slab.each(func(c *Conn) { c.Send(f) })
			f.Release()
		}
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var n int
		_, _ = fmt.Sscan(in.Text(), &n)
		if n > 0 {
			p.Loops()[0].Post(cast, p.Loops()[0], n)
		}
		var m runtime.MemStats
		if n < 0 {
			debug.FreeOSMemory()
			runtime.ReadMemStats(&m)
		}
		var u unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
		fmt.Println(u.Utime.Nano(), u.Stime.Nano(), p.Stats().Conns, m.HeapInuse)
	}
	_ = p.Close()
}

// benchServer is a running serveBench.
type benchServer struct {
	addr netip.AddrPort
	ask  func(n int) benchUsage
}

type benchUsage struct {
	user, sys time.Duration
	conns     int
	heap      int64
}

func startBench(b *testing.B, backend Backend) benchServer {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), servedEnv+"="+string(backend))
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	require.True(b, lines.Scan())
	a, err := net.ResolveTCPAddr("tcp", lines.Text())
	require.NoError(b, err)
	return benchServer{a.AddrPort(), func(n int) (u benchUsage) {
		_, err := fmt.Fprintln(in, n)
		require.NoError(b, err)
		require.True(b, lines.Scan())
		_, err = fmt.Sscan(lines.Text(), &u.user, &u.sys, &u.conns, &u.heap)
		require.NoError(b, err)
		return u
	}}
}

// benchClient plays ping-pong while on, and counts what arrives.
type benchClient struct {
	f     *frame.Frame
	on    bool
	got   int // bytes
	want  int
	ready chan struct{}
}

func (h *benchClient) OnOpen(*Conn) {}

func (h *benchClient) OnData(c *Conn, b []byte) {
	h.got += len(b)
	if h.on {
		c.Send(h.f.Retain(1))
	}
	if h.want > 0 && h.got >= h.want {
		h.want = 0
		h.ready <- struct{}{}
	}
}

func (h *benchClient) OnDrain(*Conn)        {}
func (h *benchClient) OnClose(*Conn, error) {}

// expect waits until n more bytes have arrived; start runs on the loop first.
func (h *benchClient) expect(l *Loop, n int, start func()) {
	l.Post(func(_, _ any) { h.got, h.want = 0, n; start() }, nil, nil)
	<-h.ready
}

// BenchmarkServer measures a server process from outside: processor time per
// echo of 64 bytes, per delivery of 100 bytes to everybody, and the heap per
// idle connection.
func BenchmarkServer(b *testing.B) {
	const conns = 2000
	for _, backend := range backends {
		b.Run(string(backend), func(b *testing.B) {
			srv := startBench(b, backend)
			empty := srv.ask(-1)
			p := newPoller(b, Config{Loops: 1, Backend: BackendEpoll})
			l := p.Loops()[0]
			h := &benchClient{f: raw(make([]byte, 64)), ready: make(chan struct{}, 1)}
			for range conns {
				require.NoError(b, p.Dial(l, netip.AddrPort{}, srv.addr, h))
			}
			for srv.ask(0).conns < conns {
				time.Sleep(time.Millisecond)
			}
			h.expect(l, conns*64, func() { sendAll(l, h.f) })
			time.Sleep(50 * time.Millisecond)
			idle := float64(srv.ask(-1).heap-empty.heap) / conns
			b.Run("echo", func(b *testing.B) {
				before := srv.ask(0)
				rounds := max(b.N/conns, 1)
				h.expect(l, conns*64*rounds, func() { h.on = true; sendAll(l, h.f) })
				report(b, before, srv.ask(0), conns*rounds, "echo")
				l.Post(func(_, _ any) { h.on = false }, nil, nil)
				time.Sleep(50 * time.Millisecond)
				b.ReportMetric(idle, "heap-B/conn")
			})
			for _, n := range []int{1, 4, 20} {
				b.Run(fmt.Sprintf("cast%d", n), func(b *testing.B) {
					before := srv.ask(0)
					rounds := max(b.N/conns/n, 1)
					for range rounds {
						h.expect(l, conns*100*n, func() { srv.ask(n) })
					}
					report(b, before, srv.ask(0), conns*n*rounds, "delivery")
				})
			}
		})
	}
}

// sendAll queues f for every connection of l.
func sendAll(l *Loop, f *frame.Frame) {
	l.slab.each(func(c *Conn) { c.Send(f.Retain(1)) })
}

// report tells the processor time per operation.
func report(b *testing.B, from, to benchUsage, n int, what string) {
	user, sys := float64(to.user-from.user), float64(to.sys-from.sys)
	b.ReportMetric((user+sys)/1e3/float64(n), "cpu-µs/"+what)
	b.ReportMetric(user/1e3/float64(n), "user-µs/"+what)
}
