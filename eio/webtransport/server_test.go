package webtransport_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	wt "github.com/quic-go/webtransport-go"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/eio/webtransport"
)

// patience bounds everything that a test waits for.
const patience = 20 * time.Second

// certificate returns one for 127.0.0.1, and who trusts it.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// echo sends messages back, and tells how sessions end.
type echo struct{ ends chan string }

func (echo) OnOpen(*eio.Session)    {}
func (echo) OnUpgrade(*eio.Session) {}
func (echo) OnDrain(*eio.Session)   {}

func (echo) OnMessage(s *eio.Session, b []byte, binary bool) {
	if string(b) == "close" {
		s.Close()
		return
	}
	_ = s.Write(b, binary) // the session may be over
}

func (e echo) OnClose(_ *eio.Session, r eio.Reason, _ error) { e.ends <- r.String() }

func (e echo) want(t testing.TB, reason string) {
	t.Helper()
	select {
	case got := <-e.ends:
		if got != reason {
			t.Errorf("the session ended by %q, want %q", got, reason)
		}
	case <-time.After(patience):
		t.Errorf("the session did not end")
	}
}

// service is an Engine.IO server by TCP and by UDP.
type service struct {
	echo
	engine *eio.Server
	h3     *webtransport.Server
	http   string // address
	quic   string // address
	roots  *x509.CertPool
	mu     sync.Mutex
	errs   []error // guarded by mu
}

func serve(t testing.TB, cfg eio.Config) *service {
	t.Helper()
	s := &service{echo: echo{make(chan string, 100)}}
	if cfg.Transports == nil {
		cfg.Transports = []string{"polling", "websocket", "webtransport"}
	}
	engine, err := eio.NewServer(cfg, s.echo)
	require.NoError(t, err)
	tcp, err := engine.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cert, roots := certificate(t)
	h3, err := webtransport.NewServer(engine, webtransport.Config{TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}, OnError: func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errs = append(s.errs, err)
	}})
	require.NoError(t, err)
	udp, err := h3.Listen("127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, errors.Join(h3.Close(), engine.Close()))
	})
	s.engine, s.h3, s.http, s.quic, s.roots = engine, h3, tcp.String(), udp.String(), roots
	return s
}

// client is a WebTransport session with its stream.
type client struct {
	t       testing.TB
	session *wt.Session
	stream  *wt.Stream
}

// dial opens a session; the stream follows with the first packet.
func (s *service) dial(t testing.TB, path string) (*client, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := &wt.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots, NextProtos: []string{"h3"}}}
	_, session, err := d.Dial(ctx, "https://"+s.quic+path, http.Header{})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = session.CloseWithError(0, "") })
	return &client{t: t, session: session}, nil
}

// open dials and sends the first packet.
func (s *service) open(t testing.TB, hello string) *client {
	t.Helper()
	c, err := s.dial(t, "/engine.io/")
	require.NoError(t, err)
	c.stream, err = c.session.OpenStream()
	require.NoError(t, err)
	c.send(hello)
	return c
}

func (c *client) send(packets ...string) {
	for _, p := range packets {
		first := byte(0)
		if data, ok := strings.CutPrefix(p, "binary "); ok {
			p, first = data, 0x80
		}
		b := binary.BigEndian.AppendUint64([]byte{first | 127}, uint64(len(p)))
		if len(p) < 126 {
			b = []byte{first | byte(len(p))}
		}
		_, _ = c.stream.Write(append(b, p...)) // a closed stream shows when reading
	}
}

func (c *client) next() string {
	_ = c.stream.SetReadDeadline(time.Now().Add(patience))
	var head [9]byte
	if _, err := io.ReadFull(c.stream, head[:1]); err != nil {
		return "closed"
	}
	n := uint64(head[0] & 127)
	switch n {
	case 126:
		_, _ = io.ReadFull(c.stream, head[1:3])
		n = uint64(binary.BigEndian.Uint16(head[1:]))
	case 127:
		_, _ = io.ReadFull(c.stream, head[1:])
		n = binary.BigEndian.Uint64(head[1:])
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.stream, b); err != nil {
		return "closed"
	}
	if head[0] >= 0x80 {
		return "binary " + string(b)
	}
	return string(b)
}

func (c *client) want(packets ...string) {
	c.t.Helper()
	for _, want := range packets {
		if got := c.next(); got != want {
			c.t.Errorf("got %.100q, want %.100q", got, want)
		}
	}
}

