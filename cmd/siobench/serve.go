package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	addr         string
	door         string
	handlers     string
	inline       bool
	deflate      bool
	backend      string
	loops        int
	pingInterval time.Duration
	pingTimeout  time.Duration
	tls          bool
	untilEOF     bool
	watchdog     time.Duration
	eio3         bool
}

// shutdownTime is how long serve drains when it is told to end.
const shutdownTime = 2 * time.Second

// serve runs the server that load is put on, until ctx ends.
func serve(ctx context.Context, args []string) error {
	opt := serveOptions{}
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.StringVar(&opt.addr, "addr", "127.0.0.1:3000", "address to listen on")
	fs.StringVar(&opt.door, "door", "reactor", "way in: reactor, or nethttp for a server of net/http in front")
	fs.StringVar(&opt.handlers, "handlers", "raw", "form of the handlers: raw, typed or dynamic")
	fs.BoolVar(&opt.inline, "inline", false, "run the handlers on the loop")
	fs.BoolVar(&opt.deflate, "deflate", false, "agree on permessage-deflate, as the option of the reference has it")
	fs.StringVar(&opt.backend, "backend", "", "of the reactor: epoll, netpoll or uring; empty: the platform's default")
	fs.IntVar(&opt.loops, "loops", 0, "event loops; 0: one for each processor")
	fs.DurationVar(&opt.pingInterval, "ping-interval", 25*time.Second, "between heartbeats")
	fs.DurationVar(&opt.pingTimeout, "ping-timeout", 20*time.Second, "for the answer to one")
	fs.BoolVar(&opt.tls, "tls", false, "speak TLS, with a certificate made at the start")
	fs.DurationVar(&opt.watchdog, "watchdog", 0, "complain of what holds a loop for longer; 0: 100ms, negative: never")
	fs.BoolVar(&opt.untilEOF, "until-eof", false, "end when standard input does: who started it is gone")
	fs.BoolVar(&opt.eio3, "eio3", false, "also serve clients of Socket.IO 2")
	if err := fs.Parse(args); err != nil {
		return err
	}
	io, err := newServer(opt)
	if err != nil {
		return err
	}
	bound, err := listen(io, opt)
	if err != nil {
		return err
	}
	fmt.Printf("{\"listening\":%q,\"pid\":%d}\n", bound, os.Getpid())
	if opt.untilEOF {
		var stop context.CancelFunc
		ctx, stop = context.WithCancel(ctx)
		go func() { // ends with standard input, at the latest with the process
			_, _ = os.Stdin.Read(make([]byte, 1))
			stop()
		}()
	}
	<-ctx.Done()
	end, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if err := io.Shutdown(end); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// listen opens the server's door.
func listen(io *sio.Server, opt serveOptions) (net.Addr, error) {
	var secure *tls.Config
	if opt.tls {
		host, _, err := net.SplitHostPort(opt.addr)
		if err != nil {
			return nil, err
		}
		cert, err := selfsigned.Certificate("localhost", host)
		if err != nil {
			return nil, err
		}
		secure = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	switch {
	case opt.door == "nethttp":
		return listenNetHTTP(io, opt.addr, secure)
	case opt.door != "reactor":
		return nil, fmt.Errorf("-door %q is not reactor or nethttp", opt.door)
	case opt.tls:
		return io.ListenTLS("tcp", opt.addr, secure)
	}
	return io.Listen("tcp", opt.addr)
}

// listenNetHTTP puts a server of net/http in front.
func listenNetHTTP(io *sio.Server, addr string, secure *tls.Config) (net.Addr, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	front := &http.Server{Handler: io, TLSConfig: secure, ReadHeaderTimeout: 10 * time.Second}
	go func() { // ends with the process
		serve := front.Serve
		if secure != nil {
			serve = func(ln net.Listener) error { return front.ServeTLS(ln, "", "") }
		}
		if err := serve(ln); err != nil {
			fmt.Fprintln(os.Stderr, "siobench serve:", err)
		}
	}()
	return ln.Addr(), nil
}

// newServer builds the server with its handlers; it does not listen yet.
func newServer(opt serveOptions) (*sio.Server, error) {
	var io *sio.Server
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/stats", func(w http.ResponseWriter, r *http.Request) { writeStats(w, r, io) })
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	var deflate *sio.PerMessageDeflate
	if opt.deflate {
		deflate = &sio.PerMessageDeflate{}
	}
	io, err := sio.NewServer(sio.Config{
		PerMessageDeflate: deflate,
		PingInterval:      opt.pingInterval,
		PingTimeout:       opt.pingTimeout,
		HandlerWatchdog:   opt.watchdog,
		AllowEIO3:         opt.eio3,
		HTTPHandler:       mux,
		OnError:           func(err error) { fmt.Fprintln(os.Stderr, "siobench serve:", err) },
		Poller:            poller.Config{Loops: opt.loops, Backend: poller.Backend(opt.backend)},
	})
	if err != nil {
		return nil, err
	}
	var how []sio.HandlerOption
	if opt.inline {
		how = append(how, sio.Inline)
	}
	switch opt.handlers {
	case "raw":
		rawHandlers(io, how)
	case "typed":
		typedHandlers(io, how)
	case "dynamic":
		dynamicHandlers(io, how)
	default:
		return nil, fmt.Errorf("-handlers %q is not raw, typed or dynamic", opt.handlers)
	}
	return io, nil
}

// stats is what /debug/stats answers.
type stats struct {
	Server     string    `json:"server"`
	Version    string    `json:"version"`
	PID        int       `json:"pid"`
	Goroutines int       `json:"goroutines"`
	HeapBytes  uint64    `json:"heapBytes"`
	HeapSys    uint64    `json:"heapSysBytes"`
	GCs        uint32    `json:"gcs"`
	Sio        sio.Stats `json:"sio"`
}

// writeStats answers with the process's counters; ?gc=1 collects first.
func writeStats(w http.ResponseWriter, r *http.Request, io *sio.Server) {
	if r.URL.Query().Get("gc") != "" {
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(stats{
		Server: "sirocco", Version: runtime.Version(), PID: os.Getpid(), Goroutines: runtime.NumGoroutine(),
		HeapBytes: m.HeapAlloc, HeapSys: m.HeapSys - m.HeapReleased, GCs: m.NumGC, Sio: io.Stats(),
	})
}
