package load

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The ways a client reaches the server.
const (
	WebSocket = "websocket" // WebSocket from the first byte
	Polling   = "polling"   // HTTP long-polling only: two connections a client
	Upgrade   = "upgrade"   // handshake by polling, then the upgrade to WebSocket
)

// The languages that a server may speak on WebSockets.
const (
	SocketIO4  = "socket.io-4" // Engine.IO 4, also by polling
	SocketIO2  = "socket.io-2" // Engine.IO 3: clients send the heartbeats
	Centrifuge = "centrifuge"  // JSON, bidirectional, of github.com/centrifugal/centrifuge
)

// Scenarios lists the names that [Config.Scenario] may have.
var Scenarios = []string{"idle", "echo", "ack", "broadcast", "latency", "connect", "churn", "polling", "mixed", "shootout", "rooms", "crowd"}

// Config describes one run. What is zero gets the scenario's default.
type Config struct {
	Scenario  string        // one of [Scenarios]
	URL       string        // of the server: http://127.0.0.1:3000, or https: any certificate is taken; several with commas
	Path      string        // on it; empty means the dialect's: /socket.io/ or /connection/websocket
	Dialect   string        // what it speaks: [SocketIO4] (when empty), [SocketIO2] or [Centrifuge]
	Transport string        // [WebSocket] (when empty), [Polling] or [Upgrade]
	Deflate   bool          // offer permessage-deflate on WebSockets, without context takeover
	PID       int           // of the server; 0 means the process that listens on the URL's port
	Procs     int           // processes that the clients are spread over; 0 and 1 mean this one
	Part      int           // which of them this one is; set by the run itself
	Clients   int           // sockets to open, in all processes
	Payload   int           // bytes of a message's string, at least [MinPayload]
	Pipeline  int           // echo, ack: messages each client keeps in flight
	InFlight  int           // broadcast, shootout, rooms: messages in flight in all
	Senders   int           // broadcast, latency, mixed: clients that send; 0 means one per message in flight
	Event     string        // broadcast, latency: echo, bcast (whole namespace) or room
	Rate      float64       // latency, mixed: messages per second in all
	Load      float64       // latency of bcast or room: sets Rate to this part of the capacity, measured first
	LoadWith  int           // messages in flight while the capacity is measured: 1 (when zero) for what a message costs alone, many for what batching gives
	Rooms     int           // rooms: how many rooms
	RoomsEach int           // rooms: how many each client joins
	Sizes     []int         // idle, shootout, echo: numbers of sockets; nil means five up to Clients, for echo only Clients
	Settle    time.Duration // idle: how long each size rests before it is measured
	Hold      time.Duration // idle, connect, crowd: how long the last size is watched at rest
	Collect   bool          // idle: ask the server to collect its garbage before each measurement
	Window    int           // connections being opened at a time
	Addrs     int           // local addresses from 127.0.0.2 on that each process spreads its connections over
	FirstAddr int           // the first of them, counted from 127.0.0.0; 0 means 2
	Warmup    time.Duration // load before the measured window
	Duration  time.Duration // the measured window
	Timeout   time.Duration // bound of every other phase: connecting, joining, draining
	Limit     time.Duration // shootout: 95th percentile of the round trip that ends it
	HDR       io.Writer     `json:"-"` // latency: the histogram's percentile table; nil for none
	Progress  io.Writer     `json:"-"` // one line a second; nil for none
}

// check fills in the defaults and says what cannot be run.
func (c *Config) check() error {
	if !slices.Contains(Scenarios, c.Scenario) {
		return fmt.Errorf("load: scenario %q is not one of %v", c.Scenario, Scenarios)
	}
	set(&c.Dialect, SocketIO4)
	if dialects[c.Dialect] == nil {
		return fmt.Errorf("load: dialect %q is not known", c.Dialect)
	}
	c.defaults()
	switch {
	case c.Dialect != SocketIO4 && c.Transport != WebSocket:
		return fmt.Errorf("load: transport %s speaks %s only", c.Transport, SocketIO4)
	case c.Dialect == Centrifuge && c.Scenario == "rooms":
		return errors.New("load: rooms is not for centrifuge: its answers name the room")
	case c.Payload < MinPayload || c.Payload > maxPayload:
		return fmt.Errorf("load: payload %d is not within %d and %d", c.Payload, MinPayload, maxPayload)
	case c.Clients < 1 || c.Clients > maxStreams:
		return fmt.Errorf("load: %d clients are not within 1 and %d", c.Clients, maxStreams)
	case !slices.Contains([]string{WebSocket, Polling, Upgrade}, c.Transport):
		return fmt.Errorf("load: transport %q is not known", c.Transport)
	case !slices.Contains([]string{"echo", "bcast", "room"}, c.Event):
		return fmt.Errorf("load: event %q is not one of echo, bcast, room", c.Event)
	case c.Addrs < 1 || c.FirstAddr < 1 || c.FirstAddr+c.Procs*c.Addrs-1 > maxAddr:
		return errors.New("load: local addresses must lie within 127.0.0.1 and 127.255.255.254")
	case c.count(c.Clients) > c.Addrs*portsPerAddr:
		return errors.New("load: more clients than local ports: raise the number of local addresses")
	case c.Senders > c.Clients || c.Pipeline >= ring || c.InFlight >= ring*max(c.Senders, 1):
		return errors.New("load: more senders than clients, or more messages in flight than can be checked")
	case c.Load != 0 && (c.Load < 0 || c.Load >= 1 || c.Scenario != "latency" || c.Event == "echo"):
		return errors.New("load: a part of the capacity must lie within 0 and 1, and is for the latency of bcast and room")
	case c.Rate <= 0 && (c.Scenario == "latency" || c.Scenario == "mixed"):
		return errors.New("load: rate must be positive")
	}
	return c.checkJoin()
}

