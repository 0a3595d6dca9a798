package poller

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/stretchr/testify/require"
)

// never is the handler of connections that must not be accepted.
func never(t *testing.T) func(*Conn) Handler {
	return func(*Conn) Handler {
		t.Error("the connection was accepted")
		return echo{}
	}
}

// flights is what a client sends in a handshake, flight by flight.
func flights(t *testing.T, cfg *tls.Config) (all [][]byte) {
	t.Helper()
	p := newPoller(t, Config{})
	w := &writes{Conn: dial(t, listenTLS(t, p, serverTLS(), acceptEcho))}
	require.NoError(t, tls.Client(w, cfg).Handshake())
	return w.all
}

// writes is a net.Conn that remembers what was written.
type writes struct {
	net.Conn
	all [][]byte
}

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, append([]byte(nil), p...))
	return w.Conn.Write(p)
}

// cutter is a net.Conn that breaks after some bytes.
type cutter struct {
	net.Conn
	left int
	end  func(c net.Conn)
}

var errCut = errors.New("cut")

func (c *cutter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.Conn.Write(p)
	}
	_, _ = c.Conn.Write(p[:c.left])
	c.end(c.Conn)
	return 0, errCut
}

// TestTLSHandshakeCutAtEachByte breaks off, and resets, behind each byte that a
// client sends, and finds every connection and every goroutine gone.
func TestTLSHandshakeCutAtEachByte(t *testing.T) {
	for version, v := range versions {
		t.Run(version, func(t *testing.T) {
			cfg := clientTLS()
			cfg.MaxVersion = v
			cfg.CurvePreferences = []tls.CurveID{tls.X25519} // a short first message
			total := 0
			for _, f := range flights(t, cfg) {
				total += len(f)
			}
			p := newPoller(t, Config{})
			// A client of TLS 1.3 is done before its last flight is read.
			a := listenTLS(t, p, serverTLS(), never(t))
			for n := range total {
				c := &cutter{Conn: dial(t, a), left: n, end: func(c net.Conn) {
					if n%2 == 0 {
						_ = c.(*net.TCPConn).SetLinger(0)
					}
					_ = c.Close()
				}}
				if err := tls.Client(c, cfg).Handshake(); err == nil {
					t.Fatalf("the handshake succeeds with %d bytes of %d", n, total)
				}
			}
			eventually(t, "everything is gone", func() bool {
				s := p.Stats()
				return s.Conns == 0 && s.Handshaking == 0 && s.HandshakesFailed == uint64(total)
			})
			checkEcho(t, dialTLS(t, listenTLS(t, p, serverTLS(), acceptEcho), cfg), 1000)
		})
	}
}

// TestTLSHandshakeResets has the kernel report resets at any call.
func TestTLSHandshakeResets(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, IO: faultfd.New(11, faultfd.Faults{Reset: 0.15, ReadBytes: 200, Again: 0.2, AgainStorm: 3})})
		a := listenTLS(t, p, serverTLS(), acceptEcho)
		good := 0
		for range 60 {
			c := tls.Client(dial(t, a), clientTLS())
			if _, err := c.Write([]byte("x")); err == nil {
				if _, err := io.ReadFull(c, make([]byte, 1)); err == nil {
					good++
				}
			}
			_ = c.Close()
		}
		if good == 0 || good == 60 {
			t.Errorf("%d of 60 succeeded", good)
		}
		eventually(t, "everything is gone", func() bool {
			s := p.Stats()
			return s.Conns == 0 && s.Handshaking == 0
		})
	})
}

