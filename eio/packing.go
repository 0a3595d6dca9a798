package eio

import (
	"runtime"
	"sync/atomic"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/http1"
)

// maxPackedOnLoop is the largest payload that is compressed on the loop: that
// takes it a third of a millisecond. Larger ones go to a goroutine.
const maxPackedOnLoop = 128 << 10

// packer compresses the payloads of a server.
type packer struct {
	threshold int
	encoder   *deflate.Encoder
	most      int64 // goroutines at a time; beyond, payloads stay as they are
	running   atomic.Int64
}

// newPacker returns nil when nothing is to be compressed.
func newPacker(h *HTTPCompression) *packer {
	if h.Threshold < 0 {
		return nil
	}
	return &packer{
		threshold: h.Threshold,
		encoder:   deflate.NewEncoder(h.Level),
		most:      4 * int64(runtime.GOMAXPROCS(0)),
	}
}

// codingOf returns the coding that a client likes best.
func (srv *Server) codingOf(r *http1.Request) deflate.Coding {
	if srv.packer == nil {
		return deflate.Identity
	}
	var p deflate.Preference
	for i := range r.HeaderCount() {
		if name, value := r.HeaderAt(i); http1.EqualFold(name, "Accept-Encoding") {
			p.Add(value)
		}
	}
	return p.Best()
}

// encoded reports whether the body of a request is compressed.
func encoded(r *http1.Request) bool {
	v := r.Header("Content-Encoding")
	return len(v) > 0 && !http1.EqualFold(v, deflate.Identity.String())
}

// packing is an answer that is being compressed by a goroutine. To the session
// it has been given; only its connection can still be told of.
type packing struct {
	p           *longPoll
	x           responder // loop only: nil when its connection has ended
	contentType string
	header      []byte
	body        []byte
	coding      deflate.Coding
	packed      []byte // written by the goroutine, then read on the loop
}

// reply gives the answer to a GET, compressed if it may be. It reports whether
// it keeps body.
func (p *longPoll) reply(x responder, contentType string, body []byte, compress bool) (kept bool) {
	header, c := p.getHeader, p.s.shard.srv.packer
	p.getHeader = nil
	switch {
	case !compress || p.coding == deflate.Identity || len(body) < c.threshold:
	case len(body) <= maxPackedOnLoop:
		body, header = p.s.shard.pack(body, header, p.coding)
	case c.running.Add(1) <= c.most:
		p.packing = &packing{p: p, x: x, contentType: contentType, header: header, body: body, coding: p.coding}
		// Ends when the payload is compressed.
		go p.packing.run()
		return true
	default:
		c.running.Add(-1)
	}
	x.Respond(200, contentType, header, body)
	return false
}

// pack compresses body, unless it grows by that. Ownership: the results are the
// shard's, until the next call, or what was given.
func (sh *shard) pack(body, header []byte, c deflate.Coding) ([]byte, []byte) {
	packed := sh.srv.packer.encoder.Append(sh.packed[:0], body, c)
	if sh.packed = packed; len(packed) >= len(body) {
		return body, header
	}
	sh.lines = appendCoding(append(sh.lines[:0], header...), c)
	return packed, sh.lines
}

// appendCoding appends the header line that names c.
func appendCoding(dst []byte, c deflate.Coding) []byte {
	dst = append(append(dst, "Content-Encoding: "...), c.String()...)
	return append(dst, "\r\n"...)
}

// run compresses, on a goroutine.
func (k *packing) run() {
	sh := k.p.s.shard
	k.packed = sh.srv.packer.encoder.Append(make([]byte, 0, len(k.body)/2), k.body, k.coding)
	sh.srv.packer.running.Add(-1)
	sh.Post(packed, k, nil) // a loop that has ended has no connections
}

// packed gives the answer, on the loop.
func packed(v, _ any) {
	k := v.(*packing)
	k.p.packing = nil
	if k.x == nil {
		return
	}
	if len(k.packed) < len(k.body) {
		k.header, k.body = appendCoding(append([]byte(nil), k.header...), k.coding), k.packed
	}
	k.x.Respond(200, k.contentType, k.header, k.body)
}
