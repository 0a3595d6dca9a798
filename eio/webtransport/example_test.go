package webtransport_test

import (
	"crypto/tls"
	"fmt"
	"net/http/httptest"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/eio/webtransport"
)

func ExampleNewServer() {
	engine, err := eio.NewServer(eio.Config{Transports: []string{"polling", "websocket", "webtransport"}}, echo{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = engine.Close() }()
	ours := httptest.NewTLSServer(nil) // in the place of a certificate of your own
	defer ours.Close()
	h3, err := webtransport.NewServer(engine, webtransport.Config{
		TLSConfig: &tls.Config{Certificates: ours.TLS.Certificates},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = h3.Close() }()
	addr, err := h3.Listen("127.0.0.1:0") // for browsers: the number of the TCP port
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("serving", addr.Network())
	// Output: serving udp
}
