package e2e

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/internal/sysio"
	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// variant is a way to run the test server.
type variant struct {
	inline   bool           // handlers run on the loop
	eio3     bool           // clients of Engine.IO 3 are let in
	backend  poller.Backend // "" is the default
	parser   sio.Parser     // nil is JSON
	maxQueue int            // bytes for each connection; 0 is 16 MiB, above the largest message of the suites
	system   sysio.IO       // nil is the kernel
	deflate  *sio.PerMessageDeflate
	netHTTP  bool          // mounted on a server of net/http, instead of Listen
	chained  bool          // HTTP requests go through middlewares
	secure   *tls.Config   // nil is no TLS
	recovery *sio.Recovery // nil is off
}

// testServer does what js/reference.mjs does, on Sirocco.
type testServer struct {
	variant
	t      *testing.T
	port   int // 0 until the first start, the same one after it
	io     *sio.Server
	engine *eio.Server
	// engineAddr is the Engine.IO echo's.
	engineAddr string
	fronts     []*http.Server // with netHTTP

	mu      sync.Mutex
	reasons map[string][]string // guarded by mu: what ended each socket
	traces  map[string]*trace   // guarded by mu: what the any-listeners of each socket saw

	admitted atomic.Int32 // how often the middleware was called
}

// trace is what passed one socket.
type trace struct{ seen, sent []string }

func startTestServer(t *testing.T, v variant) *testServer {
	t.Helper()
	s := &testServer{variant: v, t: t}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return s
}

func (s *testServer) url() string       { return fmt.Sprintf("%s://127.0.0.1:%d", s.scheme(), s.port) }
func (s *testServer) engineURL() string { return s.scheme() + "://" + s.engineAddr }

func (s *testServer) scheme() string {
	if s.secure != nil {
		return "https"
	}
	return "http"
}

func (s *testServer) start() error {
	s.reasons, s.traces = map[string][]string{}, map[string]*trace{}
	io, err := sio.NewServer(sio.Config{
		CleanupEmptyChildNamespaces: true,
		PerMessageDeflate:           s.deflate,
		PingInterval:                time.Second,
		PingTimeout:                 2500 * time.Millisecond,
		ConnectTimeout:              6 * time.Second, // a busy machine takes its time
		MaxHTTPBufferSize:           2e6,
		AllowEIO3:                   s.eio3,
		CORS:                        &eio.CORS{Origin: "https://app.example", Credentials: true, AllowedHeaders: []string{"x-token"}},
		Poller:                      s.poller(),
		Parser:                      s.parser,
		ConnectionStateRecovery:     s.recovery,
		OnError:                     s.onError,
	})
	if err != nil {
		return err
	}
	s.io = io
	s.register()
	addr, err := s.open(io, fmt.Sprintf("127.0.0.1:%d", s.port))
	if err != nil {
		return err
	}
	s.port = addr.(*net.TCPAddr).Port
	return s.startEngine()
}

func (s *testServer) startEngine() error {
	engine, err := eio.NewServer(eio.Config{
		PerMessageDeflate: s.deflate,
		PingInterval:      time.Second,
		PingTimeout:       2500 * time.Millisecond,
		MaxHTTPBufferSize: 2e6,
		AllowEIO3:         s.eio3,
		Poller:            s.poller(),
		OnError:           s.onError,
	}, engineEcho{})
	if err != nil {
		return err
	}
	addr, err := s.open(engine, "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.engine, s.engineAddr = engine, addr.String()
	return nil
}

func (s *testServer) poller() poller.Config {
	return poller.Config{Backend: s.backend, MaxQueueBytes: cmp.Or(s.maxQueue, 16<<20), IO: s.system}
}

func (s *testServer) stop() error {
	err := errors.Join(s.io.Close(), s.engine.Close())
	for _, front := range s.fronts {
		err = errors.Join(err, front.Close())
	}
	s.fronts = nil
	return err
}

// doors are a server's ways in.
type doors interface {
	http.Handler
	Listen(network, addr string) (net.Addr, error)
	ListenTLS(network, addr string, cfg *tls.Config) (net.Addr, error)
}

// open opens the door of the variant.
func (s *testServer) open(d doors, addr string) (net.Addr, error) {
	if s.chained {
		mark := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Chained", "yes")
				next.ServeHTTP(w, r)
			})
		}
		switch d := d.(type) {
		case *sio.Server:
			d.UseHTTP(mark)
		case *eio.Server:
			d.Use(mark)
		}
	}
	switch {
	case !s.netHTTP && s.secure != nil:
		return d.ListenTLS("tcp", addr, s.secure)
	case !s.netHTTP:
		return d.Listen("tcp", addr)
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	front := &http.Server{Handler: d}
	s.fronts = append(s.fronts, front)
	if s.secure != nil {
		front.TLSConfig = s.secure.Clone()
		go func() { _ = front.ServeTLS(ln, "", "") }() // ends with stop
	} else {
		go func() { _ = front.Serve(ln) }() // ends with stop
	}
	return ln.Addr(), nil
}

