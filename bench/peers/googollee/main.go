// Command googollee serves siobench's load with github.com/googollee/go-socket.io,
// which speaks Socket.IO 2 over Engine.IO 3: siobench run -dialect socket.io-2.
//
// Its choices:
//   - WebSocket only, and buffers of 1 KiB instead of net/http's 4;
//   - handlers are functions of one string, as its examples have them; rooms and
//     broadcasts are the library's;
//   - clients send the heartbeats, and the library waits for them for its
//     PingTimeout from one to the next: an interval and a time-out together.
//
// The library has four goroutines for each connection. It encodes a broadcast
// for each receiver again, and hands it over without a queue while it holds the
// lock of all rooms: one slow client holds up everybody. A broadcast to the
// namespace goes out once for each room that a socket is in; the loads use one
// kind of broadcast at a time, so that nobody has it twice.
package main

import (
	"fmt"
	"net/http"
	"os"

	socketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/engineio"
	"github.com/googollee/go-socket.io/engineio/transport"
	"github.com/googollee/go-socket.io/engineio/transport/websocket"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// bufferBytes holds fifteen messages of the size that the loads send.
const bufferBytes = 1 << 10

// root is the default namespace.
const root = "/"

// newHandler starts a server.
func newHandler(o contract.Options) (http.Handler, error) {
	s := socketio.NewServer(&engineio.Options{
		PingInterval: o.PingInterval,
		PingTimeout:  o.PingInterval + o.PingTimeout,
		Transports:   []transport.Transport{&websocket.Transport{ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes}},
	})
	s.OnConnect(root, func(socketio.Conn) error { return nil })
	s.OnEvent(root, "echo", func(c socketio.Conn, v string) { c.Emit("echo", v) })
	s.OnEvent(root, "ack", func(_ socketio.Conn, v string) string { return v })
	s.OnEvent(root, "bcast", func(_ socketio.Conn, v string) { s.BroadcastToNamespace(root, "bcast", v) })
	s.OnEvent(root, "room", func(_ socketio.Conn, room, v string) { s.BroadcastToRoom(root, room, "room", v) })
	s.OnEvent(root, "join", func(c socketio.Conn, room string) { c.Join(room) })
	s.OnEvent(root, "leave", func(c socketio.Conn, room string) { c.Leave(room) })
	go func() { // ends with the process
		fmt.Fprintln(os.Stderr, "googollee:", s.Serve())
	}()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", s)
	return mux, nil
}

func main() { contract.Main("googollee", "github.com/googollee/go-socket.io", newHandler) }