// TestTLSHandshakeDeadline cuts who does not go on, wherever that is.
func TestTLSHandshakeDeadline(t *testing.T) {
	hello := flights(t, clientTLS())[0]
	p := newPoller(t, Config{HandshakeTimeout: 300 * time.Millisecond})
	a := listenTLS(t, p, serverTLS(), never(t))
	for name, sent := range map[string][]byte{
		"nothing": nil, "half a record header": hello[:3], "half a hello": hello[:len(hello)/2], "only a hello": hello,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			c := dial(t, a)
			_, err := c.Write(sent)
			require.NoError(t, err)
			got, _ := io.ReadAll(c) // ends with the connection
			// The loop counts from the beginning of the turn that accepted.
			if d := time.Since(begin); d < 250*time.Millisecond {
				t.Errorf("cut after %v", d)
			}
			if name != "only a hello" && len(got) > 0 {
				t.Errorf("%d bytes were answered", len(got))
			}
		})
	}
	t.Cleanup(func() {
		eventually(t, "all are counted", func() bool {
			s := p.Stats()
			return s.HandshakesFailed == 4 && s.Conns == 0 && s.Handshaking == 0
		})
	})
}

// TestTLSHandshakesAreLimited holds as many as are allowed and refuses the
// next; clients that say nothing take no place.
func TestTLSHandshakesAreLimited(t *testing.T) {
	const limit = 3
	p := newPoller(t, Config{MaxHandshakes: limit, HandshakeWorkers: limit})
	gate := make(chan struct{})
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		<-gate
		c := serverCert()
		return &c, nil
	}}
	a := listenTLS(t, p, cfg, acceptEcho)
	for range 2 * limit {
		dial(t, a) // silent
	}
	done := make(chan error, limit)
	for range limit {
		c := tls.Client(dial(t, a), clientTLS())
		go func() { done <- c.Handshake() }() // ends when the gate opens
	}
	eventually(t, "the limit is reached", func() bool { return p.Stats().Handshaking == limit })
	c := tls.Client(dial(t, a), clientTLS())
	if err := c.Handshake(); err == nil {
		t.Error("one above the limit succeeds")
	}
	if n := p.Stats().Refused.Handshakes; n != 1 {
		t.Errorf("%d were refused, want 1", n)
	}
	close(gate)
	for range limit {
		require.NoError(t, within(t, done, "a handshake at the limit"))
	}
	eventually(t, "there is room again", func() bool { return p.Stats().Handshaking == 0 }) // the clients know first
	checkEcho(t, dialTLS(t, a, clientTLS()), 100)
	eventually(t, "they are counted", func() bool {
		s := p.Stats()
		return s.Handshakes == limit+1 && s.HandshakesFailed == 0 && s.Handshaking == 0
	})
}

// TestTLSHandshakeWorkers has more handshakes than workers: as many compute at
// once, and one that waits for its client does not count.
func TestTLSHandshakeWorkers(t *testing.T) {
	hello := flights(t, clientTLS())[0]
	p := newPoller(t, Config{HandshakeWorkers: 2})
	var now, most atomic.Int32
	cfg := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(time.Millisecond)
		c := serverCert()
		return &c, nil
	}}
	a := listenTLS(t, p, cfg, acceptEcho)
	for range 5 { // these wait for their clients until the end
		_, err := dial(t, a).Write(hello)
		require.NoError(t, err)
	}
	var clients sync.WaitGroup
	for range 20 {
		c := tls.Client(dial(t, a), clientTLS())
		clients.Go(func() {
			if err := c.Handshake(); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if n := most.Load(); n != 2 {
		t.Errorf("%d computed at once, want 2", n)
	}
}

// TestTLSHandshakeIsClosed closes the poller in the middle of handshakes, of
// which one waits for a callback that honours its context.
func TestTLSHandshakeIsClosed(t *testing.T) {
	hello := flights(t, clientTLS())[0]
	p := newPoller(t, Config{})
	inside := make(chan struct{})
	cfg := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		close(inside)
		<-hello.Context().Done()
		return nil, hello.Context().Err()
	}}
	for _, a := range []net.Addr{listenTLS(t, p, cfg, never(t)), listenTLS(t, p, serverTLS(), never(t))} {
		_, err := dial(t, a).Write(hello)
		require.NoError(t, err)
	}
	within(t, inside, "the callback")
	require.NoError(t, p.Close())
	if n := p.Stats().Handshaking; n != 0 {
		t.Errorf("%d handshakes are left", n)
	}
}

