package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// config is what flags and environment say.
type config struct {
	addr         string        // host:port
	path         string        // of Socket.IO
	origins      string        // allowed by CORS, separated by commas; "" for none, "*" for all
	backend      string        // of the reactor: "", "epoll", "netpoll" or "uring"
	loops        int           // 0: one for each processor
	pingInterval time.Duration // between two heartbeats
	pingTimeout  time.Duration // for the answer to one
	maxBuffer    int64         // bytes of the largest message that a client may send
	client       string        // the file of the official client; a CDN serves it when it cannot be read
	drainDelay   time.Duration // how long it is not ready before it begins to stop
	drainSpread  time.Duration // over which it lets its clients go
	drain        time.Duration // how long a stopping server waits for its clients
}

// parseConfig reads the environment first, then the flags, which win.
func parseConfig(args []string, getenv func(string) string, help io.Writer) (config, error) {
	var cfg config
	flags := flag.NewFlagSet("sirocco", flag.ContinueOnError)
	flags.SetOutput(help)
	flags.StringVar(&cfg.addr, "addr", "127.0.0.1:3000", "address to listen on")
	flags.StringVar(&cfg.path, "path", "/socket.io", "path of Socket.IO")
	flags.StringVar(&cfg.origins, "cors", "", "origins that other pages may connect from, separated by commas, or *")
	flags.StringVar(&cfg.backend, "backend", "", "reactor: epoll, netpoll, or uring where io_uring is allowed (default: epoll on Linux, netpoll elsewhere)")
	flags.IntVar(&cfg.loops, "loops", 0, "event loops (default: one for each processor)")
	flags.DurationVar(&cfg.pingInterval, "ping-interval", 25*time.Second, "time between two heartbeats")
	flags.DurationVar(&cfg.pingTimeout, "ping-timeout", 20*time.Second, "time for the answer to a heartbeat")
	flags.Int64Var(&cfg.maxBuffer, "max-buffer", 1_000_000, "bytes of the largest message a client may send")
	flags.StringVar(&cfg.client, "client", "cmd/sirocco/web/node_modules/socket.io-client/dist/socket.io.min.js", "file of the browser client")
	flags.DurationVar(&cfg.drain, "drain", 10*time.Second, "time that clients get when the server stops")
	flags.DurationVar(&cfg.drainDelay, "drain-delay", 0, "of that, time that /readyz fails before anything else happens")
	flags.DurationVar(&cfg.drainSpread, "drain-spread", 0, "of that, time over which clients are let go (default: all at once)")

	if err := fromEnvironment(flags, getenv); err != nil {
		fmt.Fprintln(help, err)
		return cfg, err
	}
	return cfg, flags.Parse(args)
}

// fromEnvironment sets every flag for which SIROCCO_ and its name is set.
func fromEnvironment(flags *flag.FlagSet, getenv func(string) string) error {
	var err error
	flags.VisitAll(func(f *flag.Flag) {
		name := "SIROCCO_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		f.Usage += " (" + name + ")"
		if value := getenv(name); value != "" && err == nil {
			if e := f.Value.Set(value); e != nil {
				err = fmt.Errorf("%s=%q: %w", name, value, e)
			}
		}
	})
	return err
}

// server is the configuration of the Socket.IO server; other serves every other path.
func (c config) server(other http.Handler) sio.Config {
	return sio.Config{
		Path:              c.path,
		PingInterval:      c.pingInterval,
		PingTimeout:       c.pingTimeout,
		MaxHTTPBufferSize: c.maxBuffer,
		HTTPHandler:       other,
		CORS:              c.cors(),
		Poller:            poller.Config{Backend: poller.Backend(c.backend), Loops: c.loops, MaxQueueBytes: maxQueue},
		DrainDelay:        c.drainDelay,
		DrainSpread:       c.drainSpread,
		OnError:           logError,
	}
}

// maxQueue is what may wait for a client before it is cut: a few of the largest images.
const maxQueue = 4 << 20

// cors lets pages of the origins read answers; nil lets only our own.
func (c config) cors() *sio.CORS {
	switch c.origins {
	case "":
		return nil
	case "*":
		return &sio.CORS{Origin: "*"}
	}
	return &sio.CORS{Origins: strings.Split(c.origins, ","), Credentials: true}
}
