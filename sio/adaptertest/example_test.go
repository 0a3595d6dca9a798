package adaptertest_test

import (
	"context"
	"fmt"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/sirocco-io/sirocco/sio/adaptertest"
)

// Two servers of one process that are nodes of one cluster.
func ExampleHub() {
	var hub adaptertest.Hub
	var nodes []*sio.Server
	for range 2 {
		io, err := sio.NewServer(sio.Config{Adapter: hub.Adapter})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer io.Close()
		nodes = append(nodes, io)
	}
	nodes[1].OnServerSide("load", func(_ sio.Args, ack sio.Ack) { ack(0.5) })
	answers, err := nodes[0].ServerSideEmitWithAck(context.Background(), "load")
	fmt.Println(len(answers), string(answers[0].Raw()), err)
	// Output: 1 0.5 <nil>
}
