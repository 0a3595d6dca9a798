package sio

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// clientDist stands in for client-dist of npm's package socket.io.
var clientDist = fstest.MapFS{
	"socket.io.js":             {Data: []byte(strings.Repeat("plain;", 100))},
	"socket.io.min.js":         {Data: []byte("min;")},
	"socket.io.min.js.br":      {Data: []byte("as brotli has it")},
	"socket.io.min.js.map":     {Data: []byte("{}")},
	"socket.io.esm.min.js":     {Data: []byte("esm;")},
	"socket.io.msgpack.min.js": {Data: []byte("msgpack;")},
	"package.json":             {Data: []byte("{}")},
}

// atBothDoors runs the test at a door of the reactor and behind net/http.
func atBothDoors(t *testing.T, cfg Config, test func(t *testing.T, base string)) {
	t.Helper()
	t.Run("reactor", func(t *testing.T) {
		_, addr := serve(t, cfg)
		test(t, "http://"+addr)
	})
	t.Run("net/http", func(t *testing.T) {
		srv, err := NewServer(cfg)
		require.NoError(t, err)
		front := httptest.NewServer(srv)
		t.Cleanup(func() {
			_ = srv.Close()
			front.Close()
		})
		test(t, front.URL)
	})
}

// plainHTTP adds nothing to requests, and takes answers as they are.
var plainHTTP = &http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}

func get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := plainHTTP.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(b)
}

func TestClientFilesAreServed(t *testing.T) {
	atBothDoors(t, Config{ClientFiles: clientDist}, func(t *testing.T, base string) {
		for name, contentType := range map[string]string{
			"socket.io.js":             "application/javascript; charset=utf-8",
			"socket.io.min.js":         "application/javascript; charset=utf-8",
			"socket.io.min.js.map":     "application/json; charset=utf-8",
			"socket.io.esm.min.js":     "application/javascript; charset=utf-8",
			"socket.io.msgpack.min.js": "application/javascript; charset=utf-8",
			"socket.io.js?v=2":         "application/javascript; charset=utf-8",
		} {
			file, _, _ := strings.Cut(name, "?")
			res, body := get(t, base+"/socket.io/"+name)
			if res.StatusCode != 200 || body != string(clientDist[file].Data) {
				t.Errorf("%s: %d %q", name, res.StatusCode, body)
			}
			h := res.Header
			if h.Get("Content-Type") != contentType || h.Get("Cache-Control") != "public, max-age=0" ||
				h.Get("Content-Encoding") != "" || h.Get("Vary") != "Accept-Encoding" {
				t.Errorf("%s: headers %v", name, h)
			}
		}
	})
}

func TestClientFilesRevalidate(t *testing.T) {
	atBothDoors(t, Config{ClientFiles: clientDist}, func(t *testing.T, base string) {
		res, _ := get(t, base+"/socket.io/socket.io.js")
		etag := res.Header.Get("ETag")
		if len(etag) < 3 || etag[0] != '"' {
			t.Fatalf("ETag %q", etag)
		}
		for _, match := range []string{etag, "W/" + etag} {
			if res, body := get(t, base+"/socket.io/socket.io.js", "If-None-Match", match); res.StatusCode != 304 || body != "" {
				t.Errorf("If-None-Match %s: %d %q", match, res.StatusCode, body)
			}
		}
		if res, _ := get(t, base+"/socket.io/socket.io.js", "If-None-Match", `"other"`); res.StatusCode != 200 {
			t.Errorf("another ETag: %d", res.StatusCode)
		}
		other, _ := get(t, base+"/socket.io/socket.io.min.js")
		if other.Header.Get("ETag") == etag {
			t.Error("two files have one ETag")
		}
	})
}

func TestClientFilesAreCompressed(t *testing.T) {
	plain := string(clientDist["socket.io.js"].Data)
	unzip := func(b string) string {
		r, err := gzip.NewReader(strings.NewReader(b))
		require.NoError(t, err)
		out, _ := io.ReadAll(r)
		return string(out)
	}
	inflate := func(b string) string {
		r, err := zlib.NewReader(strings.NewReader(b))
		require.NoError(t, err)
		out, _ := io.ReadAll(r)
		return string(out)
	}
	atBothDoors(t, Config{ClientFiles: clientDist}, func(t *testing.T, base string) {
		for accept, want := range map[string]string{
			"":                       "",
			"gzip":                   "gzip",
			"gzip, deflate, br":      "gzip", // there is no .br of it
			"deflate":                "deflate",
			"gzip;q=0.5, deflate":    "deflate",
			"gzip;q=0, *":            "deflate",
			"identity":               "",
			"gzip;q=0, deflate;q=no": "",
		} {
			header := []string{"Accept-Encoding", accept}
			if accept == "" {
				header = nil
			}
			res, body := get(t, base+"/socket.io/socket.io.js", header...)
			switch res.Header.Get("Content-Encoding") {
			case "gzip":
				body = unzip(body)
			case "deflate":
				body = inflate(body)
			}
			if got := res.Header.Get("Content-Encoding"); got != want || body != plain {
				t.Errorf("Accept-Encoding %q: %q, want %q; the file is whole: %v", accept, got, want, body == plain)
			}
		}
		res, body := get(t, base+"/socket.io/socket.io.min.js", "Accept-Encoding", "gzip, br")
		if res.Header.Get("Content-Encoding") != "br" || body != "as brotli has it" {
			t.Errorf("br: %q %q", res.Header.Get("Content-Encoding"), body)
		}
	})
}

func TestClientFilesHaveCORS(t *testing.T) {
	cfg := Config{ClientFiles: clientDist, CORS: &CORS{Origin: "https://app.example"}}
	atBothDoors(t, cfg, func(t *testing.T, base string) {
		res, _ := get(t, base+"/socket.io/socket.io.js")
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != "https://app.example" {
			t.Errorf("Access-Control-Allow-Origin %q", got)
		}
	})
}

// TestOnlyClientFilesAreServed also shows what the default, to serve none, does:
// what the reference does with serveClient: false.
func TestOnlyClientFilesAreServed(t *testing.T) {
	const unknown = `{"code":0,"message":"Transport unknown"}`
	check := func(names ...string) func(*testing.T, string) {
		return func(t *testing.T, base string) {
			for _, name := range names {
				res, body := get(t, base+"/socket.io/"+name)
				if res.StatusCode != 400 || body != unknown {
					t.Errorf("%s: %d %q", name, res.StatusCode, body)
				}
			}
		}
	}
	atBothDoors(t, Config{ClientFiles: clientDist}, check("package.json", "socket.io.min.js.br", "socket.io.js/", "../socket.io.js", "Socket.io.js"))
	atBothDoors(t, Config{}, check("socket.io.js"))
}

func TestClientFilesMustBeThere(t *testing.T) {
	_, err := NewServer(Config{ClientFiles: fstest.MapFS{"other.js": {}}})
	if err == nil || !strings.Contains(err.Error(), "Config.ClientFiles") {
		t.Errorf("a file system without the files: %v", err)
	}
}

// TestClientFilesThatGoAway: the file was there when the server was made.
func TestClientFilesThatGoAway(t *testing.T) {
	files := fstest.MapFS{"socket.io.js": {Data: []byte("x")}}
	assets := clientAssets(files)
	delete(files, "socket.io.js")
	w := httptest.NewRecorder()
	assets["socket.io.js"].ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 404 || bytes.Contains(w.Body.Bytes(), []byte("x")) {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}