// onError takes what the server reports. Handlers here do not panic and do not fail.
func (s *testServer) onError(err error) {
	var handler *sio.HandlerError
	if errors.As(err, &handler) {
		return // arguments that do not fit: a check of malformed packets sent them
	}
	var stall *sio.StallError
	if errors.As(err, &stall) {
		return // of a loop that did not get the processor: the machine is busy
	}
	s.t.Errorf("the server reported: %v", err)
}

func (s *testServer) options() []sio.HandlerOption {
	if s.inline {
		return []sio.HandlerOption{sio.Inline}
	}
	return nil
}

func (s *testServer) register() {
	s.io.Use(func(c *sio.Socket) error {
		s.admitted.Add(1)
		switch c.Handshake().Query.Get("refuse") {
		case "plain":
			return errors.New("refused")
		case "data":
			return &sio.ConnectError{Message: "refused", Data: map[string]any{"code": 42, "why": []string{"no", "entry"}}}
		}
		return nil
	})
	s.io.OnConnection(s.onConnection, s.options()...)
	s.registerEvents()
	s.registerRooms()
	s.registerEnds()
	s.registerNamespaces()
	s.registerKept()
	s.registerOperators()
}

func (s *testServer) onConnection(c *sio.Socket) {
	s.mu.Lock()
	tr := &trace{}
	s.reasons[c.ID()] = []string{}
	s.traces[c.ID()] = tr
	s.mu.Unlock()
	c.OnAny(func(event string, _ sio.Args) { s.note(&tr.seen, event) })
	c.OnAnyOutgoing(func(event string, _ sio.Args) { s.note(&tr.sent, event) })

	h := c.Handshake()
	hello := struct {
		ID     string `json:"id"`
		Auth   any    `json:"auth"`
		Token  any    `json:"token"`
		Header any    `json:"header"`
	}{ID: c.ID(), Auth: h.Auth}
	if v, ok := h.Query["token"]; ok {
		hello.Token = v[0]
	}
	if v := h.Headers.Get("X-Token"); v != "" {
		hello.Header = v
	}
	s.must(c.Emit("hello", hello))
	burst, _ := strconv.Atoi(h.Query.Get("burst"))
	for i := range burst {
		s.must(c.Emit("seq", i))
	}
}

