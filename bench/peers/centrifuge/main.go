// Command centrifuge serves siobench's load with github.com/centrifugal/centrifuge
// in that library's own protocol, JSON over WebSocket: siobench run -dialect
// centrifuge. Every connection is subscribed to the channel bcast as it
// connects, as a socket is in its namespace; rooms are channels that clients
// subscribe to; what they publish goes to all subscribers, the publisher
// included; the remote procedure calls echo and ack return their argument.
//
// Its choices:
//   - the memory broker, no presence, no history, no join and leave messages:
//     nothing that Socket.IO has not either;
//   - publications carry no information on who published, which would make each
//     of them 60 bytes longer;
//   - write buffers from a pool, and a read buffer of 1 KiB;
//   - replies go out without the client's queue (ReplyWithoutQueue), and the
//     queue has no delay: a delay would bound the messages a second of each
//     client;
//   - each connection is a user of its own, so that the library's shards share
//     the connections evenly.
package main

import (
	"context"
	"net/http"

	"github.com/centrifugal/centrifuge"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// readBytes holds fifteen messages of the size that the loads send.
const readBytes = 1 << 10

// everybody is the channel of all connections.
const everybody = "bcast"

// connecting lets everybody in.
func connecting(_ context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
	return centrifuge.ConnectReply{
		Credentials:       &centrifuge.Credentials{UserID: e.ClientID},
		Subscriptions:     map[string]centrifuge.SubscribeOptions{everybody: {}},
		ReplyWithoutQueue: true,
	}, nil
}

// connected says what a client may do.
func connected(node *centrifuge.Node, client *centrifuge.Client) {
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
		done(centrifuge.SubscribeReply{}, nil)
	})
	client.OnPublish(func(e centrifuge.PublishEvent, done centrifuge.PublishCallback) {
		r, err := node.Publish(e.Channel, e.Data)
		done(centrifuge.PublishReply{Result: &r}, err)
	})
	client.OnRPC(func(e centrifuge.RPCEvent, done centrifuge.RPCCallback) {
		if e.Method != "echo" && e.Method != "ack" {
			done(centrifuge.RPCReply{}, centrifuge.ErrorMethodNotFound)
			return
		}
		done(centrifuge.RPCReply{Data: e.Data}, nil)
	})
}

// newHandler starts a node.
func newHandler(o contract.Options) (http.Handler, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(connecting)
	node.OnConnect(func(client *centrifuge.Client) { connected(node, client) })
	if err := node.Run(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		ReadBufferSize:     readBytes,
		UseWriteBufferPool: true,
		MessageSizeLimit:   contract.MaxPayload,
		PingPongConfig: centrifuge.PingPongConfig{
			PingInterval: o.PingInterval,
			PongTimeout:  min(o.PingTimeout, o.PingInterval*4/5), // it must be shorter than the interval
		},
	}))
	return mux, nil
}

func main() { contract.Main("centrifuge", "github.com/centrifugal/centrifuge", newHandler) }
