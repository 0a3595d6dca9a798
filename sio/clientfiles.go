package sio

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// clientFileNames are the files of the client that are served, and no others.
var clientFileNames = [...]string{
	"socket.io.js", "socket.io.js.map",
	"socket.io.min.js", "socket.io.min.js.map",
	"socket.io.esm.min.js", "socket.io.esm.min.js.map",
	"socket.io.msgpack.min.js", "socket.io.msgpack.min.js.map",
}

// clientAssets returns a handler for each of these files that fsys has.
func clientAssets(fsys fs.FS) map[string]http.Handler {
	if fsys == nil {
		return nil
	}
	assets := make(map[string]http.Handler)
	for _, name := range clientFileNames {
		if st, err := fs.Stat(fsys, name); err == nil && st.Mode().IsRegular() {
			assets[name] = newClientFile(fsys, name)
		}
	}
	return assets
}

// clientFile is a file of the client. It is read, and compressed, when it is
// first asked for, and stays in memory.
type clientFile struct {
	contentType string
	plain       func() ([]byte, error)
	etag        func() string // when plain has been read
	coded       []codedFile   // in the order of the reference's preference
}

// codedFile is the file in a content coding.
type codedFile struct {
	coding string
	bytes  func() []byte // nil when there is no such file
}

func newClientFile(fsys fs.FS, name string) *clientFile {
	f := &clientFile{contentType: "application/javascript; charset=utf-8"}
	if strings.HasSuffix(name, ".map") {
		f.contentType = "application/json; charset=utf-8"
	}
	f.plain = sync.OnceValues(func() ([]byte, error) { return fs.ReadFile(fsys, name) })
	f.etag = sync.OnceValue(func() string {
		b, _ := f.plain()
		sum := sha256.Sum256(b)
		return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	})
	if st, err := fs.Stat(fsys, name+".br"); err == nil && st.Mode().IsRegular() {
		f.coded = append(f.coded, codedFile{"br", sync.OnceValue(func() []byte {
			b, _ := fs.ReadFile(fsys, name+".br")
			return b
		})})
	}
	f.coded = append(f.coded,
		codedFile{"gzip", f.compressed(func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })},
		codedFile{"deflate", f.compressed(func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })})
	return f
}

// compressed returns a function that returns the file as to compresses it.
func (f *clientFile) compressed(to func(io.Writer) io.WriteCloser) func() []byte {
	return sync.OnceValue(func() []byte {
		b, _ := f.plain()
		var out bytes.Buffer
		w := to(&out) // writes to memory: it can't fail
		_, _ = w.Write(b)
		_ = w.Close()
		return out.Bytes()
	})
}

// ServeHTTP answers with the file (reference: Server.serve).
func (f *clientFile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, err := f.plain()
	if err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if match := r.Header.Get("If-None-Match"); strings.TrimPrefix(match, "W/") == f.etag() {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Cache-Control", "public, max-age=0")
	h.Set("Content-Type", f.contentType)
	h.Set("ETag", f.etag())
	if c := f.choose(r.Header.Values("Accept-Encoding")); c != nil {
		h.Set("Content-Encoding", c.coding)
		b = c.bytes()
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}

// choose returns the coding that the client likes best, nil for none.
func (f *clientFile) choose(accept []string) (best *codedFile) {
	high := 0.0
	for i := range f.coded {
		c := &f.coded[i]
		if q := quality(accept, c.coding); q > high && c.bytes() != nil {
			best, high = c, q
		}
	}
	return best
}

// quality returns how well a client takes a coding, from 0 to 1 (RFC 9110
// section 12.5.3).
func quality(accept []string, coding string) (q float64) {
	for _, item := range strings.Split(strings.Join(accept, ","), ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.TrimSpace(name)
		named := strings.EqualFold(name, coding)
		if !named && name != "*" {
			continue
		}
		v := 1.0
		if text, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			parsed, err := strconv.ParseFloat(text, 64)
			if err != nil || parsed < 0 || parsed > 1 {
				continue
			}
			v = parsed
		}
		if named {
			return v
		}
		q = v
	}
	return q
}
