package http1_test

import (
	"fmt"

	"github.com/sirocco-io/sirocco/internal/http1"
)

func ExampleParser() {
	var p http1.Parser
	p.Init(http1.Limits{})
	received := []byte("POST /chat?room=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")

	n, done, err := p.Feed(received)
	if err != nil || !done {
		fmt.Println("incomplete or refused:", err)
		return
	}
	room, _ := http1.QueryValue(p.Request().RawQuery(), "room")
	fmt.Printf("%s %s room %s\n", p.Request().Method, p.Request().Path(), room)

	var body http1.Body
	body.Init(p.Request())
	_, chunk, done, err := body.Next(received[n:])
	fmt.Printf("%s %t %v\n", chunk, done, err)
	// Output:
	// POST /chat room 1
	// hi true <nil>
}

func ExampleAppendField() {
	b := http1.AppendStatus(nil, 204)
	b, err := http1.AppendField(b, "Access-Control-Allow-Origin", "http://a\r\nSet-Cookie: x=1")
	fmt.Printf("%q %v\n", b, err)
	// Output:
	// "HTTP/1.1 204 No Content\r\n" http1: control character in header value
}
