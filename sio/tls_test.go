package sio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
)

// certificate returns a new certificate for the loopback address.
func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	c, err := selfsigned.Certificate("127.0.0.1")
	require.NoError(t, err)
	return c
}

// joinTLS connects to "/" by wss.
func joinTLS(t testing.TB, addr string, cfg *tls.Config) *testClient {
	t.Helper()
	c := dialBy(t, ws.Dialer{TLSConfig: cfg}, "wss://"+addr+"/socket.io/?EIO=4&transport=websocket")
	c.connect("/", "")
	return c
}

// TestTLSHandshakeTellsTheClientsCertificate has a handler see who connects,
// and a broadcast reach clients of both kinds.
func TestTLSHandshakeTellsTheClientsCertificate(t *testing.T) {
	server, alice := certificate(t), certificate(t)
	srv, plain := serve(t, Config{})
	addr, err := srv.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{server},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: selfsigned.Pool(alice),
	})
	require.NoError(t, err)
	seen := make(chan string, 3)
	srv.OnConnection(func(s *Socket) {
		h := s.Handshake()
		who := "nobody"
		if h.TLS != nil && len(h.TLS.VerifiedChains) > 0 {
			who = fmt.Sprintf("%x", h.TLS.PeerCertificates[0].SerialNumber)
		}
		seen <- fmt.Sprintf("%t %t %s", h.Secure, h.TLS != nil, who)
	})
	var clients []*testClient
	for _, tc := range []struct {
		client *tls.Config
		want   string
	}{
		{nil, "false false nobody"},
		{&tls.Config{}, "true true nobody"},
		{&tls.Config{Certificates: []tls.Certificate{alice}}, fmt.Sprintf("true true %x", alice.Leaf.SerialNumber)},
	} {
		if tc.client == nil {
			clients = append(clients, join(t, plain, "/"))
		} else {
			tc.client.RootCAs = selfsigned.Pool(server)
			clients = append(clients, joinTLS(t, addr.String(), tc.client))
		}
		if got := <-seen; got != tc.want {
			t.Errorf("the handler saw %q, want %q", got, tc.want)
		}
	}
	require.NoError(t, srv.Emit("news", 1))
	for _, c := range clients {
		c.expect(`2["news",1]`)
	}
}

// TestTLSShutdownTellsTheClients ends connections in the proper way, by the
// WebSocket's closing handshake.
func TestTLSShutdownTellsTheClients(t *testing.T) {
	server := certificate(t)
	srv, _ := serve(t, Config{})
	addr, err := srv.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{server}})
	require.NoError(t, err)
	c := joinTLS(t, addr.String(), &tls.Config{RootCAs: selfsigned.Pool(server)})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, srv.Shutdown(ctx))
	for range c.in { // until the end
	}
	var closed wsutil.ClosedError
	if !errors.As(c.err, &closed) {
		t.Errorf("the client's end is %v", c.err)
	}
	if _, err := srv.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{server}}); !errors.Is(err, ErrServerClosed) {
		t.Errorf("ListenTLS after Shutdown: %v", err)
	}
}

// writePair writes a certificate's two files and makes them look newer than
// any before.
func writePair(t *testing.T, certFile, keyFile string, c tls.Certificate, age time.Duration) {
	t.Helper()
	cert, key, err := selfsigned.PEM(c)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	when := time.Now().Add(-age)
	require.NoError(t, os.Chtimes(certFile, when, when))
	require.NoError(t, os.Chtimes(keyFile, when, when))
}

// TestCertificateFilesAreReloaded replaces files under a server that runs.
func TestCertificateFilesAreReloaded(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	first, second := certificate(t), certificate(t)
	if _, err := CertificateFiles(certFile, keyFile, nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without files: %v", err)
	}
	writePair(t, certFile, keyFile, first, time.Hour)
	var failures atomic.Int32
	f := &certFiles{names: [2]string{certFile, keyFile}, onError: func(error) { failures.Add(1) }, start: time.Now()}
	require.NoError(t, f.load())
	srv, _ := serve(t, Config{})
	addr, err := srv.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: f.get})
	require.NoError(t, err)
	serves := func(c tls.Certificate) {
		t.Helper()
		joinTLS(t, addr.String(), &tls.Config{RootCAs: selfsigned.Pool(c)})
	}
	serves(first)

	_, key, err := selfsigned.PEM(second) // only one of the two so far
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(keyFile, key, 0o600))
	serves(first)
	if failures.Load() == 0 {
		t.Error("a pair that does not match was not reported")
	}
	writePair(t, certFile, keyFile, second, 0)
	serves(second)
	require.NoError(t, os.Remove(keyFile))
	serves(second)
}

// TestListenAndServeTLS serves from files until it is closed.
func TestListenAndServeTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	srv, _ := serve(t, Config{})
	if err := srv.ListenAndServeTLS("127.0.0.1:0", certFile, keyFile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without files: %v", err)
	}
	writePair(t, certFile, keyFile, certificate(t), 0)
	ended := make(chan error, 1)
	go func() { ended <- srv.ListenAndServeTLS("127.0.0.1:0", certFile, keyFile) }() // ends with the server
	require.NoError(t, srv.Close())
	if err := <-ended; !errors.Is(err, ErrServerClosed) {
		t.Errorf("it ended with %v", err)
	}
}

// TestCertificateFilesAreLookedAtOnceASecond does not ask the disk at every
// handshake.
func TestCertificateFilesAreLookedAtOnceASecond(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePair(t, certFile, keyFile, certificate(t), 0)
	failures := 0
	f := &certFiles{
		names: [2]string{certFile, keyFile}, onError: func(error) { failures++ },
		every: time.Hour, start: time.Now().Add(-time.Hour),
	}
	require.NoError(t, f.load())
	require.NoError(t, os.Remove(certFile))
	for range 5 {
		if c, err := f.get(nil); c == nil || err != nil {
			t.Errorf("%v, %v", c, err)
		}
	}
	if failures != 1 {
		t.Errorf("looked %d times, want once", failures)
	}
}
