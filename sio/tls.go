package sio

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// ListenTLS is [Server.Listen] for https and wss, without a goroutine for a
// connection whose handshake is done. cfg is copied. Client certificates that
// it asks for are in [Handshake.TLS]. See [eio.Server.ListenTLS] for protocols
// and limits.
func (srv *Server) ListenTLS(network, addr string, cfg *tls.Config) (net.Addr, error) {
	if srv.closed.Load() {
		return nil, ErrServerClosed
	}
	return srv.engine.ListenTLS(network, addr, cfg)
}

// ListenAndServeTLS is [Server.ListenAndServe] for https and wss, with the
// certificate and its key from two PEM files, as by [CertificateFiles]: files
// that are replaced are loaded without a restart.
func (srv *Server) ListenAndServeTLS(addr, certFile, keyFile string) error {
	get, err := CertificateFiles(certFile, keyFile, srv.cfg.OnError)
	if err != nil {
		return err
	}
	if _, err := srv.ListenTLS("tcp", addr, &tls.Config{GetCertificate: get}); err != nil {
		return err
	}
	<-srv.ended
	return ErrServerClosed
}

// checkFilesEvery is how often files of a certificate are looked at, by a
// handshake that comes along.
const checkFilesEvery = time.Second

// CertificateFiles returns a function for the GetCertificate of a [tls.Config]
// which serves the certificate and the key in two PEM files, and loads them
// again when one of them was changed: it looks, at most once a second, when a
// client connects. A pair that can't be loaded, such as one of which only the
// first file is replaced yet, is told to onError unless that is nil, on a
// goroutine of a handshake, and leaves the one before in service.
func CertificateFiles(certFile, keyFile string, onError func(error)) (func(*tls.ClientHelloInfo) (*tls.Certificate, error), error) {
	f := &certFiles{names: [2]string{certFile, keyFile}, onError: onError, every: checkFilesEvery, start: time.Now()}
	if f.onError == nil {
		f.onError = func(error) {}
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	return f.get, nil
}

// certFiles is a certificate that is loaded again when its files change.
type certFiles struct {
	// immutable
	names   [2]string
	onError func(error)
	every   time.Duration
	start   time.Time

	current atomic.Pointer[tls.Certificate]
	checked atomic.Int64 // when the files were looked at, since start

	mu     sync.Mutex
	stamps [2]stamp // guarded by mu: of the files that were loaded
}

// stamp tells a file from the one that replaces it.
type stamp struct {
	modified time.Time
	size     int64
}

// get returns the certificate.
func (f *certFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	now, last := int64(time.Since(f.start)), f.checked.Load()
	if now-last >= int64(f.every) && f.checked.CompareAndSwap(last, now) {
		if err := f.load(); err != nil {
			f.onError(err)
		}
	}
	return f.current.Load(), nil
}

// load loads the files unless they are those that were loaded.
func (f *certFiles) load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var found [2]stamp
	for i, name := range f.names {
		info, err := os.Stat(name)
		if err != nil {
			return fmt.Errorf("sio: certificate: %w", err)
		}
		found[i] = stamp{info.ModTime(), info.Size()}
	}
	if found == f.stamps {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(f.names[0], f.names[1])
	if err != nil {
		return fmt.Errorf("sio: certificate: %w", err)
	}
	f.current.Store(&pair)
	f.stamps = found
	return nil
}
