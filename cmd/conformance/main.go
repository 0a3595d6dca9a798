// Command conformance serves what public protocol suites connect to:
//
//	/engine.io/   Engine.IO: echoes each message
//	/socket.io/   Socket.IO: the namespaces / and /custom of its protocol suite
//	/echo         plain WebSocket: echoes each message, up to 16 MiB, with
//	              permessage-deflate unless -deflate=false
//
// With -eio3 the first two also serve clients of Engine.IO 3. Its timeouts are as
// short as the suites ask for; it is no model for a server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	eio3 := flag.Bool("eio3", false, "also serve Engine.IO 3, the protocol of Socket.IO 1 and 2")
	deflate := flag.Bool("deflate", true, "agree on permessage-deflate at /echo: any windows, context takeover if the client likes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *eio3, *deflate); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, addr string, eio3, deflate bool) error {
	s, err := start(addr, eio3, deflate)
	if err != nil {
		return err
	}
	fmt.Println("listening on", s.addr)
	<-ctx.Done()
	return s.close()
}

// service is the three endpoints on one address.
type service struct {
	addr   net.Addr
	poller *poller.Poller
	engine *eio.Server
	io     *sio.Server
}

// start serves on addr.
func start(addr string, eio3, deflate bool) (*service, error) {
	var s service
	var err error
	if s.engine, err = newEngine(eio3); err != nil {
		return nil, err
	}
	if s.io, err = newSocketIO(eio3); err != nil {
		return nil, err
	}
	// The suites fire two requests at once and expect that the first one is
	// handled first: of connections only a single loop can promise that.
	if s.poller, err = poller.New(poller.Config{Loops: 1, OnError: report}); err != nil {
		return nil, err
	}
	routes := mux{
		{"/echo", newEcho(deflate)},
		{"/engine.io/", s.engine.Mount(s.poller)},
		{"/socket.io/", s.io.Engine().Mount(s.poller)},
	}
	server := web.NewServer(web.Config{Handler: routes, OnError: report})
	l, err := s.poller.Listen("tcp", addr, server.Accept)
	if err != nil {
		return nil, errors.Join(err, s.poller.Close())
	}
	s.addr = l.Addr()
	return &s, nil
}

func (s *service) close() error {
	return errors.Join(s.engine.Close(), s.io.Close(), s.poller.Close())
}