// TestTLSCallbackPanics reports it and fails that handshake only.
func TestTLSCallbackPanics(t *testing.T) {
	errs := make(chan error, 10)
	p := newPoller(t, Config{OnError: func(err error) { errs <- err }})
	cfg := serverTLS()
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName == "localhost" {
			return nil, nil
		}
		panic("boom")
	}
	a := listenTLS(t, p, cfg, acceptEcho)
	if err := tls.Client(dial(t, a), &tls.Config{InsecureSkipVerify: true, ServerName: "panic"}).Handshake(); err == nil {
		t.Error("the handshake succeeds")
	}
	var panicked *PanicError
	if err := within(t, errs, "OnError"); !errors.As(err, &panicked) || panicked.Value != "boom" {
		t.Errorf("OnError with %v", err)
	}
	checkEcho(t, dialTLS(t, a, clientTLS()), 100)
}

// TestTLSRefusesWhatIsNotTLS closes at the first byte.
func TestTLSRefusesWhatIsNotTLS(t *testing.T) {
	p := newPoller(t, Config{})
	c := dial(t, listenTLS(t, p, serverTLS(), never(t)))
	_, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	require.NoError(t, err)
	got, _ := io.ReadAll(c)
	if len(got) > 0 {
		t.Errorf("the answer is %q", got)
	}
	eventually(t, "it is counted", func() bool { return p.Stats().HandshakesFailed == 1 })
}

// TestTLSDataBehindTheHandshake is sent together with the client's last flight.
func TestTLSDataBehindTheHandshake(t *testing.T) {
	for version, v := range versions {
		t.Run(version, func(t *testing.T) {
			p := newPoller(t, Config{})
			cfg := clientTLS()
			cfg.MaxVersion = v
			c := tls.Client(dial(t, listenTLS(t, p, serverTLS(), acceptEcho)), cfg)
			checkEcho(t, c, 300_000) // the first write shakes hands
		})
	}
}

// TestTLSCertificateIsReplaced returns another certificate from GetCertificate:
// who connects next gets it, and who is connected stays.
func TestTLSCertificateIsReplaced(t *testing.T) {
	next, err := selfsigned.Certificate("localhost")
	require.NoError(t, err)
	var current atomic.Pointer[tls.Certificate]
	first := serverCert()
	current.Store(&first)
	p := newPoller(t, Config{})
	a := listenTLS(t, p, &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return current.Load(), nil
	}}, acceptEcho)
	before := dialTLS(t, a, clientTLS())
	current.Store(&next)
	after := dialTLS(t, a, &tls.Config{ServerName: "localhost", RootCAs: selfsigned.Pool(next)})
	checkEcho(t, before, 100)
	checkEcho(t, after, 100)
}

// TestTLSResumption resumes a session by its ticket.
func TestTLSResumption(t *testing.T) {
	for version, v := range versions {
		for _, perClient := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, GetConfigForClient: %t", version, perClient), func(t *testing.T) {
				p := newPoller(t, Config{})
				server := serverTLS()
				if perClient {
					own := serverTLS()
					server.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return own, nil }
				}
				a := listenTLS(t, p, server, acceptEcho)
				cfg := clientTLS()
				cfg.MaxVersion = v
				cfg.ClientSessionCache = tls.NewLRUClientSessionCache(4)
				for i := range 2 {
					c := dialTLS(t, a, cfg)
					checkEcho(t, c, 100)
					if c.ConnectionState().DidResume != (i == 1) {
						t.Errorf("connection %d: resumed is %t", i, i == 0)
					}
					_ = c.Close()
				}
			})
		}
	}
}

// TestTLSConfigIsChecked wants a certificate from somewhere.
func TestTLSConfigIsChecked(t *testing.T) {
	p := newPoller(t, Config{})
	for _, cfg := range []*tls.Config{nil, {}} {
		if ln, err := p.ListenTLS("tcp", "127.0.0.1:0", cfg, acceptEcho); err == nil {
			_ = ln.Close()
			t.Errorf("%v is accepted", cfg)
		}
	}
}
