package sio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// Prices go out as fast as they change; a client that is behind gets the newest
// of each symbol, and is never cut for it.
func ExampleEmitter_Latest() {
	server, err := sio.NewServer(sio.Config{})
	if err != nil {
		panic(err)
	}
	publish := func(symbol string, price float64) error {
		return server.To(symbol).Latest(symbol).Overflow(poller.OverflowDropOldest).Emit("price", symbol, price)
	}
	fmt.Println(publish("ABC", 12.5))
	// Output: <nil>
}

// A server that stops is not ready for two seconds, lets its clients go over the
// next ten, and cuts what is left after twenty.
func ExampleServer_Shutdown() {
	server, err := sio.NewServer(sio.Config{
		DrainDelay:  2 * time.Millisecond, // 2 s in earnest
		DrainSpread: 10 * time.Millisecond,
		OnReady:     func(ready bool) { fmt.Println("ready:", ready) },
	})
	if err != nil {
		panic(err)
	}
	if _, err := server.Listen("tcp", "127.0.0.1:0"); err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	fmt.Println(server.Shutdown(ctx))
	// Output:
	// ready: true
	// ready: false
	// <nil>
}
