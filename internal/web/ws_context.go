package web

import (
	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
)

// mayBuildOn reports whether f can become context of what follows: it is sent
// to nobody else, and need not be dropped by any policy.
func (c *WSConn) mayBuildOn(f *frame.Frame) bool {
	return !f.Shared() && f.Compressible() && !f.Keyed() && f.Policy() == 0 && c.pc.Queued() <= maxUndroppable
}

// deflatedInContext is deflated with what was said before, on a connection that
// agreed on it. It takes over one reference and returns one.
func (c *WSConn) deflatedInContext(f *frame.Frame) (g *frame.Frame, control bool) {
	d, bits := c.terms.deflate, c.terms.params.ServerBits
	limit := min(deflate.MaxContext, 1<<bits)
	w := c.needWork()
	g, changed := f.Recode(func(dst, payload []byte) ([]byte, bool) {
		if len(payload) < leastInContext {
			return dst, false
		}
		n := len(dst)
		dst = d.deflater.Append(dst, payload, w.said, bits)
		if len(dst)-n >= len(payload) {
			return dst, false
		}
		d.deflated.Add(1)
		w.said = deflate.AppendContext(w.said, payload, limit)
		return dst, true
	})
	c.settle()
	if !changed {
		g.Release()
		return f, false
	}
	f.Release()
	return g, true
}
