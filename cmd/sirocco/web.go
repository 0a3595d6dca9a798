package main

import (
	"embed"
	"encoding/json"
	"html/template"
	"log"
	"net/http"
	"os"
	"strings"
)

// The client that the page loads when there is no copy here: the same file, byte for byte.
const (
	clientCDN       = "https://cdn.jsdelivr.net/npm/socket.io-client@4.8.4/dist/socket.io.min.js"
	clientIntegrity = "sha384-fBrXvbDtHoeKWJ/hcA6M+YGueiDW+h45I7V6F2kD1S8bOkrF9rZYPLVkCR6BLR/1"
)

// pageFiles are the page: no build step, no framework.
//
//go:embed web/index.html web/style.css web/app.js web/log.js web/panel.js
var pageFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(pageFiles, "web/index.html"))

// web serves what is not Socket.IO: the page, its files, and two paths for machines. It is an ordinary
// http.Handler on the same connections.
type web struct {
	mux      *http.ServeMux
	page     string
	client   []byte // the browser client; nil: the CDN's
	counters *counters
}

func newWeb(cfg config) *web {
	w := &web{mux: http.NewServeMux()}
	if file, err := os.ReadFile(cfg.client); err == nil {
		w.client = file
	}
	w.page = renderPage(cfg, w.client != nil)
	w.mux.HandleFunc("GET /{$}", w.servePage)
	w.mux.HandleFunc("GET /assets/{name}", serveAsset)
	w.mux.HandleFunc("GET /client/socket.io.min.js", w.serveClient)
	w.mux.HandleFunc("GET /healthz", serveHealth)
	w.mux.HandleFunc("GET /readyz", w.serveReady)
	w.mux.HandleFunc("GET /stats", w.serveStats)
	return w
}

// ServeHTTP runs on a goroutine of its own for each request.
func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	rw.Header().Set("X-Content-Type-Options", "nosniff")
	w.mux.ServeHTTP(rw, r)
}

func renderPage(cfg config, local bool) string {
	var b strings.Builder
	err := pageTemplate.Execute(&b, map[string]any{
		"Path": strings.TrimRight(cfg.path, "/") + "/", "Local": local, "CDN": clientCDN, "Integrity": clientIntegrity,
	})
	if err != nil {
		panic(err) // the template is part of this program: only a programmer can break it
	}
	return b.String()
}

func (w *web) servePage(rw http.ResponseWriter, _ *http.Request) {
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' https://cdn.jsdelivr.net; "+
		"connect-src 'self' ws: wss:; img-src 'self' blob: data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	_, _ = rw.Write([]byte(w.page))
}

func serveAsset(rw http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	text, err := pageFiles.ReadFile("web/" + name)
	if err != nil || strings.HasSuffix(name, ".html") {
		http.NotFound(rw, r)
		return
	}
	kind := "text/javascript; charset=utf-8"
	if strings.HasSuffix(name, ".css") {
		kind = "text/css; charset=utf-8"
	}
	rw.Header().Set("Content-Type", kind)
	rw.Header().Set("Cache-Control", "no-cache")
	_, _ = rw.Write(text)
}

func (w *web) serveClient(rw http.ResponseWriter, r *http.Request) {
	if w.client == nil {
		http.NotFound(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	rw.Header().Set("Cache-Control", "max-age=3600")
	_, _ = rw.Write(w.client)
}

// serveReady tells load balancers whether to send new clients here: not when the server drains.
func (w *web) serveReady(rw http.ResponseWriter, r *http.Request) {
	if !w.counters.io.Ready() {
		http.Error(rw, "draining", http.StatusServiceUnavailable)
		return
	}
	serveHealth(rw, r)
}

func serveHealth(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write([]byte("ok\n"))
}

// serveStats is the panel's last sample.
func (w *web) serveStats(rw http.ResponseWriter, _ *http.Request) {
	rw.Header().Set("Content-Type", "application/json")
	rw.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(rw).Encode(w.counters.last())
}

// logError is where the server's errors go: a handler that failed or panicked, a connection refused.
func logError(err error) { log.Print("sirocco: ", err) }
