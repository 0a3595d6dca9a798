package poller

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/sirocco-io/sirocco/internal/faultfd"
	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/stretchr/testify/require"
)

// TestTLSEcho sends data through every fault that a kernel may put under TLS.
func TestTLSEcho(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		for name, f := range faultfd.Profiles() {
			for version, v := range versions {
				t.Run(name+", "+version, func(t *testing.T) {
					t.Parallel()
					n := 1 << 20
					if f.ReadBytes > 0 || f.WriteBytes > 0 {
						n = 4 << 10
					}
					p := newPoller(t, Config{Backend: b, MaxQueueBytes: -1, IO: faultfd.New(7, f)})
					cfg := clientTLS()
					cfg.MaxVersion = v
					checkEcho(t, dialTLS(t, listenTLS(t, p, serverTLS(), acceptEcho), cfg), n)
				})
			}
		}
	})
}

// TestTLSOrder has several frames and chains queued in one turn, more than one
// record and one gathering can take.
func TestTLSOrder(t *testing.T) {
	for name, f := range faultfd.Profiles() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			units := 30_000
			if f.WriteBytes > 0 {
				units = 300
			}
			p := newPoller(t, Config{MaxQueueBytes: -1, IO: faultfd.New(3, f)})
			c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
				return &hooks{data: func(c *Conn, _ []byte) { sendNumbers(c, units) }}
			}), clientTLS())
			for range 2 {
				_, err := c.Write([]byte("x"))
				require.NoError(t, err)
				want := numbers(units)
				got := make([]byte, len(want))
				_, err = io.ReadFull(c, got)
				require.NoError(t, err)
				if !bytes.Equal(got, want) {
					t.Fatal("what arrived is not what was sent")
				}
			}
		})
	}
}

// TestTLSFramesOfATurnShareRecords counts records: many frames are one, and
// what is longer fills them.
func TestTLSFramesOfATurnShareRecords(t *testing.T) {
	p := newPoller(t, Config{Loops: 1})
	const most = 16 << 10
	for _, tc := range []struct{ frames, size, records int }{
		{50, 10, 1}, {1, 1, 1}, {1000, 16, 1}, {1, most, 1}, {1, most + 1, 2}, {100, 1000, 7}, {3, 5 * most, 15},
	} {
		t.Run(fmt.Sprintf("%d of %d bytes", tc.frames, tc.size), func(t *testing.T) {
			first := true
			c, r := recorded(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
				return &hooks{data: func(c *Conn, b []byte) {
					if first {
						first = false
						c.Send(raw(b))
						return
					}
					for range tc.frames {
						c.Send(raw(make([]byte, tc.size)))
					}
				}}
			}))
			_, err := c.Write([]byte("x"))
			require.NoError(t, err)
			_, err = io.ReadFull(c, make([]byte, tc.frames*tc.size))
			require.NoError(t, err)
			if sizes := r.take(); len(sizes) != tc.records {
				t.Errorf("%d records, want %d: %v", len(sizes), tc.records, sizes)
			}
		})
	}
}

// TestTLSSharedFrames sends the same frames to many connections, encrypted and
// not, and looks for lost or extra references.
func TestTLSSharedFrames(t *testing.T) {
	const conns, rounds = 12, 40
	opened := make(chan *Conn, conns)
	p := newPoller(t, Config{Loops: 1})
	accept := func(*Conn) Handler { return &hooks{open: func(c *Conn) { opened <- c }} }
	plain, secret := listen(t, p, accept), listenTLS(t, p, serverTLS(), accept)
	var clients []net.Conn
	var all []*Conn
	for i := range conns {
		if i%4 == 0 {
			clients = append(clients, dial(t, plain))
		} else {
			clients = append(clients, dialTLS(t, secret, clientTLS()))
		}
		all = append(all, within(t, opened, "open"))
	}
	sendShared(t, p.Loops()[0], all, clients, rounds)
}

