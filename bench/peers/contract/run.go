package contract

import (
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Options are the flags of every peer.
type Options struct {
	Addr         string        // to listen on; port 0: any
	PingInterval time.Duration // between heartbeats, at least 50 ms
	PingTimeout  time.Duration // for the answer to one
}

// check says which option cannot be.
func (o Options) check() error {
	if o.PingInterval < slots*time.Millisecond || o.PingTimeout <= 0 {
		return fmt.Errorf("contract: -ping-interval %v must be at least %v, and -ping-timeout %v above 0",
			o.PingInterval, slots*time.Millisecond, o.PingTimeout)
	}
	return nil
}

// Main runs a peer until its process is killed: name is how /debug/stats calls
// it, module the library's import path, whose version it tells. handler makes
// what answers everything but /debug/stats.
func Main(name, module string, handler func(o Options) (http.Handler, error)) {
	if err := run(name, module, handler); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(name, module string, handler func(o Options) (http.Handler, error)) error {
	var o Options
	flag.StringVar(&o.Addr, "addr", "127.0.0.1:3000", "address to listen on")
	flag.DurationVar(&o.PingInterval, "ping-interval", pingInterval, "between heartbeats")
	flag.DurationVar(&o.PingTimeout, "ping-timeout", pingTimeout, "for the answer to one")
	flag.Parse()
	if err := o.check(); err != nil {
		return err
	}
	h, err := handler(o)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.HandleFunc("/debug/stats", func(w http.ResponseWriter, r *http.Request) { writeStats(w, r, name, module) })
	ln, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return err
	}
	fmt.Printf("{\"listening\":%q,\"pid\":%d}\n", ln.Addr(), os.Getpid())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(ln)
}

// stats is what /debug/stats answers.
type stats struct {
	Server     string `json:"server"`
	Version    string `json:"version"`
	PID        int    `json:"pid"`
	Goroutines int    `json:"goroutines"`
	HeapBytes  uint64 `json:"heapBytes"`
	HeapSys    uint64 `json:"heapSysBytes"`
	GCs        uint32 `json:"gcs"`
}

// writeStats answers with the process's counters; ?gc=1 collects first.
func writeStats(w http.ResponseWriter, r *http.Request, name, module string) {
	if r.URL.Query().Get("gc") != "" {
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(stats{
		Server: name, Version: version(module), PID: os.Getpid(), Goroutines: runtime.NumGoroutine(),
		HeapBytes: m.HeapAlloc, HeapSys: m.HeapSys - m.HeapReleased, GCs: m.NumGC,
	})
}

// version names Go and the library as they were built in.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, d := range info.Deps {
			if d.Path == module {
				return fmt.Sprintf("%s, %s %s", runtime.Version(), d.Path, d.Version)
			}
		}
	}
	return runtime.Version()
}

// WebSocket answers 400 to what is not an Engine.IO 4 WebSocket on /socket.io/,
// and gives the rest to upgrade.
func WebSocket(upgrade http.HandlerFunc) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/socket.io/", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if q.Get("EIO") != "4" || q.Get("transport") != "websocket" {
			http.Error(w, `{"code":0,"message":"Transport unknown"}`, http.StatusBadRequest)
			return
		}
		upgrade(w, r)
	})
	return mux
}