// ended waits for the end of the session, as the client sees it.
func (c *client) ended() {
	c.t.Helper()
	select {
	case <-c.session.Context().Done():
	case <-time.After(patience):
		c.t.Error("the session goes on")
	}
}

func TestSession(t *testing.T) {
	s := serve(t, eio.Config{})
	c := s.open(t, "0")
	if got := c.next(); !strings.HasPrefix(got, `0{"sid":"`) || !strings.Contains(got, `"upgrades":[]`) {
		t.Errorf("open packet %q", got)
	}
	big := "4" + strings.Repeat("0123456789", 50_000)
	c.send("4hello", "binary \x00\xff", big)
	c.want("4hello", "binary \x00\xff", big)
	if st := s.engine.Stats(); st.WebTransport != 1 {
		t.Errorf("%d sessions", st.WebTransport)
	}
	c.send("4close")
	s.want(t, "forced close")
	c.want("closed")
	c.ended()

	c = s.open(t, "0")
	_ = c.next()
	_ = c.session.CloseWithError(0, "")
	s.want(t, "transport close")
}

func TestUpgrade(t *testing.T) {
	s := serve(t, eio.Config{})
	res, err := http.Get("http://" + s.http + "/engine.io/?EIO=4&transport=polling")
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	if !strings.Contains(string(body), `"upgrades":["websocket","webtransport"]`) {
		t.Errorf("%s", body)
	}
	_, sid, _ := strings.Cut(string(body), `"sid":"`)
	sid, _, _ = strings.Cut(sid, `"`)
	c := s.open(t, fmt.Sprintf(`0{"sid":%q}`, sid))
	c.send("2probe")
	c.want("3probe")
	res, err = http.Post("http://"+s.http+"/engine.io/?EIO=4&transport=polling&sid="+sid, "text/plain", strings.NewReader("4buffered"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	c.send("5", "4over")
	c.want("4buffered", "4over")
	if st := s.engine.Stats(); st.WebTransport != 1 || st.Upgrades != 1 || st.Polling != 0 {
		t.Errorf("%+v", st)
	}
	_ = c.session.CloseWithError(0, "")
	s.want(t, "transport close")
}

// TestSessionsThatAreNotTaken are cleaned up, however they fail.
func TestSessionsThatAreNotTaken(t *testing.T) {
	s := serve(t, eio.Config{UpgradeTimeout: 300 * time.Millisecond, AllowRequest: func(r *http.Request) error {
		if r.URL.Query().Get("no") != "" {
			return eio.ErrForbidden
		}
		return nil
	}})
	if _, err := s.dial(t, "/elsewhere"); err == nil {
		t.Error("another path was taken")
	}
	none, err := s.dial(t, "/engine.io/") // and no stream
	require.NoError(t, err)
	none.ended()
	refused, err := s.dial(t, "/engine.io/?no=1")
	require.NoError(t, err)
	refused.stream, err = refused.session.OpenStream()
	require.NoError(t, err)
	refused.send("0")
	refused.ended()
	for _, hello := range []string{"2", "binary 0", `0{"sid":"nobody"}`, "0{"} {
		c := s.open(t, hello)
		c.want("closed")
		c.ended()
	}
	if n := s.engine.Sessions(); n != 0 {
		t.Errorf("%d sessions", n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.errs) != 6 {
		t.Errorf("%d errors, want 6: %v", len(s.errs), s.errs)
	}
}

func TestClose(t *testing.T) {
	s := serve(t, eio.Config{})
	c := s.open(t, "0")
	_ = c.next()
	require.NoError(t, s.h3.Close())
	s.want(t, "transport close")
	c.ended()
	if _, err := s.h3.Listen("127.0.0.1:0"); !errors.Is(err, eio.ErrServerClosed) {
		t.Errorf("Listen: %v", err)
	}
	if _, err := webtransport.NewServer(s.engine, webtransport.Config{}); err == nil || !strings.Contains(err.Error(), "Config.TLSConfig") {
		t.Errorf("without certificates: %v", err)
	}
}

// TestShutdown ends sessions on the stream, too.
func TestShutdown(t *testing.T) {
	s := serve(t, eio.Config{})
	c := s.open(t, "0")
	_ = c.next()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.NoError(t, s.engine.Shutdown(ctx))
	s.want(t, "forced close")
	c.want("closed")
	c.ended()
}