// TestTLSMove hands a connection from loop to loop, in the middle of a record.
func TestTLSMove(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b, Loops: 3, IO: faultfd.New(5, faultfd.Faults{ReadBytes: 40, WriteBytes: 50})})
		var mover *hooks
		mover = &hooks{
			open: func(c *Conn) {
				if c.TLS() == nil {
					t.Error("the encryption is not known")
				}
			},
			data: func(c *Conn, b []byte) {
				c.Send(raw(b))
				c.Move(p.Loops()[(c.Loop().Index()+1)%3], mover, nil)
			},
		}
		c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler { return mover }), clientTLS())
		checkEcho(t, c, 20_000)
	})
}

// TestTLSMoveDeliversTheRest gives the new loop what the old one had decrypted.
func TestTLSMoveDeliversTheRest(t *testing.T) {
	p := newPoller(t, Config{Loops: 2})
	first := &hooks{data: func(c *Conn, b []byte) {
		c.Send(raw([]byte("first;")))
		c.Move(p.Loops()[1-c.Loop().Index()], echo{}, b)
	}}
	c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler { return first }), clientTLS())
	_, err := c.Write([]byte("rest"))
	require.NoError(t, err)
	got := make([]byte, 10)
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	if string(got) != "first;rest" {
		t.Errorf("got %q", got)
	}
}

// TestTLSPause lets nothing through until Resume, and then all of it.
func TestTLSPause(t *testing.T) {
	p := newPoller(t, Config{Loops: 1})
	opened, got := make(chan *Conn, 1), make(chan int, 1000)
	c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
		return &hooks{
			open: func(c *Conn) {
				opened <- c
				c.Pause()
			},
			data: func(_ *Conn, b []byte) { got <- len(b) },
		}
	}), clientTLS())
	sc := within(t, opened, "open")
	const total = 300_000
	wrote := make(chan error, 1)
	go func() { // ends when all is written or the connection closed
		_, err := c.Write(make([]byte, total))
		wrote <- err
	}()
	for range 3 {
		on(t, p.Loops()[0], func() {})
	}
	if len(got) != 0 {
		t.Error("data was delivered in the pause")
	}
	on(t, p.Loops()[0], sc.Resume)
	for n := 0; n < total; {
		n += within(t, got, "data")
	}
	require.NoError(t, within(t, wrote, "write"))
}

// alertSize is the length of an encrypted alert: 2 bytes, a nonce or a type,
// and a tag.
var alertSize = map[uint16]int{tls.VersionTLS12: 2 + 8 + 16, tls.VersionTLS13: 2 + 1 + 16}

// TestTLSEndsWithCloseNotify has every way to close tell the peer that it has
// everything, and the one that discards something not.
func TestTLSEndsWithCloseNotify(t *testing.T) {
	ways := map[string]func(c *Conn){
		"Close":           func(c *Conn) { c.Close(nil) },
		"CloseAfterFlush": func(c *Conn) { c.Send(raw([]byte("last"))); c.CloseAfterFlush(nil, soon) },
		"one attempt":     func(c *Conn) { c.Send(raw([]byte("last"))); c.CloseAfterFlush(nil, 0) },
		"Shutdown": func(c *Conn) {
			go func() { _ = c.loop.p.Shutdown(context.Background()) }() // ends with the poller
		},
		"discarded": func(c *Conn) { c.Send(raw([]byte("last"))); c.Close(nil) },
	}
	for name, end := range ways {
		for version, v := range versions {
			t.Run(name+", "+version, func(t *testing.T) {
				p := newPoller(t, Config{Loops: 1})
				cfg := clientTLS()
				cfg.MaxVersion = v
				cfg.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
				r := &recorder{Conn: dial(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
					return &hooks{data: func(c *Conn, _ []byte) { end(c) }}
				}))}
				c := tls.Client(r, cfg)
				require.NoError(t, c.Handshake())
				_, err := c.Write([]byte("x"))
				require.NoError(t, err)
				got, err := io.ReadAll(c)
				require.NoError(t, err) // crypto/tls does without close_notify
				want := map[bool]string{true: "last"}[name == "CloseAfterFlush" || name == "one attempt"]
				if string(got) != want {
					t.Errorf("got %q, want %q", got, want)
				}
				sizes := r.take()
				last := sizes[len(sizes)-1]
				if told := last == alertSize[v]; told == (name == "discarded") {
					t.Errorf("the last record has %d bytes", last)
				}
			})
		}
	}
}