// preset is what a scenario sets where the caller did not.
type preset struct {
	clients, payload int
	event            string
}

// presets are the defaults that differ from 500 clients, 64 bytes and echo.
var presets = map[string]preset{
	"idle":      {15000, 64, "echo"},
	"broadcast": {2000, 100, "room"},
	"connect":   {5000, 64, "echo"},
	"churn":     {200, 64, "echo"},
	"mixed":     {5000, 100, "room"},
	"shootout":  {19000, 64, "bcast"},
	"rooms":     {2000, 100, "room"},
	"crowd":     {5000, 100, "bcast"},
}

func (c *Config) defaults() {
	if len(c.Sizes) > 0 && c.Clients == 0 {
		c.Clients = slices.Max(c.Sizes)
	}
	p, ok := presets[c.Scenario]
	if !ok {
		p = preset{500, 64, "echo"}
	}
	if c.Scenario == "polling" {
		c.Transport = Polling
	}
	set(&c.Procs, 1)
	set(&c.Clients, p.clients)
	set(&c.Payload, p.payload)
	set(&c.Event, p.event)
	set(&c.Path, dialects[c.Dialect].path())
	set(&c.Transport, WebSocket)
	set(&c.Pipeline, 1)
	set(&c.InFlight, map[string]int{"shootout": 4, "rooms": 20, "crowd": 1}[c.Scenario])
	set(&c.InFlight, 2)
	set(&c.LoadWith, 1)
	set(&c.Rooms, max(c.Clients/4, 1))
	set(&c.RoomsEach, min(8, c.Rooms))
	set(&c.Rate, 1000)
	set(&c.Settle, 3*time.Second)
	set(&c.Window, 200)
	set(&c.FirstAddr, 2)
	set(&c.Addrs, 8)
	set(&c.Warmup, 2*time.Second)
	set(&c.Duration, 5*time.Second)
	set(&c.Timeout, 60*time.Second)
	set(&c.Limit, 500*time.Millisecond)
	if c.Senders == 0 {
		c.Senders = c.senders()
	}
}

// senders is how many clients send when the caller did not say.
func (c *Config) senders() int {
	switch c.Scenario {
	case "broadcast", "shootout":
		return min(c.InFlight, c.Clients)
	case "crowd":
		return 1
	case "mixed":
		return max(c.Clients/100, 1)
	case "latency":
		if c.Event != "echo" {
			return min(10, c.Clients)
		}
	}
	return c.Clients
}

// set gives *v the value d when it is zero.
func set[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

// remote returns the server's address and the value of the Host header.
func (c *Config) remote() (netip.AddrPort, string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return netip.AddrPort{}, "", fmt.Errorf("load: url: %w", err)
	}
	ap, err := netip.ParseAddrPort(u.Host)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return netip.AddrPort{}, "", fmt.Errorf("load: url %q must be http://<address>:<port>, or https", c.URL)
	}
	return ap, u.Host, nil
}

// secure returns how clients speak TLS; nil when they do not.
func (c *Config) secure() *tls.Config {
	if !strings.HasPrefix(c.URL, "https:") {
		return nil
	}
	return &tls.Config{InsecureSkipVerify: true} // who the server is, is not what is measured
}

// steps returns the sizes of idle, shootout and echo in rising order.
func (c *Config) steps() []int {
	if len(c.Sizes) > 0 {
		return slices.Sorted(slices.Values(c.Sizes))
	}
	var s []int
	for i := 1; i <= 5; i++ {
		if n := c.Clients * i / 5; n > 0 {
			s = append(s, n)
		}
	}
	return s
}
