package poller

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

const (
	// streamBufferBytes is what a goroutine that carries bytes reads at once.
	streamBufferBytes = 4 << 10
	// streamLinger is how long what was written may take to leave when the
	// loop is done with the connection.
	streamLinger = 2 * time.Second
)

// stream is a connection whose bytes no descriptor carries as they are. Two
// goroutines carry them between it and a socket, whose other end is the loop's.
type stream struct {
	nc    net.Conn      // of the peer
	end   *net.UnixConn // of the socket
	over  atomic.Int32  // of two: the loop closed its end; all was written to nc
	ended atomic.Int32  // goroutines
}

// streams are those of a poller, by the loop's descriptor.
type streams struct {
	mu      sync.Mutex
	open    map[int]*stream // guarded by mu
	closed  bool            // guarded by mu: the loops have ended
	carried sync.WaitGroup
}

// AdoptStream is [Poller.Adopt] for a connection that is no plain socket, such
// as one of TLS, and takes the same things over. The connection costs two
// goroutines with a buffer of 4 KiB each, which end with it, two descriptors,
// and one more copy of every byte. nc is closed with the loop's connection, the
// last bytes having two seconds to leave.
// Ownership: rest is copied.
func (p *Poller) AdoptStream(l *Loop, nc net.Conn, h Handler, rest []byte) error {
	a := &arrival{h: h, flags: fUnix | fStream, rest: append([]byte(nil), rest...)}
	if from, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		a.addr = sysio.AddrOf(from)
	}
	s, err := p.openStream(a, nc)
	if err != nil {
		_ = nc.Close()
		return err
	}
	if l == nil {
		l = p.NextLoop()
	}
	err = a.send(l) // closes the socket, and with that the stream, when it fails
	// Both goroutines end when either side does: with the loop's connection,
	// whose end sets deadlines to the other, or because nc fails.
	go s.carryIn(p)
	go s.carryOut(p) // ends as carryIn does
	return err
}

// openStream makes the socket for nc, and its stream.
func (p *Poller) openStream(a *arrival, nc net.Conn) (*stream, error) {
	if p.down.Load() {
		return nil, ErrClosed
	}
	if !p.admission.adopt(a.addr) {
		return nil, ErrTooManyConns
	}
	fd, end, err := socketPair()
	if err != nil {
		p.leave(a.addr)
		return nil, err
	}
	s := &stream{nc: nc, end: end}
	_ = nc.SetDeadline(time.Time{})
	if !p.streams.add(fd, s) {
		_ = unix.Close(fd)
		_ = end.Close()
		p.leave(a.addr)
		return nil, ErrClosed
	}
	a.fd = fd
	return s, nil
}

// socketPair returns the two ends of a socket, one for a loop.
func socketPair() (fd int, end *net.UnixConn, err error) {
	syscall.ForkLock.RLock()
	both, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err == nil {
		unix.CloseOnExec(both[0])
		unix.CloseOnExec(both[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, nil, err
	}
	f := os.NewFile(uintptr(both[1]), "stream")
	defer func() { _ = f.Close() }() // FileConn duplicates it
	nc, err := net.FileConn(f)
	if err == nil {
		err = unix.SetNonblock(both[0], true)
	}
	if err != nil {
		_ = unix.Close(both[0])
		return -1, nil, err
	}
	return both[0], nc.(*net.UnixConn), nil
}

// carryIn carries what the peer sends, until it ends or the loop has closed.
func (s *stream) carryIn(p *Poller) {
	defer s.leave(p)
	carry(s.end, s.nc)
	_ = s.end.CloseWrite()
}

// carryOut carries what the loop writes, until that ends or the peer is gone.
func (s *stream) carryOut(p *Poller) {
	defer s.leave(p)
	carry(s.nc, s.end)
	if half, ok := s.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	} else { // no way to tell the peer but the end
		_ = s.nc.SetReadDeadline(time.Now().Add(streamLinger))
	}
	// Nobody reads further: the loop's next write fails.
	_ = s.end.CloseRead()
	s.finish()
}

// finish is called when the loop has closed its end, and when all is written:
// the second time, what the peer may still send is for nobody.
func (s *stream) finish() {
	if s.over.Add(1) == 2 {
		_ = s.nc.SetReadDeadline(time.Unix(1, 0))
	}
}

// leave is the end of a goroutine. The second one closes: that may block.
func (s *stream) leave(p *Poller) {
	if s.ended.Add(1) == 2 {
		_ = s.nc.Close()
		_ = s.end.Close()
	}
	p.streams.carried.Done()
}

// carry copies until reading or writing ends.
func carry(to, from net.Conn) {
	buf := make([]byte, streamBufferBytes)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, wErr := to.Write(buf[:n]); wErr != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// add registers a stream, unless the loops have ended.
func (st *streams) add(fd int, s *stream) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return false
	}
	if st.open == nil {
		st.open = make(map[int]*stream)
	}
	st.open[fd] = s
	st.carried.Add(2)
	return true
}

// loopClosed is called in front of the closing of the loop's descriptor. What is
// in the socket may still leave; reading ends with that.
func (st *streams) loopClosed(fd int) {
	st.mu.Lock()
	s := st.open[fd]
	delete(st.open, fd)
	st.mu.Unlock()
	if s != nil {
		_ = s.nc.SetDeadline(time.Now().Add(streamLinger))
		s.finish()
	}
}

// wait waits for the goroutines, when the loops have ended.
func (st *streams) wait() {
	st.mu.Lock()
	st.closed = true
	st.mu.Unlock()
	st.carried.Wait()
}