// TestTLSPeerEnds reports the end of the stream, with close_notify or without.
func TestTLSPeerEnds(t *testing.T) {
	for name, end := range map[string]func(c *tls.Conn) error{
		"close_notify": func(c *tls.Conn) error { return c.CloseWrite() },
		"closed":       func(c *tls.Conn) error { return c.Close() },
		"cut":          func(c *tls.Conn) error { return c.NetConn().Close() },
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan error, 1)
			p := newPoller(t, Config{})
			c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
				return &hooks{close: func(_ *Conn, err error) { closed <- err }}
			}), clientTLS())
			require.NoError(t, end(c))
			if err := within(t, closed, "OnClose"); err != io.EOF {
				t.Errorf("OnClose with %v, want io.EOF", err)
			}
		})
	}
}

// TestTLSForgedRecord answers a record that was tampered with by the alert.
func TestTLSForgedRecord(t *testing.T) {
	closed := make(chan error, 1)
	p := newPoller(t, Config{})
	for name, record := range map[string][]byte{
		"bad MAC":  append([]byte{23, 3, 3, 0, 40}, make([]byte, 40)...),
		"too long": {23, 3, 3, 0xff, 0xff, 0},
		"no type":  {99, 3, 3, 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
				return &hooks{close: func(_ *Conn, err error) { closed <- err }}
			}), clientTLS())
			_, err := c.NetConn().Write(record)
			require.NoError(t, err)
			if err := within(t, closed, "OnClose"); err == nil || err == io.EOF {
				t.Errorf("OnClose with %v", err)
			}
			var alert *net.OpError
			if err := endsSilently(c); !errors.As(err, &alert) || alert.Op != "remote error" {
				t.Errorf("the client got %v, want an alert", err)
			}
		})
	}
}

// TestTLSSlowReaderIsBounded fills the queue of a client that does not read:
// the limit counts what is encrypted, too, and at it the policies hold.
func TestTLSSlowReaderIsBounded(t *testing.T) {
	const limit, size = 256 << 10, 1000
	for name, policy := range map[string]Overflow{
		"disconnect": OverflowDisconnect, "newest": OverflowDropNewest, "oldest": OverflowDropOldest,
	} {
		t.Run(name, func(t *testing.T) {
			p := newPoller(t, Config{Loops: 1, MaxQueueBytes: limit, Overflow: policy})
			opened, closed := make(chan *Conn, 1), make(chan error, 1)
			c := dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
				return &hooks{open: func(c *Conn) { opened <- c }, close: func(_ *Conn, err error) { closed <- err }}
			}), clientTLS())
			sc := within(t, opened, "open")
			for i, full := 0, false; !full; i++ {
				on(t, p.Loops()[0], func() {
					if full = len(closed) > 0; full {
						return
					}
					sc.Send(raw(bytes.Repeat([]byte{byte(i)}, size)))
					if sc.Queued() > limit {
						t.Errorf("%d bytes are queued", sc.Queued())
					}
					full = p.loops[0].count.dropped > 100
				})
			}
			if policy == OverflowDisconnect {
				if err := within(t, closed, "OnClose"); err != ErrOverflow {
					t.Errorf("OnClose with %v", err)
				}
				return
			}
			on(t, p.Loops()[0], func() { sc.CloseAfterFlush(nil, soon) })
			got, err := io.ReadAll(c)
			require.NoError(t, err)
			for unit := range len(got) / size {
				if b := got[unit*size : (unit+1)*size]; !bytes.Equal(b, bytes.Repeat(b[:1], size)) {
					t.Fatalf("unit %d was torn", unit)
				}
			}
			if len(got)%size != 0 || len(got) == 0 {
				t.Errorf("%d bytes arrived", len(got))
			}
		})
	}
}

