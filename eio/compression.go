package eio

import (
	"fmt"

	"github.com/sirocco-io/sirocco/internal/deflate"
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/web"
)

// PerMessageDeflate is compression of WebSocket messages (RFC 7692), for clients
// that offer it: browsers do. The zero value works.
//
// What several clients are sent is compressed once, and an idle socket holds
// nothing for it: unless told otherwise, neither side refers to earlier messages.
// Messages to one client are compressed on its loop, those to several on the
// goroutine that sends; messages of clients are inflated on the loop, which takes
// some 2 ms for a megabyte. Compressors, of some 700 KiB, and decompressors, of
// 40 KiB, are shared: there are about as many as processors.
type PerMessageDeflate struct {
	// Threshold is the size, in bytes, from which on messages are compressed; 0
	// means 1,024, negative that all are. Those that would grow are not.
	Threshold int
	// ServerNoContextTakeover has the server not refer to earlier messages.
	// Default On, other than the reference. Off saves bytes on the wire when
	// messages to one client are like each other, and costs up to 8 KiB for each
	// socket, from the first message to it alone on, and more time for each;
	// messages to one client are compressed from 32 bytes on then, and those
	// that were can't be dropped by the policies of Poller.Overflow. A client can
	// ask for On.
	ServerNoContextTakeover Toggle
	// ClientNoContextTakeover has clients not refer to earlier messages. Default
	// On, other than the reference. Off costs up to 32 KiB for each socket (see
	// ClientMaxWindowBits) from its first compressed message on. A client can
	// promise On.
	ClientNoContextTakeover Toggle
	// ServerMaxWindowBits limits how far back the server refers, as a power of
	// two: 8 to 15. 0 means as far as the client allows.
	ServerMaxWindowBits int
	// ClientMaxWindowBits limits how far back clients refer, as a power of two: 8
	// to 15. Clients that can't be limited get no compression then. 0 means no
	// limit.
	ClientMaxWindowBits int
	// Level is how hard the server tries, from 1, fastest, to 9; 0 means 3. It
	// has no effect on windows below 15 bits.
	Level int
	// MaxRatio bounds how many times its size a message may have inflated, when
	// that is more than a megabyte, in addition to MaxHTTPBufferSize, which
	// bounds what is inflated at all. Above, the session ends. 0 means 200,
	// negative no bound.
	MaxRatio int
}

// HTTPCompression is compression of the answers to polling requests, by gzip or
// deflate as the client's Accept-Encoding says. The zero value works. Bodies that
// clients have compressed are refused by a 415.
type HTTPCompression struct {
	// Threshold is the size of a payload, in bytes, from which on it is
	// compressed; 0 means 1,024, negative that none is.
	Threshold int
	// Level is how hard is tried, from 1, fastest, to 9; 0 means 3.
	Level int
}

const (
	// defaultThreshold is that of the reference, for both.
	defaultThreshold = 1024
	// defaultRatio is twice what text reaches that was not made to reach it.
	defaultRatio = 200
)

// withDefaults returns a copy of d with everything that is zero filled in.
func (d *PerMessageDeflate) withDefaults() *PerMessageDeflate {
	if d == nil {
		return nil
	}
	c := *d
	setDefault(&c.Threshold, defaultThreshold)
	c.ServerNoContextTakeover = settle(c.ServerNoContextTakeover, true)
	c.ClientNoContextTakeover = settle(c.ClientNoContextTakeover, true)
	setDefault(&c.Level, deflate.DefaultLevel)
	setDefault(&c.MaxRatio, defaultRatio)
	return &c
}

// validate reports the first field that can't be.
func (d *PerMessageDeflate) validate() error {
	if d == nil {
		return nil
	}
	for _, w := range []struct {
		name string
		bits int
	}{{"ServerMaxWindowBits", d.ServerMaxWindowBits}, {"ClientMaxWindowBits", d.ClientMaxWindowBits}} {
		if w.bits != 0 && (w.bits < deflate.MinBits || w.bits > deflate.MaxBits) {
			return fmt.Errorf("eio: Config.PerMessageDeflate.%s is %d, not within %d and %d", w.name, w.bits, deflate.MinBits, deflate.MaxBits)
		}
	}
	return validateLevel("PerMessageDeflate", d.Level)
}

func validateLevel(field string, level int) error {
	if level < 1 || level > 9 {
		return fmt.Errorf("eio: Config.%s.Level is %d, not within 1 and 9", field, level)
	}
	return nil
}

// engine returns what does the work, or nil.
func (d *PerMessageDeflate) engine() *web.WSDeflate {
	if d == nil {
		return nil
	}
	return web.NewWSDeflate(web.WSDeflateOptions{
		Policy: deflate.Policy{
			ServerTakeover: d.ServerNoContextTakeover == Off,
			ClientTakeover: d.ClientNoContextTakeover == Off,
			ServerBits:     uint8(d.ServerMaxWindowBits),
			ClientBits:     uint8(d.ClientMaxWindowBits),
		},
		Threshold: max(d.Threshold, 0),
		Level:     d.Level,
		MaxRatio:  max(d.MaxRatio, 0),
	})
}

// withDefaults returns a copy of h with everything that is zero filled in; nil
// is the zero value.
func (h *HTTPCompression) withDefaults() *HTTPCompression {
	c := HTTPCompression{}
	if h != nil {
		c = *h
	}
	setDefault(&c.Threshold, defaultThreshold)
	setDefault(&c.Level, deflate.DefaultLevel)
	return &c
}

// validate reports the first field that can't be.
func (h *HTTPCompression) validate() error { return validateLevel("HTTPCompression", h.Level) }

// Precompress compresses a frame that is going to be sent to several sessions,
// if there are any that take that: else the first loop that sends it does. It may
// be called from any goroutine. It is for the packages of this module.
func (srv *Server) Precompress(f *frame.Frame) {
	if srv.deflate != nil {
		srv.deflate.Prepare(f)
	}
}
