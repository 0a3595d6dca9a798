package eio

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// Toggle is a switch whose zero value means the default of the option.
type Toggle uint8

// The positions of a Toggle.
const (
	Default Toggle = iota
	On
	Off
)

// or returns whether t is on, def being the default.
func (t Toggle) or(def bool) bool {
	if t == Default {
		return def
	}
	return t == On
}

// Config holds the options of a Server, with the reference's names. The zero
// Config is the reference's default in everything.
type Config struct {
	// Path is the path that is served; "" means "/engine.io". A slash at the
	// end is added or taken away as AddTrailingSlash says. It is compared
	// with the beginning of the request target.
	Path string
	// AddTrailingSlash makes "/engine.io/" the path that is served and
	// "/engine.io" another's. Default On.
	AddTrailingSlash Toggle
	// PingInterval is the time from a pong to the next ping; 0 means 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a pong may take; 0 means 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade may take; 0 means 10 s.
	UpgradeTimeout time.Duration
	// MaxHTTPBufferSize bounds a message and a polling payload, in bytes; 0
	// means 1,000,000.
	MaxHTTPBufferSize int64
	// MaxPayloadPackets bounds the packets in one polling payload; 0 means
	// 16,384. A payload with more ends the session.
	MaxPayloadPackets int
	// Transports are the transports that are served; nil means "polling" and
	// "websocket". "webtransport" is offered as an upgrade when it is named; the
	// package webtransport serves it.
	Transports []string
	// AllowUpgrades offers the upgrade from polling. Default On. Off only
	// stops offering: a client that tries is still served.
	AllowUpgrades Toggle
	// AllowEIO3 also serves clients that speak Engine.IO 3, such as those of
	// Socket.IO 1 and 2. Off, they get the answer "Unsupported protocol
	// version".
	AllowEIO3 bool
	// InitialPacket is a text message that follows the open packet; ""
	// means none.
	InitialPacket string
	// Cookie sends a cookie with the session id in the answer to a polling
	// handshake; nil means none, &Cookie{} the reference's cookie:true.
	Cookie *Cookie
	// CORS answers preflights and adds the headers that let pages of other
	// origins read answers; nil means none. It keeps nobody out: see
	// AllowedOrigins.
	CORS *CORS
	// AllowedOrigins are the origins (scheme, host and port) whose pages may
	// connect, by any transport; nil means all. Requests without an Origin
	// header do not come from a page and are let in. Others are refused as
	// AllowRequest does.
	AllowedOrigins []string
	// AllowRequest decides about handshakes; nil lets everybody in. An error
	// refuses: its text is sent to the client (see ErrForbidden). It is
	// called on a goroutine of its own and may block. r has no body.
	AllowRequest func(r *http.Request) error
	// GenerateID makes session ids; nil means random ones of 20 characters.
	// It is called as AllowRequest is, after it. Ids must not be guessable,
	// nor be in use: then, or when an error is returned, the request is
	// refused.
	GenerateID func(r *http.Request) (string, error)
	// MaxHeaderBytes bounds the head of a request; 0 means 16 KiB. It counts,
	// as the three that follow, for connections that Listen accepted.
	MaxHeaderBytes int
	// MaxHeaders bounds the header lines of a request; 0 means 100.
	MaxHeaders int
	// MaxURLBytes bounds the target of a request; 0 means 8 KiB.
	MaxURLBytes int
	// HeaderTimeout bounds the time from the opening of a connection, or from
	// the first byte of a later request, to the end of the head; 0 means 10 s.
	HeaderTimeout time.Duration
	// MaxPendingHandshakes bounds the handshakes that wait for AllowRequest
	// and GenerateID; 0 means 1,024. Above, the answer is a 503.
	MaxPendingHandshakes int
	// InitialHeaders may change the headers of the first answer of a session.
	// It is called on the loop and must not block; nil means no change.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may change the headers of every answer that is no error, the
	// first included. It is called on the loop and must not block; nil means
	// no change.
	Headers func(h http.Header, r *http.Request)
	// DropHandshakeHeaders does not keep the headers of the handshake:
	// Handshake.Headers is empty then.
	DropHandshakeHeaders bool
	// HTTPHandler serves requests for other paths; nil means that they get a
	// 404. It runs on a goroutine of its own.
	HTTPHandler http.Handler
	// Assets serve files below Path by their names, such as "client.js",
	// whatever the query; nil means none. They run on goroutines of their own
	// and see no middleware of Use.
	Assets map[string]http.Handler
	// PerMessageDeflate compresses WebSocket messages; nil means not.
	PerMessageDeflate *PerMessageDeflate
	// HTTPCompression compresses the answers to polling requests; nil means
	// from 1,024 bytes on.
	HTTPCompression *HTTPCompression
	// Poller configures the reactor. MaxQueueBytes and Overflow also rule
	// what is buffered for a client of long-polling.
	Poller poller.Config
	// OnConnectionError is told of refused requests, on the loop or on the
	// goroutine of a middleware; it must not block. nil drops them.
	OnConnectionError func(*ConnectionError)
	// OnPacket is shown every packet that comes in, on the loop of the session,
	// before anything is done with it; it must not block. kind is the digit on
	// the wire, such as '4' for a message or '3' for a pong, and data what
	// follows it, valid until OnPacket returns. nil costs nothing.
	OnPacket func(s *Session, kind byte, data []byte, binary bool)
	// OnPacketCreate is OnPacket for the packets that are about to be sent. A
	// broadcast is shown once for each receiver.
	OnPacketCreate func(s *Session, kind byte, data []byte, binary bool)
	// OnError is told of panics in handlers and hooks; nil drops them. It
	// may be called from any goroutine.
	OnError func(error)
}