// TestTLSAnswersToUnreadKeyUpdatesAreBounded queues records of crypto/tls's own
// for a peer that does not read.
func TestTLSAnswersToUnreadKeyUpdatesAreBounded(t *testing.T) {
	p := newPoller(t, Config{Loops: 1, MaxQueueBytes: -1})
	opened, closed := make(chan *Conn, 1), make(chan error, 1)
	dialTLS(t, listenTLS(t, p, serverTLS(), func(*Conn) Handler {
		return &hooks{open: func(c *Conn) { opened <- c }, close: func(_ *Conn, err error) { closed <- err }}
	}), clientTLS())
	sc := within(t, opened, "open")
	on(t, p.Loops()[0], func() {
		sc.flags |= fBlocked
		answer := make([]byte, 64)
		for n := len(answer); n <= maxSealedBytes; n += len(answer) {
			if err := sc.queueSealed(answer); err != nil {
				t.Errorf("with %d bytes: %v", n, err)
			}
		}
		if err := sc.queueSealed(answer[:1]); err != ErrOverflow {
			t.Errorf("above the limit: %v", err)
		}
	})
	if err := within(t, closed, "OnClose"); err != ErrOverflow {
		t.Errorf("OnClose with %v", err)
	}
}

// TestTLSClientCertificate sees who the client is.
func TestTLSClientCertificate(t *testing.T) {
	client, err := selfsigned.Certificate("alice")
	require.NoError(t, err)
	names := make(chan string, 1)
	p := newPoller(t, Config{})
	cfg := serverTLS()
	cfg.ClientAuth, cfg.ClientCAs = tls.RequireAndVerifyClientCert, selfsigned.Pool(client)
	a := listenTLS(t, p, cfg, func(c *Conn) Handler {
		names <- c.TLS().PeerCertificates[0].Subject.CommonName
		return echo{}
	})
	with := clientTLS()
	with.Certificates = []tls.Certificate{client}
	checkEcho(t, dialTLS(t, a, with), 100)
	if name := within(t, names, "accept"); name != "alice" {
		t.Errorf("the client is %q", name)
	}
	c := tls.Client(dial(t, a), clientTLS())
	if err := c.Handshake(); err == nil {
		err = endsSilently(c) // TLS 1.3: the client is done before it is refused
		if err == nil || err == io.EOF {
			t.Errorf("without a certificate: %v", err)
		}
	}
	if len(names) != 0 {
		t.Error("a client without a certificate was accepted")
	}
}

// TestTLSDial has both ends in pollers.
func TestTLSDial(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		a := listenTLS(t, p, serverTLS(), acceptEcho)
		to := a.(*net.TCPAddr).AddrPort()
		got, closed := make(chan string, 1), make(chan error, 1)
		h := &hooks{
			open:  func(c *Conn) { c.Send(raw([]byte("hello"))) },
			data:  func(c *Conn, b []byte) { got <- string(b); c.Close(nil) },
			close: func(_ *Conn, err error) { closed <- err },
		}
		require.NoError(t, p.DialTLS(nil, netip.AddrPort{}, to, clientTLS(), h))
		if s := within(t, got, "echo"); s != "hello" {
			t.Errorf("got %q", s)
		}
		if err := within(t, closed, "OnClose"); err != ErrClosed {
			t.Errorf("OnClose with %v", err)
		}
		h.open = func(*Conn) { t.Error("OnOpen without trust") }
		require.NoError(t, p.DialTLS(nil, netip.AddrPort{}, to, &tls.Config{ServerName: "localhost"}, h))
		var unknown x509.UnknownAuthorityError
		if err := within(t, closed, "OnClose"); !errors.As(err, &unknown) {
			t.Errorf("OnClose with %v", err)
		}
	})
}

// TestTLSIdleHasNoGoroutine counts goroutines beside connections.
func TestTLSIdleHasNoGoroutine(t *testing.T) {
	onBackends(t, func(t *testing.T, b Backend) {
		p := newPoller(t, Config{Backend: b})
		a := listenTLS(t, p, serverTLS(), acceptEcho)
		checkEcho(t, dialTLS(t, a, clientTLS()), 100)
		settled := func() bool { return p.Stats().Handshaking == 0 }
		eventually(t, "no handshake is left", settled)
		before := runtime.NumGoroutine()
		const conns = 100
		for range conns {
			checkEcho(t, dialTLS(t, a, clientTLS()), 100)
		}
		eventually(t, "goroutines have ended", func() bool {
			return settled() && runtime.NumGoroutine() <= before+2 // of other tests, at most
		})
		if n := p.Stats().Conns; n < conns {
			t.Errorf("only %d connections are open", n)
		}
	})
}
