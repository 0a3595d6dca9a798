package sio

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

// CORS says which origins' pages may read answers. It is the type of package
// eio.
type CORS = eio.CORS

// Cookie describes the cookie of the handshake. It is the type of package eio.
type Cookie = eio.Cookie

// PerMessageDeflate is compression of WebSocket messages. It is the type of
// package eio.
type PerMessageDeflate = eio.PerMessageDeflate

// HTTPCompression is compression of the answers to polling requests. It is the
// type of package eio.
type HTTPCompression = eio.HTTPCompression

// Config configures a [Server]. The zero value works, with the reference's
// defaults. It is copied by [NewServer].
type Config struct {
	// Path is the path that is served. "" means "/socket.io".
	Path string
	// AddTrailingSlash makes "/socket.io/" the path that is served and
	// "/socket.io" another's. Default eio.On.
	AddTrailingSlash eio.Toggle
	// ConnectTimeout is how long a connection may last without a namespace.
	// 0 means 45 s, negative no limit.
	ConnectTimeout time.Duration
	// PingInterval is the time from a pong to the next ping. 0 means 25 s.
	PingInterval time.Duration
	// PingTimeout is how long a pong may take. 0 means 20 s.
	PingTimeout time.Duration
	// UpgradeTimeout is how long an upgrade may take. 0 means 10 s.
	UpgradeTimeout time.Duration
	// MaxHTTPBufferSize bounds a message, a polling payload, and a packet
	// with its attachments, in bytes. 0 means 1,000,000.
	MaxHTTPBufferSize int64
	// MaxPayloadPackets bounds the packets in one polling payload. 0 means
	// 16,384.
	MaxPayloadPackets int
	// Transports are the transports that are served. nil means "polling" and
	// "websocket". "webtransport" is offered when it is named; the package
	// eio/webtransport serves it.
	Transports []string
	// AllowUpgrades offers the upgrade from polling. Default eio.On.
	AllowUpgrades eio.Toggle
	// AllowEIO3 also serves clients of Socket.IO 1 and 2. They are in the
	// namespace "/" as soon as they are connected. Their sockets are named by
	// the Engine.IO session, as the reference has it.
	AllowEIO3 bool
	// InitialPacket is a text message that follows the open packet. "" means
	// none.
	InitialPacket string
	// Cookie sends a cookie with the session id. nil means none, &Cookie{}
	// the reference's.
	Cookie *Cookie
	// CORS lets pages of other origins read answers. nil means none.
	CORS *CORS
	// AllowedOrigins are the origins whose pages may connect, by any
	// transport. nil means all.
	AllowedOrigins []string
	// AllowRequest decides about handshakes. nil lets everybody in. An error
	// refuses, and its text is sent. It may block. r has no body.
	AllowRequest func(r *http.Request) error
	// GenerateID makes Engine.IO session ids. nil means random ones.
	GenerateID func(r *http.Request) (string, error)
	// MaxHeaderBytes bounds the head of a request, MaxHeaders the number of
	// its header lines, MaxURLBytes its target; above, the answer is a 431 or a
	// 414. 0 means 16 KiB, 100, and 8 KiB. Bodies are bounded by
	// MaxHTTPBufferSize. They count for the server's own listeners.
	MaxHeaderBytes, MaxHeaders, MaxURLBytes int
	// HeaderTimeout bounds the time from the opening of a connection, or from
	// the first byte of a later request, to the end of the request's head.
	// 0 means 10 s.
	HeaderTimeout time.Duration
	// MaxPendingHandshakes bounds the handshakes that wait for AllowRequest
	// and GenerateID. 0 means 1,024.
	MaxPendingHandshakes int
	// InitialHeaders may change the headers of a session's first answer. It
	// is called on the loop and must not block. nil means no change.
	InitialHeaders func(h http.Header, r *http.Request)
	// Headers may change the headers of every answer that is no error. It is
	// called on the loop and must not block. nil means no change.
	Headers func(h http.Header, r *http.Request)
	// DropHandshakeHeaders saves the memory of the handshake's headers.
	DropHandshakeHeaders bool
	// HTTPHandler serves requests for other paths. nil answers 404.
	HTTPHandler http.Handler
	// ClientFiles holds the files of the JavaScript client, which are served
	// below Path by the names they have in client-dist of npm's package
	// socket.io, such as os.DirFS("node_modules/socket.io/client-dist"):
	// socket.io.js and its kin, with their maps. They are read when they are
	// first asked for, compressed by gzip or deflate as the client likes, or
	// as a file beside them with ".br" has it, and stay in memory. nil serves
	// none.
	ClientFiles fs.FS
	// PerMessageDeflate compresses WebSocket messages. nil means not.
	PerMessageDeflate *PerMessageDeflate
	// HTTPCompression compresses the answers to polling requests. nil means
	// from 1,024 bytes on.
	HTTPCompression *HTTPCompression
	// Poller configures the reactor. Its MaxQueueBytes and Overflow are what
	// bounds the data that waits for a slow client.
	Poller poller.Config
	// OnConnectionError is told of refused requests, on the loop. It must not
	// block. nil drops them.
	OnConnectionError func(*eio.ConnectionError)
	// OnPacket is shown every packet that comes in, on the loop of the session,
	// before anything is done with it; it must not block. kind is the digit on
	// the wire, such as '4' for a message or '3' for a pong, and data what
	// follows it, valid until OnPacket returns. nil costs nothing.
	OnPacket func(s *eio.Session, kind byte, data []byte, binary bool)
	// OnPacketCreate is OnPacket for the packets that are about to be sent. A
	// broadcast is shown once for each receiver.
	OnPacketCreate func(s *eio.Session, kind byte, data []byte, binary bool)

	// Parser encodes and decodes packets instead of the protocol's own JSON
	// form; clients must use its counterpart. Package sio/msgpack has one. nil
	// means JSON.
	Parser Parser

	// Adapter connects a namespace with other nodes. It is called once for
	// each namespace, when that is made; it must not block, nor call the
	// server. nil, or an Adapter that is nil, means that there are none.
	Adapter func(*Node) Adapter
	// ConnectionStateRecovery lets clients whose connection was lost have the
	// id, the rooms and the data of their socket back, with the events that
	// they missed. nil means no, &Recovery{} the reference's defaults. Sessions
	// and events are kept in memory, unless the adapter is a [SessionStore].
	// Volatile events are not kept, nor those of which the emitter learns what
	// becomes of them: with acknowledgement, [Emitter.Report] or
	// [Emitter.EmitContext].
	ConnectionStateRecovery *Recovery
	// OnRoom is told of rooms that are created, joined, left and deleted on
	// this node, the sockets' own included. It is called on the loops, one
	// call at a time for a namespace, and must not block. nil drops them.
	OnRoom func(RoomEvent)

	// Codec encodes and decodes JSON. nil means encoding/json.
	Codec JSONCodec
	// MaxAttachments bounds the binary attachments of a packet. 0 means 10.
	MaxAttachments int
	// MaxJSONDepth bounds the nesting of arrays and objects in a packet. 0
	// means 128, the most is 512.
	MaxJSONDepth int
	// MaxNamespaces bounds the namespaces that one connection is in. 0 means
	// 32.
	MaxNamespaces int
	// MaxDynamicNamespaces bounds the children of all parents together, see
	// [Server.OfPattern]: a client whose CONNECT would make one more is
	// refused. 0 means 100,000.
	MaxDynamicNamespaces int
	// CleanupEmptyChildNamespaces drops a child namespace when its last
	// socket leaves, or is refused by a middleware. A client that asks for it
	// again makes it anew. false keeps children for ever.
	CleanupEmptyChildNamespaces bool
	// MaxRooms bounds the rooms of one socket, not counting its own. 0 means
	// 10,000.
	MaxRooms int
	// MaxPendingAcks bounds the acknowledgements that are awaited from one
	// socket. 0 means 1,024.
	MaxPendingAcks int
	// MaxPendingEvents bounds the events of one socket that wait for its
	// handlers. Above it reading from the connection is paused until half of
	// them are done: a flood is held by TCP. 0 means 1,024.
	MaxPendingEvents int
	// MaxPendingBytes bounds the same events in bytes. 0 means 1 MiB. A
	// single event may be larger.
	MaxPendingBytes int
	// RateLimit bounds the events that each socket may send per second. The
	// zero value is no limit: only the application knows what is much.
	RateLimit RateLimit
	// OnDrop is told of events that a client was too slow for, which are
	// counted by reason in [Stats] too. It is called on the loop and must not
	// block. nil means that nobody is told.
	OnDrop func(s *Socket, why DropReason)
	// DrainSpread is the time over which [Server.Shutdown] lets its clients
	// go, so that they do not all reconnect elsewhere at once. 0 means at once.
	DrainSpread time.Duration
	// DrainDelay is how long Shutdown waits, with [Server.Ready] false, before
	// it begins. 0 means that it does not.
	DrainDelay time.Duration
	// OnReady is called with true when the server begins to listen, and with
	// false when Shutdown or Close is called. nil means that nobody is told.
	OnReady func(ready bool)
	// HandlerWatchdog reports, as a [*StallError] to OnError, whatever holds
	// a loop longer, such as an inline handler that blocks. 0 means 100 ms,
	// negative no reports.
	HandlerWatchdog time.Duration
	// Logger gets what nothing else is told of: errors when OnError is nil, at
	// level error, and the packets of sockets that are traced
	// ([Socket.Trace]). nil means slog.Default at the time of NewServer.
	Logger *slog.Logger
	// OnError is told of panics ([*PanicError]), errors of handlers
	// ([*HandlerError]) and stalled loops ([*StallError]), from any
	// goroutine. nil logs them to Logger.
	OnError func(error)
}

