package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

// startBridge serves h on the loop's server.
func startBridge(t testing.TB, cfg Config, h http.Handler) *httpServer {
	return startHTTP(t, poller.Config{}, cfg, &hooks{
		body: func(x *Exchange, b []byte) { Bridge(h, x, b) },
	})
}

// plainClient has connections of its own, without the process's idle ones.
func plainClient(t testing.TB) *http.Client {
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: testWait}
}

func fetch(t testing.TB, c *http.Client, method, url string, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := c.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, b
}

func TestBridgeFileServer(t *testing.T) {
	dir := t.TempDir()
	big := make([]byte, 5<<20+123)
	rng := rand.NewChaCha8([32]byte{1})
	_, _ = rng.Read(big)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big.bin"), big, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "small.txt"), []byte("small"), 0o600))
	s := startBridge(t, Config{}, http.FileServer(http.Dir(dir)))
	c, base := plainClient(t), "http://"+s.addr

	res, b := fetch(t, c, "GET", base+"/big.bin")
	if res.StatusCode != 200 || !bytes.Equal(b, big) || res.ContentLength != int64(len(big)) {
		t.Errorf("big file: %d, %d bytes, Content-Length %d", res.StatusCode, len(b), res.ContentLength)
	}
	res, b = fetch(t, c, "GET", base+"/big.bin", "Range", "bytes=1000000-1999999")
	if res.StatusCode != 206 || !bytes.Equal(b, big[1000000:2000000]) {
		t.Errorf("range: %d, %d bytes", res.StatusCode, len(b))
	}
	res, b = fetch(t, c, "HEAD", base+"/big.bin")
	if res.StatusCode != 200 || len(b) != 0 || res.ContentLength != int64(len(big)) {
		t.Errorf("HEAD: %d, %d bytes, Content-Length %d", res.StatusCode, len(b), res.ContentLength)
	}
	res, b = fetch(t, c, "GET", base+"/small.txt")
	if res.StatusCode != 200 || string(b) != "small" || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("small file: %d %q %q", res.StatusCode, b, res.Header.Get("Content-Type"))
	}
	res, _ = fetch(t, c, "GET", base+"/small.txt", "If-Modified-Since", res.Header.Get("Last-Modified"))
	if res.StatusCode != 304 {
		t.Errorf("If-Modified-Since: %d, want 304", res.StatusCode)
	}
	if res, _ = fetch(t, c, "GET", base+"/absent"); res.StatusCode != 404 {
		t.Errorf("absent: %d, want 404", res.StatusCode)
	}
}

// TestBridgeLikeNetHTTP runs the same handlers behind net/http's own server and
// behind the bridge; the client must see the same.
func TestBridgeLikeNetHTTP(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"nothing":     func(http.ResponseWriter, *http.Request) {},
		"text":        func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
		"html":        func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"error":       func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) },
		"redirect":    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) },
		"no content":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); _, _ = w.Write([]byte("x")) },
		"twice":       func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) },
		"late header": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); w.Header().Set("X-Late", "1") },
		"header":      func(w http.ResponseWriter, _ *http.Request) { w.Header()["X-A"] = []string{"1", "2"} },
		"own length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, _ = w.Write([]byte("ok"))
		},
		"above length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, _ = w.Write([]byte("ok"))
			_, _ = w.Write([]byte("!"))
		},
		"flush": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("a"))
			w.(http.Flusher).Flush()
			_, _ = w.Write([]byte("b"))
		},
		"flush first":   func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); _, _ = w.Write([]byte("b")) },
		"flush nothing": func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() },
		"long":          func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 100_000)) },
		"echo":          func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) },
		"request": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s %s %s %s %s %d %v %v %v", r.Method, r.URL, r.RequestURI, r.Proto, r.URL.Query()["a"], r.ContentLength,
				r.Header["X-Two"], r.Header.Get("Host"), r.TransferEncoding)
		},
		"close": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") },
	}
	ours := startBridge(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[r.Header.Get("X-Handler")](w, r)
	}))
	theirs := startNetHTTP(t, handlers)
	c := plainClient(t)
	for name := range handlers {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if method == "HEAD" && (strings.HasPrefix(name, "flush") || name == "long") {
				continue // we tell the length, net/http does not
			}
			a, b := observe(t, c, method, ours.addr, name), observe(t, c, method, theirs, name)
			if a != b {
				t.Errorf("%s %s:\ngot  %s\nwant %s", method, name, a, b)
			}
		}
	}
}

func startNetHTTP(t *testing.T, handlers map[string]http.HandlerFunc) string {
	ln := listenLocal(t)
	srv := &http.Server{ReadHeaderTimeout: testWait, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers[r.Header.Get("X-Handler")](w, r)
	})}
	go func() { _ = srv.Serve(ln) }() // ends with Close
	t.Cleanup(func() { _ = srv.Close() })
	return ln.Addr().String()
}

// observe describes an answer without what may differ.
func observe(t *testing.T, c *http.Client, method, addr, name string) string {
	t.Helper()
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader("posted")
	}
	req, err := http.NewRequest(method, "http://"+addr+"/p/q?a=1&a=2", body)
	require.NoError(t, err)
	req.Header.Set("X-Handler", name)
	req.Header["X-Two"] = []string{"1", "2"}
	res, err := c.Transport.RoundTrip(req)
	if err != nil {
		return "error"
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	for _, h := range []string{"Date", "Connection", "Keep-Alive"} {
		res.Header.Del(h)
	}
	return fmt.Sprintf("%d %v length %d chunked %v close %t %q %t", res.StatusCode, res.Header, res.ContentLength,
		res.TransferEncoding, res.Close, string(b[:min(len(b), 200)]), err == nil)
}

