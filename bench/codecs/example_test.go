package codecs_test

import (
	"fmt"
	"log"

	"github.com/sirocco-io/sirocco/bench/codecs"
	"github.com/sirocco-io/sirocco/sio"
)

// A faster library takes the place of encoding/json by a codec of two methods:
// see [codecs.Goccy].
func ExampleGoccy() {
	io, err := sio.NewServer(sio.Config{Codec: codecs.Goccy{}})
	if err != nil {
		log.Fatal(err)
	}
	type order struct {
		Item string `json:"item"`
		N    int    `json:"n"`
	}
	sio.OnAck(io, "order", func(_ *sio.Socket, o order) (order, error) { return o, nil })

	text, err := codecs.Goccy{}.Append(nil, order{"<tea>", 2})
	fmt.Println(string(text), err)
	// Output: {"item":"<tea>","n":2} <nil>
}