// Defaults: the reference's where it has the option, else what is plenty for
// an honest client and little for a hostile one.
const (
	defaultPath             = "/socket.io"
	defaultConnectTimeout   = 45 * time.Second
	defaultMaxBuffer        = 1_000_000
	defaultMaxAttachments   = 10
	defaultMaxJSONDepth     = 128
	defaultMaxNamespaces    = 32
	defaultMaxDynamic       = 100_000 // of some 500 bytes each
	defaultMaxRooms         = 10_000
	defaultMaxPendingAcks   = 1024
	defaultMaxPendingEvents = 1024
	defaultMaxPendingBytes  = 1 << 20
	defaultQueueBytes       = 1 << 20 // of the poller
	defaultWatchdog         = 100 * time.Millisecond
	defaultPingInterval     = 25 * time.Second // of package eio
	defaultPingTimeout      = 20 * time.Second // of package eio
)

// withDefaults returns a copy of c in which our own fields that are zero have
// their value; those of the layers below keep their zero.
func (c Config) withDefaults() Config {
	setDefault(&c.Path, defaultPath)
	setDefault(&c.ConnectTimeout, defaultConnectTimeout)
	setDefault(&c.MaxHTTPBufferSize, defaultMaxBuffer)
	setDefault(&c.MaxAttachments, defaultMaxAttachments)
	setDefault(&c.MaxJSONDepth, defaultMaxJSONDepth)
	setDefault(&c.MaxNamespaces, defaultMaxNamespaces)
	setDefault(&c.MaxDynamicNamespaces, defaultMaxDynamic)
	setDefault(&c.MaxRooms, defaultMaxRooms)
	setDefault(&c.MaxPendingAcks, defaultMaxPendingAcks)
	setDefault(&c.MaxPendingEvents, defaultMaxPendingEvents)
	setDefault(&c.MaxPendingBytes, defaultMaxPendingBytes)
	setDefault(&c.HandlerWatchdog, defaultWatchdog)
	if c.Codec == nil {
		c.Codec = stdCodec{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.OnError == nil {
		log := c.Logger
		c.OnError = func(err error) { log.Error("socket.io", "error", err) }
	}
	return c
}

func setDefault[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}

// validate names the first field, defaults applied, that cannot be.
func (c *Config) validate() error {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"MaxHTTPBufferSize", c.MaxHTTPBufferSize},
		{"MaxAttachments", int64(c.MaxAttachments)},
		{"MaxJSONDepth", int64(c.MaxJSONDepth)},
		{"MaxNamespaces", int64(c.MaxNamespaces)},
		{"MaxDynamicNamespaces", int64(c.MaxDynamicNamespaces)},
		{"MaxRooms", int64(c.MaxRooms)},
		{"MaxPendingAcks", int64(c.MaxPendingAcks)},
		{"MaxPendingEvents", int64(c.MaxPendingEvents)},
		{"MaxPendingBytes", int64(c.MaxPendingBytes)},
		{"RateLimit.Events", int64(c.RateLimit.Events)},
		{"RateLimit.Bytes", int64(c.RateLimit.Bytes)},
		{"DrainSpread", int64(c.DrainSpread)},
		{"DrainDelay", int64(c.DrainDelay)},
	} {
		if f.value < 0 {
			return fmt.Errorf("sio: Config.%s is negative", f.name)
		}
	}
	if c.RateLimit.Action > RateWarn {
		return fmt.Errorf("sio: Config.RateLimit.Action is %d, which is no action", c.RateLimit.Action)
	}
	if r := c.ConnectionStateRecovery; r != nil {
		if err := r.validate(); err != nil {
			return err
		}
	}
	if c.ClientFiles != nil && len(clientAssets(c.ClientFiles)) == 0 {
		return errors.New("sio: Config.ClientFiles holds no file of the client")
	}
	if c.MaxJSONDepth > maxScanDepth {
		return fmt.Errorf("sio: Config.MaxJSONDepth is %d, the most is %d", c.MaxJSONDepth, maxScanDepth)
	}
	return nil
}

