// Command conformance serves what public protocol suites connect to:
//
//	/engine.io/   Engine.IO: echoes each message
//	/socket.io/   Socket.IO: the namespaces / and /custom of its protocol suite
//	/echo         plain WebSocket: echoes each message, up to 16 MiB
//
// Its timeouts are as short as the suites ask for; it is no model for a server.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirocco-io/sirocco/internal/web"
	"github.com/sirocco-io/sirocco/poller"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to listen on")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(1)
	}
}

// run serves until ctx is done.
func run(ctx context.Context, addr string) error {
	p, err := poller.New(poller.Config{OnError: func(err error) { fmt.Fprintln(os.Stderr, err) }})
	if err != nil {
		return err
	}
	routes := mux{{"/echo", echo{}}}
	server := web.NewServer(web.Config{Handler: routes})
	l, err := p.Listen("tcp", addr, server.Accept)
	if err != nil {
		return err
	}
	fmt.Println("listening on", l.Addr())
	<-ctx.Done()
	return p.Close()
}