func TestBridgePanic(t *testing.T) {
	var mu sync.Mutex
	var reported []string
	cfg := Config{OnError: func(err error) {
		mu.Lock()
		defer mu.Unlock()
		reported = append(reported, err.Error())
	}}
	s := startBridge(t, cfg, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early":
			w.Header().Set("X-Secret", "1")
			_, _ = w.Write([]byte("partial"))
			panic("boom")
		case "/late":
			_, _ = w.Write(make([]byte, 100_000))
			panic(errors.New("boom"))
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/goexit":
			runtime.Goexit()
		}
	}))
	for _, target := range []string{"/early", "/goexit"} {
		c := s.dial(t)
		c.send(t, get(target))
		a := c.want(t, 500, "Internal Server Error\n")
		if !a.close || a.header.Get("X-Secret") != "" {
			t.Errorf("%s: %+v", target, a)
		}
		c.wantEOF(t)
	}
	for _, target := range []string{"/late", "/abort"} {
		c := s.dial(t)
		c.send(t, get(target))
		res, err := http.ReadResponse(c.r, nil)
		if err == nil {
			_, err = io.ReadAll(res.Body)
		}
		if err == nil {
			t.Errorf("%s: a whole answer", target)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(reported) != 3 || !strings.Contains(reported[0], "GET /early panicked: boom") {
		t.Errorf("reported %q, want three, the first of /early", reported)
	}
}

// TestBridgeClientLeaves: the handler's context ends, and its goroutine may.
func TestBridgeClientLeaves(t *testing.T) {
	before := runtime.NumGoroutine()
	entered, left := make(chan string, 1), make(chan error, 1)
	s := startBridge(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entered <- r.RemoteAddr
		if r.URL.Path == "/write" {
			for {
				if _, err := w.Write(make([]byte, 50_000)); err != nil {
					left <- err
					return
				}
			}
		}
		<-r.Context().Done()
		left <- context.Cause(r.Context())
		http.Error(w, "nobody hears this", 500)
	}))
	for _, target := range []string{"/wait", "/write"} {
		for _, rst := range []bool{false, true} {
			c := s.dial(t)
			c.send(t, get(target))
			if got := <-entered; got != c.LocalAddr().String() {
				t.Errorf("RemoteAddr %q, want %q", got, c.LocalAddr())
			}
			time.Sleep(10 * time.Millisecond)
			if rst {
				c.reset(t)
			} else {
				require.NoError(t, c.Close())
			}
			select {
			case err := <-left:
				if !errors.Is(err, errPeerGone) {
					t.Errorf("%s: got %v, want errPeerGone", target, err)
				}
			case <-time.After(testWait):
				t.Fatalf("%s: the handler was not told that the client left", target)
			}
		}
	}
	require.NoError(t, s.poller.Close())
	s.until(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// TestBridgeSlowReader: memory stays bounded, everything arrives.
func TestBridgeSlowReader(t *testing.T) {
	const total = 64 << 20
	var mu sync.Mutex
	written := 0
	s := startBridge(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		piece := make([]byte, 100_000)
		for n := 0; n < total; {
			k, err := w.Write(piece[:min(len(piece), total-n)])
			n += k
			mu.Lock()
			written = n
			mu.Unlock()
			if err != nil {
				return
			}
		}
	}))
	c := s.dial(t)
	c.send(t, get("/")+get("/2")[:10])
	last := -1
	s.until(t, "the writer to stop", func() bool {
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		defer mu.Unlock()
		same := written == last
		last = written
		return same && written > 0
	})
	if last > total/2 {
		t.Errorf("%d of %d bytes were written for a client that reads none", last, total)
	}
	if a := c.next(t, "GET"); len(a.body) != total {
		t.Errorf("got %d bytes, want %d", len(a.body), total)
	}
}

// TestBridgeMany: one connection, answers of all kinds in turn, pipelined.
func TestBridgeMany(t *testing.T) {
	s := startBridge(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		for i := range 3 {
			fmt.Fprintf(w, "%d%s%s", i, r.URL.Path, b)
			if r.URL.Path == "/flush" {
				w.(http.Flusher).Flush()
			}
		}
	}))
	c := s.dial(t)
	for range 20 {
		c.send(t, get("/whole")+post("/flush", "x")+get("/whole"))
		c.want(t, 200, "0/whole1/whole2/whole")
		c.want(t, 200, "0/flushx1/flushx2/flushx")
		c.want(t, 200, "0/whole1/whole2/whole")
	}
	c.send(t, "GET /flush HTTP/1.0\r\n\r\n")
	if a := c.want(t, 200, "0/flush1/flush2/flush"); !a.close {
		t.Error("HTTP/1.0: an answer without an end")
	}
}

func TestBridgeBadTarget(t *testing.T) {
	s := startBridge(t, Config{}, http.NotFoundHandler())
	c := s.dial(t)
	c.send(t, get("/%zz"))
	c.want(t, 400, "")
	c.wantEOF(t)
}
