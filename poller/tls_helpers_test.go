package poller

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/stretchr/testify/require"
)

// serverCert is the certificate of all servers in these tests.
var serverCert = sync.OnceValue(func() tls.Certificate {
	c, err := selfsigned.Certificate("localhost")
	if err != nil {
		panic(err)
	}
	return c
})

// serverTLS returns a configuration for a server.
func serverTLS() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{serverCert()}}
}

// clientTLS returns a configuration for a client that trusts serverCert.
func clientTLS() *tls.Config {
	return &tls.Config{RootCAs: selfsigned.Pool(serverCert()), ServerName: "localhost"}
}

// versions are the versions of TLS that are spoken.
var versions = map[string]uint16{"TLS 1.2": tls.VersionTLS12, "TLS 1.3": tls.VersionTLS13}

// listenTLS listens on a free port of the loopback address.
func listenTLS(t testing.TB, p *Poller, cfg *tls.Config, accept func(c *Conn) Handler) net.Addr {
	t.Helper()
	ln, err := p.ListenTLS("tcp", "127.0.0.1:0", cfg, accept)
	require.NoError(t, err)
	return ln.Addr()
}

// dialTLS connects and shakes hands.
func dialTLS(t testing.TB, a net.Addr, cfg *tls.Config) *tls.Conn {
	t.Helper()
	c := tls.Client(dial(t, a), cfg)
	require.NoError(t, c.Handshake())
	return c
}

// recorder is a net.Conn that remembers the records it read.
type recorder struct {
	net.Conn
	in []byte
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.in = append(r.in, p[:n]...)
	return n, err
}

// take returns the lengths of the records that were read and forgets them.
func (r *recorder) take() (sizes []int) {
	for b := r.in; len(b) >= recordHeader; {
		n := int(binary.BigEndian.Uint16(b[3:]))
		sizes = append(sizes, n)
		b = b[min(recordHeader+n, len(b)):]
	}
	r.in = nil
	return sizes
}

// recorded connects, shakes hands and gets over the tickets.
func recorded(t *testing.T, a net.Addr) (*tls.Conn, *recorder) {
	t.Helper()
	r := &recorder{Conn: dial(t, a)}
	c := tls.Client(r, clientTLS())
	_, err := c.Write([]byte("x"))
	require.NoError(t, err)
	_, err = io.ReadFull(c, make([]byte, 1))
	require.NoError(t, err)
	r.take()
	return c, r
}

// endsSilently returns with what reading from c ended; nil when there was
// something to read.
func endsSilently(c net.Conn) error {
	_ = c.SetReadDeadline(time.Now().Add(soon))
	n, err := c.Read(make([]byte, 1))
	if n > 0 {
		return nil
	}
	return err
}