// Defaults (reference: BaseServer's constructor) and tuning.
const (
	defaultPath           = "/engine.io"
	defaultPingInterval   = 25 * time.Second
	defaultPingTimeout    = 20 * time.Second
	defaultUpgradeTimeout = 10 * time.Second
	defaultMaxBuffer      = 1_000_000
	// defaultMaxPackets is as many as a WebSocket message may have fragments.
	defaultMaxPackets = 16_384
	// Of a head: what Node allows, and a browser with all its cookies needs.
	defaultHeaderBytes   = 16 << 10
	defaultHeaders       = 100
	defaultURLBytes      = 8 << 10
	defaultHeaderTimeout = 10 * time.Second
	// defaultMaxPending goroutines cost some 10 MB while all of them wait.
	defaultMaxPending = 1024
	// defaultMaxQueue is the poller's own default.
	defaultMaxQueue = 1 << 20

	// closeTimeout is how long a closing session waits for a GET to answer
	// (reference: Polling.closeTimeout).
	closeTimeout = 30 * time.Second
	// pingEarly makes up for two ticks of the poller's wheel.
	pingEarly = 20 * time.Millisecond
	// noopInterval is how often a GET is ended during an upgrade.
	noopInterval = 100 * time.Millisecond
	// maxScratchBytes is what a loop keeps of its buffer for payloads.
	maxScratchBytes = 256 << 10
)

// withDefaults returns a copy of c with everything that is zero filled in.
func (c Config) withDefaults() Config {
	setDefault(&c.Path, defaultPath)
	c.Path = strings.TrimSuffix(c.Path, "/")
	c.AddTrailingSlash = settle(c.AddTrailingSlash, true)
	if c.AddTrailingSlash == On {
		c.Path += "/"
	}
	setDefault(&c.PingInterval, defaultPingInterval)
	setDefault(&c.PingTimeout, defaultPingTimeout)
	setDefault(&c.UpgradeTimeout, defaultUpgradeTimeout)
	setDefault(&c.MaxHTTPBufferSize, defaultMaxBuffer)
	setDefault(&c.MaxPayloadPackets, defaultMaxPackets)
	setDefault(&c.MaxHeaderBytes, defaultHeaderBytes)
	setDefault(&c.MaxHeaders, defaultHeaders)
	setDefault(&c.MaxURLBytes, defaultURLBytes)
	setDefault(&c.HeaderTimeout, defaultHeaderTimeout)
	setDefault(&c.MaxPendingHandshakes, defaultMaxPending)
	if c.Transports == nil {
		c.Transports = []string{transportNames[polling], transportNames[websocket]}
	}
	c.Transports = slices.Clone(c.Transports)
	c.AllowedOrigins = slices.Clone(c.AllowedOrigins)
	c.Assets = maps.Clone(c.Assets)
	c.AllowUpgrades = settle(c.AllowUpgrades, true)
	c.Cookie = c.Cookie.withDefaults()
	c.CORS = c.CORS.withDefaults()
	c.PerMessageDeflate = c.PerMessageDeflate.withDefaults()
	c.HTTPCompression = c.HTTPCompression.withDefaults()
	setDefault(&c.Poller.MaxQueueBytes, defaultMaxQueue)
	if c.OnError == nil {
		c.OnError = func(error) {}
	}
	if c.OnConnectionError == nil {
		c.OnConnectionError = func(*ConnectionError) {}
	}
	return c
}

// setDefault sets *p when it is zero.
func setDefault[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// settle turns Default into what it means.
func settle(t Toggle, def bool) Toggle {
	if t.or(def) {
		return On
	}
	return Off
}

// validate reports the first field of c, defaults applied, that can't be.
func (c *Config) validate() error {
	for _, f := range []struct {
		name string
		v    int64
	}{
		{"PingInterval", int64(c.PingInterval)}, {"PingTimeout", int64(c.PingTimeout)},
		{"UpgradeTimeout", int64(c.UpgradeTimeout)}, {"MaxHTTPBufferSize", c.MaxHTTPBufferSize},
		{"MaxPayloadPackets", int64(c.MaxPayloadPackets)}, {"MaxPendingHandshakes", int64(c.MaxPendingHandshakes)},
		{"MaxHeaderBytes", int64(c.MaxHeaderBytes)}, {"MaxHeaders", int64(c.MaxHeaders)},
		{"MaxURLBytes", int64(c.MaxURLBytes)}, {"HeaderTimeout", int64(c.HeaderTimeout)},
		{"Poller.MaxQueueBytes", int64(c.Poller.MaxQueueBytes)},
	} {
		if f.v < 0 {
			return fmt.Errorf("eio: Config.%s is negative", f.name)
		}
	}
	if !strings.HasPrefix(c.Path, "/") && c.Path != "" {
		return fmt.Errorf("eio: Config.Path %q does not begin with a slash", c.Path)
	}
	if len(c.Transports) == 0 {
		return fmt.Errorf("eio: Config.Transports is empty")
	}
	for _, name := range c.Transports {
		if parseTransport([]byte(name)) == noTransport {
			return fmt.Errorf("eio: Config.Transports: %q is unknown", name)
		}
	}
	for _, o := range c.AllowedOrigins {
		if normalOrigin(o) == "" {
			return fmt.Errorf("eio: Config.AllowedOrigins: %q is no origin", o)
		}
	}
	return cmp.Or(c.Cookie.validate(), c.PerMessageDeflate.validate(), c.HTTPCompression.validate(), c.CORS.validate())
}