// unnoticed is how long a connection may be lost and count as open.
func (c *Config) unnoticed() time.Duration {
	return cmp.Or(c.PingInterval, defaultPingInterval) + cmp.Or(c.PingTimeout, defaultPingTimeout)
}

// engine returns the configuration of the Engine.IO server below.
func (c *Config) engine() eio.Config {
	p := c.Poller
	if c.HandlerWatchdog > 0 && p.OnStall == nil {
		p.StallAfter = c.HandlerWatchdog
		p.OnStall = func(loop int, held time.Duration, stack []byte) {
			c.OnError(&StallError{Loop: loop, Held: held, Stack: stack})
		}
	}
	if p.OnError == nil {
		p.OnError = c.OnError
	}
	return eio.Config{
		Path:                 c.Path,
		AddTrailingSlash:     c.AddTrailingSlash,
		PingInterval:         c.PingInterval,
		PingTimeout:          c.PingTimeout,
		UpgradeTimeout:       c.UpgradeTimeout,
		MaxHTTPBufferSize:    c.MaxHTTPBufferSize,
		MaxPayloadPackets:    c.MaxPayloadPackets,
		Transports:           c.Transports,
		AllowUpgrades:        c.AllowUpgrades,
		AllowEIO3:            c.AllowEIO3,
		InitialPacket:        c.InitialPacket,
		Cookie:               c.Cookie,
		CORS:                 c.CORS,
		AllowedOrigins:       c.AllowedOrigins,
		AllowRequest:         c.AllowRequest,
		GenerateID:           c.GenerateID,
		MaxHeaderBytes:       c.MaxHeaderBytes,
		MaxHeaders:           c.MaxHeaders,
		MaxURLBytes:          c.MaxURLBytes,
		HeaderTimeout:        c.HeaderTimeout,
		MaxPendingHandshakes: c.MaxPendingHandshakes,
		InitialHeaders:       c.InitialHeaders,
		Headers:              c.Headers,
		DropHandshakeHeaders: c.DropHandshakeHeaders,
		HTTPHandler:          c.HTTPHandler,
		Assets:               clientAssets(c.ClientFiles),
		PerMessageDeflate:    c.PerMessageDeflate,
		HTTPCompression:      c.HTTPCompression,
		Poller:               p,
		OnConnectionError:    c.OnConnectionError,
		OnPacket:             c.OnPacket,
		OnPacketCreate:       c.OnPacketCreate,
		OnError:              c.OnError,
	}
}

// StallError reaches [Config.OnError] when a turn of a loop takes too long.
type StallError struct {
	// Loop is the number of the loop.
	Loop int
	// Held is for how long it has been held so far.
	Held time.Duration
	// Stack shows where. The receiver owns it.
	Stack []byte
}

// Error tells which loop, and for how long.
func (e *StallError) Error() string {
	return fmt.Sprintf("sio: loop %d is held for %v by a handler", e.Loop, e.Held)
}