func (s *testServer) registerEvents() {
	type numbers struct {
		A int `json:"a"`
		B int `json:"b"`
	}
	type sum struct {
		Sum int `json:"sum"`
	}
	o := s.options()
	s.io.On("echo", func(c *sio.Socket, args []any, _ sio.Ack) { s.must(c.Emit("echo", args...)) }, o...)
	s.io.On("ack", func(_ *sio.Socket, args []any, ack sio.Ack) { ack(args...) }, o...)
	sio.OnAck(s.io, "add", func(_ *sio.Socket, n numbers) (sum, error) { return sum{n.A + n.B}, nil }, o...)
	s.io.On("ask", s.onAsk, o...)
	s.io.On("size", func(_ *sio.Socket, args []any, ack sio.Ack) {
		switch x := args[0].(type) {
		case string:
			ack(len(x))
		case []byte:
			ack(len(x))
		}
	}, o...)
	s.io.On("make", func(_ *sio.Socket, args []any, ack sio.Ack) {
		n := int(args[1].(float64))
		if args[0] == "text" {
			ack(strings.Repeat("é", n/2))
			return
		}
		ack(slices.Repeat([]byte{7}, n))
	}, o...)
	sio.On(s.io, "burst", func(c *sio.Socket, n int) error {
		for i := range n {
			if err := c.Emit("seq", i); err != nil {
				return err
			}
		}
		return nil
	}, o...)
	sio.On(s.io, "volatile", func(c *sio.Socket, n int) error {
		for i := range n {
			if err := c.Volatile().Emit("maybe", i); err != nil {
				return err
			}
		}
		return c.Emit("surely")
	}, o...)
	s.io.On("seen", func(c *sio.Socket, _ []any, ack sio.Ack) {
		s.mu.Lock()
		tr := s.traces[c.ID()]
		seen, sent := lastFive(tr.seen), lastFive(tr.sent)
		s.mu.Unlock()
		ack(seen, sent)
	}, o...)
	s.io.On("transport", func(c *sio.Socket, _ []any, ack sio.Ack) { ack(c.Conn().TransportName()) }, sio.Inline)
}

// onAsk asks the client something, and tells it what it answered.
func (s *testServer) onAsk(c *sio.Socket, args []any, ack sio.Ack) {
	ms, event := args[0].(float64), args[1].(string)
	e := c.Timeout(time.Duration(ms) * time.Millisecond)
	s.must(e.EmitAck(event, func(reply sio.Args, err error) {
		if err != nil {
			ack("timeout")
			return
		}
		values, err := reply.Values()
		s.must(err)
		ack(append([]any{"reply"}, values...)...)
	}, args[2:]...))
}

func (s *testServer) registerRooms() {
	o := s.options()
	sio.OnAck(s.io, "join", func(c *sio.Socket, rooms []string) (struct{}, error) { return struct{}{}, c.Join(rooms...) }, o...)
	sio.OnAck(s.io, "leave", func(c *sio.Socket, room string) (struct{}, error) { c.Leave(room); return struct{}{}, nil }, o...)
	s.io.On("rooms", func(c *sio.Socket, _ []any, ack sio.Ack) {
		all := c.Rooms()
		others := slices.DeleteFunc(slices.Clone(all), func(r string) bool { return r == c.ID() })
		slices.Sort(others)
		ack(append([]string{}, others...), slices.Contains(all, c.ID()))
	}, o...)
	to := func(event string, where func(c *sio.Socket, room string) sio.Broadcast) {
		s.io.On(event, func(c *sio.Socket, args []any, _ sio.Ack) {
			s.must(where(c, args[0].(string)).Emit("room", args[1:]...))
		}, o...)
	}
	to("room", func(_ *sio.Socket, room string) sio.Broadcast { return s.io.To(room) })
	to("tell", func(_ *sio.Socket, id string) sio.Broadcast { return s.io.To(id) })
	to("others", func(c *sio.Socket, room string) sio.Broadcast { return c.To(room) })
	to("except", func(_ *sio.Socket, room string) sio.Broadcast { return s.io.Except(room) })
	s.io.On("rooms-to", func(_ *sio.Socket, args []any, _ sio.Ack) {
		b := s.io.To()
		for _, room := range args[0].([]any) {
			b = b.To(room.(string))
		}
		s.must(b.Emit("room", args[1:]...))
	}, o...)
	s.io.On("all", func(_ *sio.Socket, args []any, _ sio.Ack) { s.must(s.io.Emit("room", args...)) }, o...)
	s.io.On("broadcast", func(c *sio.Socket, args []any, _ sio.Ack) { s.must(c.Broadcast().Emit("room", args...)) }, o...)
}

func (s *testServer) registerEnds() {
	o := s.options()
	s.io.OnDisconnecting(func(c *sio.Socket, reason sio.Reason, _ error) {
		s.ended(c, fmt.Sprintf("disconnecting: %s (%d rooms)", reason, len(c.Rooms())-1))
	})
	s.io.OnDisconnect(func(c *sio.Socket, reason sio.Reason, _ error) {
		s.ended(c, "disconnect: "+string(reason))
	})
	sio.OnAck(s.io, "reasons", func(_ *sio.Socket, id string) ([]string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return slices.Clone(s.reasons[id]), nil
	}, o...)
	sio.On(s.io, "bye", func(c *sio.Socket, closeTransport bool) error {
		c.Disconnect(closeTransport)
		return nil
	}, o...)
}

