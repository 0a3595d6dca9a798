package e2e

import (
	"crypto/tls"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// newIdentity returns a certificate for the loopback address and the file that clients trust it by.
func newIdentity(t *testing.T) (cert tls.Certificate, ca string) {
	t.Helper()
	cert, err := selfsigned.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	text, _, err := selfsigned.PEM(cert)
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return cert, ca
}

// TestClientsTLS runs suites with every transport over TLS on the reactor.
func TestClientsTLS(t *testing.T) {
	needNode(t)
	cert, ca := newIdentity(t)
	runSuites(t, modes, func(t *testing.T) server {
		return startTestServer(t, variant{secure: &tls.Config{Certificates: []tls.Certificate{cert}}})
	}, "CA="+ca, brief)
}

// TestClientsTLSOtherBackends does so on the reactor's backends that are not the default here.
func TestClientsTLSOtherBackends(t *testing.T) {
	needNode(t)
	cert, ca := newIdentity(t)
	for _, backend := range otherBackends() {
		t.Run(string(backend), func(t *testing.T) {
			runSuites(t, []string{"upgrade"}, func(t *testing.T) server {
				return startTestServer(t, variant{backend: backend, secure: &tls.Config{Certificates: []tls.Certificate{cert}}})
			}, "CA="+ca, brief)
		})
	}
}

// TestClientsNetHTTPTLS does so behind a server of net/http that speaks TLS.
func TestClientsNetHTTPTLS(t *testing.T) {
	needNode(t)
	cert, ca := newIdentity(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server {
		return startTestServer(t, variant{netHTTP: true, secure: &tls.Config{Certificates: []tls.Certificate{cert}}})
	}, "CA="+ca, brief)
}

// secureServer answers who its clients are.
type secureServer struct {
	*sio.Server
	addr string
}

func (s *secureServer) url() string  { return "https://" + s.addr }
func (s *secureServer) stop() error  { return s.Close() }
func (s *secureServer) start() error { return nil }

// startSecure starts one that asks for certificates and serves a page.
func startSecure(t *testing.T, cert, client tls.Certificate) *secureServer {
	t.Helper()
	page := http.NewServeMux()
	page.Handle("/", http.FileServer(http.Dir(filepath.Join("node_modules", "socket.io-client", "dist"))))
	page.HandleFunc("/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<!doctype html><title>TLS</title>"))
	})
	io, err := sio.NewServer(sio.Config{HTTPHandler: page, Poller: poller.Config{Loops: 2}})
	if err != nil {
		t.Fatal(err)
	}
	io.On("who", func(s *sio.Socket, _ []any, ack sio.Ack) {
		h, name := s.Handshake(), ""
		if len(h.TLS.VerifiedChains) > 0 {
			name = h.TLS.PeerCertificates[0].Subject.CommonName
		}
		ack(h.Secure, name)
	})
	addr, err := io.ListenTLS("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.VerifyClientCertIfGiven, ClientCAs: selfsigned.Pool(client),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = io.Close() })
	return &secureServer{io, addr.String()}
}

// TestTLS has clients that trust, and that are known by their certificates.
func TestTLS(t *testing.T) {
	needNode(t)
	cert, ca := newIdentity(t)
	alice, err := selfsigned.Certificate("alice")
	if err != nil {
		t.Fatal(err)
	}
	own, key, err := selfsigned.PEM(alice)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			s := startSecure(t, cert, alice)
			runChecks(t, s, "tls.mjs", "URL="+s.url(), "MODE="+mode, "CA="+ca, "CERT="+string(own), "KEY="+string(key))
		})
	}
}

// TestTLSInChromium has a page that came by https connect.
func TestTLSInChromium(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	cert, _ := newIdentity(t)
	s := startSecure(t, cert, cert)
	runChecks(t, s, "tls_browser.mjs", "URL="+s.url(), "MODE=upgrade", "CHROMIUM="+chromium(t))
}
