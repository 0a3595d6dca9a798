package web

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/bytebufferpool"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/http1"
)

// responseWriter is the http.ResponseWriter of a bridged request. It belongs to
// the goroutine of the handler.
type responseWriter struct {
	b       *bridge
	method  string
	header  http.Header
	frozen  http.Header                // what header was at WriteHeader
	status  int                        // 0 until WriteHeader
	buf     *bytebufferpool.ByteBuffer // body that was not sent yet; or nil
	length  int64                      // Content-Length that the handler declared, or -1
	written int64                      // bytes of the body, sent or not
	started bool                       // the head was sent
	chunked bool                       // the body goes out in chunks
	last    bool                       // the connection ends with this answer
	torn    bool                       // the answer can't be completed
	left    bool                       // the exchange went back: there is nothing to answer
}

var _ http.Flusher = (*responseWriter)(nil)

func newResponseWriter(b *bridge, req *http.Request) *responseWriter {
	return &responseWriter{
		b: b, method: req.Method, header: http.Header{}, length: -1,
		last: b.flags&flagKeepAlive == 0,
	}
}

// Header returns the headers to send; changes after WriteHeader have no effect.
func (w *responseWriter) Header() http.Header { return w.header }

// WriteHeader sets the status, once. Informational ones are not sent.
func (w *responseWriter) WriteHeader(status int) {
	if w.status != 0 || status < 200 || status > 999 {
		return
	}
	w.status = status
	w.frozen = w.header.Clone()
	if w.frozen == nil {
		w.frozen = http.Header{}
	}
	if v := w.frozen.Get("Content-Length"); v != "" {
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && n >= 0 {
			w.length = n
		}
	}
	if http1.HasToken([]byte(w.frozen.Get("Connection")), "close") {
		w.last = true
	}
}

// Write adds to the body. It waits when the client reads slowly, and fails when
// it is gone.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if w.length >= 0 && w.written+int64(len(p)) > w.length {
		return 0, http.ErrContentLength
	}
	if w.method == http.MethodHead {
		w.sniff(p)
		w.written += int64(len(p))
		return len(p), nil
	}
	for n := 0; n < len(p); {
		if w.buf == nil {
			w.buf = bodyPool.Get()
		}
		take := min(len(p)-n, pieceBytes-len(w.buf.B))
		w.buf.B = append(w.buf.B, p[n:n+take]...)
		n += take
		w.written += int64(take)
		if len(w.buf.B) >= pieceBytes {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return len(p), nil
}

// Flush sends what was written so far.
func (w *responseWriter) Flush() { _ = w.FlushError() }

// FlushError is Flush; it fails when the client is gone.
func (w *responseWriter) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.method == http.MethodHead || !bodyAllowed(w.status) {
		return nil // sent by finish
	}
	return w.flush()
}

// flush sends the buffer as a piece, with the head if that was not sent yet. It
// waits for its turn.
func (w *responseWriter) flush() error {
	if w.left {
		return http.ErrHijacked
	}
	select {
	case <-w.b.credit:
	case <-w.b.ctx.Done():
		return context.Cause(w.b.ctx)
	}
	f := frame.New()
	if !w.started {
		f.B = w.appendHead(f.B, w.length)
		w.started = true
	}
	if w.buf != nil && len(w.buf.B) > 0 {
		f.B = w.appendBody(f.B, w.buf.B)
		w.buf.B = w.buf.B[:0]
	}
	if !w.b.post(sendPiece, f.SealRaw()) {
		return errPeerGone
	}
	return nil
}

// appendBody appends p as the encoding of the answer has it.
func (w *responseWriter) appendBody(b, p []byte) []byte {
	if !w.chunked {
		return append(b, p...)
	}
	b = http1.AppendChunkSize(b, len(p))
	b = append(b, p...)
	return append(b, "\r\n"...)
}

// finish sends what is left and ends the exchange.
func (w *responseWriter) finish() {
	if w.left {
		putBuffer(&bodyPool, &w.buf)
		return
	}
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.length >= 0 && w.written != w.length && w.method != http.MethodHead && bodyAllowed(w.status) {
		w.torn = true // the client waits for more than there is
	}
	switch {
	case w.torn:
		w.b.post(tearAnswer, nil)
	case w.started:
		w.finishPieces()
	default:
		w.sendWhole()
	}
	putBuffer(&bodyPool, &w.buf)
}

// sendWhole sends an answer that fits the buffer.
func (w *responseWriter) sendWhole() {
	f := frame.New()
	length := w.length
	if length < 0 && (w.method != http.MethodHead || w.written > 0) {
		length = w.written
	}
	f.B = w.appendHead(f.B, length)
	if w.buf != nil {
		f.B = append(f.B, w.buf.B...)
	}
	w.sendLast(f)
}

// finishPieces sends the last piece.
func (w *responseWriter) finishPieces() {
	f := frame.New()
	if w.buf != nil && len(w.buf.B) > 0 {
		f.B = w.appendBody(f.B, w.buf.B)
	}
	if w.chunked {
		f.B = append(f.B, "0\r\n\r\n"...)
	}
	w.sendLast(f)
}

// sendLast sends f out of turn, since there is no more to come, and ends the
// exchange.
func (w *responseWriter) sendLast(f *frame.Frame) {
	w.b.post(sendRest, f.SealRaw())
	if w.last {
		w.b.post(finishLast, nil)
		return
	}
	w.b.post(finishAnswer, nil)
}

// fail replaces what was written by a 500, unless its beginning was sent.
func (w *responseWriter) fail() {
	if w.started {
		w.torn = true
		return
	}
	w.header = http.Header{"Content-Type": {"text/plain; charset=utf-8"}}
	w.status, w.length, w.written, w.last = 0, -1, 0, true
	if w.buf != nil {
		w.buf.B = w.buf.B[:0]
	}
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = w.Write([]byte("Internal Server Error\n"))
}

// appendHead appends status line and headers. length is that of the body, -1
// when it is not known.
func (w *responseWriter) appendHead(b []byte, length int64) []byte {
	b = http1.AppendStatus(b, w.status)
	if bodyAllowed(w.status) {
		switch {
		case length >= 0:
			b = http1.AppendContentLength(b, length)
		case w.method == http.MethodHead:
		case w.b.flags&flagOldVersion == 0:
			w.chunked = true
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
		default:
			w.last = true // HTTP/1.0: the end of the connection is the end
		}
	}
	w.sniffBuffer()
	for _, name := range slices.Sorted(maps.Keys(w.frozen)) {
		if isFraming(name) {
			continue
		}
		for _, v := range w.frozen[name] {
			// One that could break the answer apart is left out.
			b, _ = http1.AppendField(b, name, v)
		}
	}
	if _, ok := w.frozen["Date"]; !ok {
		b = append(b, dateHeader(time.Now())...)
	}
	if w.last {
		b = append(b, connectionClose...)
	} else {
		b = append(b, w.b.srv.keepAlive...)
	}
	return append(b, "\r\n"...)
}

// isFraming reports whether the header is ours to send.
func isFraming(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive":
		return true
	}
	return strings.HasPrefix(name, http.TrailerPrefix)
}

// sniffBuffer sets the Content-Type from the body, as net/http does.
func (w *responseWriter) sniffBuffer() {
	if w.buf != nil {
		w.sniff(w.buf.B)
	}
}

func (w *responseWriter) sniff(p []byte) {
	if w.started || len(p) == 0 || w.frozen.Get("Content-Encoding") != "" {
		return
	}
	if _, ok := w.frozen["Content-Type"]; !ok {
		w.frozen.Set("Content-Type", http.DetectContentType(p))
	}
}