func (s *testServer) registerNamespaces() {
	o := s.options()
	echo := func(c *sio.Socket, args []any, _ sio.Ack) { s.must(c.Emit("echo", args...)) }

	s.registerDynamic()
	custom := s.io.Of("/custom")
	custom.OnConnection(func(c *sio.Socket) { s.must(c.Emit("auth", c.Handshake().Auth)) }, o...)
	custom.On("echo", echo, o...)
	custom.On("all", func(_ *sio.Socket, args []any, _ sio.Ack) { s.must(custom.Emit("room", args...)) }, o...)
	custom.On("bye", func(c *sio.Socket, _ []any, _ sio.Ack) { c.Disconnect(false) }, o...)

	admin := s.io.Of("/admin")
	admin.Use(func(c *sio.Socket) error {
		var auth struct{ Token string }
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.Token != "secret" {
			return &sio.ConnectError{Message: "not authorized", Data: map[string]any{"code": 401, "retry": false}}
		}
		return nil
	})
	admin.On("echo", echo, o...)
}

func (s *testServer) registerDynamic() {
	o := s.options()
	made := map[string]int{} // how often each namespace was made; guarded by s.mu
	s.io.OnNewNamespace(func(n *sio.Namespace) {
		s.mu.Lock()
		defer s.mu.Unlock()
		made[n.Name()]++
	})
	sio.OnAck(s.io, "made", func(_ *sio.Socket, name string) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return made[name], nil
	}, o...)
	name := func(c *sio.Socket, _ sio.Args) (string, error) { return c.Namespace().Name(), nil }

	dynamic := s.io.OfPattern(regexp.MustCompile(`^/dynamic-\d+$`))
	dynamic.Use(func(c *sio.Socket) error {
		var auth struct{ Refuse bool }
		if err := c.Handshake().BindAuth(&auth); err != nil || auth.Refuse {
			return errors.New("refused")
		}
		return nil
	})
	sio.OnAck(dynamic, "name", name, o...)
	dynamic.On("all", func(_ *sio.Socket, args []any, _ sio.Ack) { s.must(dynamic.Emit("room", args...)) }, o...)
	tenants := s.io.OfFunc(func(name string, h sio.Handshake) bool {
		var auth struct{ Tenant string }
		return h.BindAuth(&auth) == nil && auth.Tenant != "" && name == "/"+auth.Tenant
	})
	sio.OnAck(tenants, "name", name, o...)
}

func (s *testServer) note(list *[]string, event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, event)
}

func (s *testServer) ended(c *sio.Socket, how string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reasons[c.ID()] = append(s.reasons[c.ID()], how)
}

// must fails the test for an error that is not the client's going away.
func (s *testServer) must(err error) {
	if err != nil && !errors.Is(err, sio.ErrDisconnected) && !errors.Is(err, sio.ErrServerClosed) {
		s.t.Errorf("in a handler: %v", err)
	}
}

func lastFive(list []string) []string { return slices.Clone(list[max(0, len(list)-5):]) }

// engineEcho sends back every message, and what a client asked for in its query first.
type engineEcho struct{}

func (engineEcho) OnOpen(s *eio.Session) {
	burst, _ := strconv.Atoi(s.Handshake().Query().Get("burst"))
	for i := range burst {
		_ = s.Write(fmt.Appendf(nil, "seq %d", i), false)
	}
}

func (engineEcho) OnMessage(s *eio.Session, b []byte, binary bool) {
	if !binary && string(b) == "close" {
		s.Close()
		return
	}
	_ = s.Write(b, binary)
}

func (engineEcho) OnUpgrade(*eio.Session)                  {}
func (engineEcho) OnDrain(*eio.Session)                    {}
func (engineEcho) OnClose(*eio.Session, eio.Reason, error) {}
