package web

// Hot path: no allocation, no lock, no time.Now.

import (
	"sync/atomic"
	"unicode/utf8"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/http1"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// Violations of permessage-deflate (RFC 7692).
var (
	// ErrInflate (1007) is a message that can't be inflated.
	ErrInflate = &WSError{Code: wsframe.CodeInvalidPayload, Reason: "invalid compressed data"}
	// ErrBomb (1009) is a message that inflates too much for its size.
	ErrBomb = &WSError{Code: wsframe.CodeTooBig, Reason: "compressed too well"}
)

const (
	// leastInContext is the shortest message that is compressed in context.
	leastInContext = 32
	// leastContext is the smallest window that is kept for what the client
	// says: zlib uses 9 bits where 8 were agreed on.
	leastContext = 1 << 9
	// maxUndroppable is how much may wait for a client that reads slowly in
	// front of a message in context, which no policy may drop: those that
	// follow build on it. Behind more, messages stand alone.
	maxUndroppable = 16 << 10
)

// WSDeflateOptions say how messages are compressed.
type WSDeflateOptions struct {
	// Policy is what the server agrees on.
	Policy deflate.Policy
	// Threshold is the size from which on messages are compressed; with
	// context takeover those to one client are from 32 bytes on.
	Threshold int
	// Level is how hard is tried, from 1 to 9.
	Level int
	// MaxRatio bounds how many times its size a message may have inflated,
	// when that is more than a megabyte; 0: no bound.
	MaxRatio int
}

// WSDeflate is permessage-deflate (RFC 7692) on one server. What several
// clients are sent is compressed once; without context takeover, which is the
// Policy's default, a connection holds nothing for it.
type WSDeflate struct {
	// immutable
	options  WSDeflateOptions
	deflater *deflate.Deflater
	terms    termsTable

	conns              atomic.Int64 // that agreed on it, until their end is told
	deflated, inflated atomic.Uint64
}

var _ frame.Compressor = (*WSDeflate)(nil)

// NewWSDeflate returns permessage-deflate with options, which are not checked.
func NewWSDeflate(o WSDeflateOptions) *WSDeflate {
	return &WSDeflate{options: o, deflater: deflate.NewDeflater(o.Level)}
}

// Counts returns how many messages were compressed, those to several clients
// once, and how many inflated. It may be called from any goroutine.
func (d *WSDeflate) Counts() (deflated, inflated uint64) {
	return d.deflated.Load(), d.inflated.Load()
}

// Deflate compresses for a frame that is to be sent to any number of clients,
// see frame.Compressor, and counts that.
func (d *WSDeflate) Deflate(dst, payload []byte, bits uint8) []byte {
	d.deflated.Add(1)
	return d.deflater.Append(dst, payload, nil, bits)
}

// Prepare compresses f for those who will be sent it, when there is anybody who
// takes that: so it is done on the goroutine of whoever sends, not on a loop. It
// may be called from any goroutine that holds a reference to f.
func (d *WSDeflate) Prepare(f *frame.Frame) {
	if d.conns.Load() > 0 {
		f.Deflated(d, deflate.MaxBits, d.options.Threshold)
	}
}

// negotiate answers the offers of a request. A list that is malformed is no
// offer: RFC 7692 section 5 has the server decline what it can't accept.
func (d *WSDeflate) negotiate(r *http1.Request) (agreed deflate.Params, accepted bool) {
	if d == nil {
		return agreed, false
	}
	for i := range r.HeaderCount() {
		name, list := r.HeaderAt(i)
		if !http1.EqualFold(name, "Sec-WebSocket-Extensions") {
			continue
		}
		p, found, ok := d.options.Policy.Negotiate(list)
		if !ok {
			return deflate.Params{}, false
		}
		if found && !accepted {
			agreed, accepted = p, true
		}
	}
	if accepted {
		d.conns.Add(1)
	}
	return agreed, accepted
}

// offerDeflated is Offer on a connection that agreed on permessage-deflate.
func (c *WSConn) offerDeflated(f *frame.Frame) poller.Outcome {
	g, control := c.deflated(f)
	switch {
	case !control:
		return c.pc.Offer(g)
	case c.pc.SendControl(g):
		return poller.Queued
	}
	return poller.Closed
}

// deflated returns what the client is sent for f: compressed, if that pays.
// control tells that no policy may drop it. It takes over one reference and
// returns one.
func (c *WSConn) deflated(f *frame.Frame) (g *frame.Frame, control bool) {
	t := c.terms
	if t.params.ServerTakeover && c.mayBuildOn(f) {
		return c.deflatedInContext(f)
	}
	g = f.Deflated(t.deflate, t.params.ServerBits, t.deflate.options.Threshold)
	if g == nil {
		return f, false
	}
	if w := c.work; w != nil && w.said != nil {
		// It may be dropped, or is too dear to be copied for each receiver:
		// what follows must not refer to it, nor to what lies behind it.
		w.said = w.said[:0]
	}
	g.Retain(1)
	f.Release()
	return g, false
}

// inflate delivers a compressed message. Ownership: p is not kept.
func (c *WSConn) inflate(p []byte, binary bool) {
	if c.state != wsOpen {
		return
	}
	t := c.terms
	var heard []byte
	if c.work != nil {
		heard = c.work.heard
	}
	z := deflate.NewInflater()
	switch err := z.Inflate(p, heard, int(t.maxMessage), t.deflate.options.MaxRatio); {
	case err == deflate.ErrTooLarge:
		c.fail(ErrTooLarge)
	case err == deflate.ErrRatio:
		c.fail(ErrBomb)
	case err != nil:
		c.fail(ErrInflate)
	case !binary && !utf8.Valid(z.Out):
		c.fail(wsframe.ErrUTF8)
	default:
		t.deflate.inflated.Add(1)
		if t.params.ClientTakeover {
			w := c.needWork()
			w.heard = deflate.AppendContext(w.heard, z.Out, max(1<<t.params.ClientBits, leastContext))
		}
		c.deliver(z.Out, binary)
	}
	z.Release()
}
