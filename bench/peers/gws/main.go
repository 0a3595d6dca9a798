// Command gws serves siobench's load with github.com/lxzan/gws.
//
// Its choices:
//   - net/http's handshake and a goroutine for each connection that runs
//     ReadLoop, started so that what net/http had can be collected, as gws's
//     README has it;
//   - answers by WriteMessage, fan-out by Broadcaster: the frame is made once,
//     and each connection's own write queue takes it. That queue is the
//     library's, and has no limit;
//   - ParallelEnabled is off: messages of one client would overtake each other;
//   - a read buffer of 1 KiB: the messages are small, and it is kept for life;
//   - the session storage is the connection's own state, not gws's map.
package main

import (
	"bytes"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// readBytes holds fifteen messages of the size that the loads send.
const readBytes = 1 << 10

type broadcast = *gws.Broadcaster

// client is one connection, and its session.
type client struct {
	session
	socket *gws.Conn
	member *contract.Member[broadcast]
}

var _ contract.Wire[broadcast] = (*client)(nil)

// Reply writes at once, and waits for other writers.
func (c *client) Reply(packet []byte) { _ = c.socket.WriteMessage(gws.OpcodeText, packet) }

// Deliver puts the frame into gws's write queue.
func (c *client) Deliver(b broadcast) { _ = b.Broadcast(c.socket) }

// Close cuts the connection: WriteClose would wait for a writer that is stuck.
func (c *client) Close() { _ = c.socket.NetConn().Close() }

// fanout is gws's Broadcaster.
type fanout struct{}

var _ contract.Fanout[broadcast] = fanout{}

// Prepare copies packet: it is read when the last queue is written.
func (fanout) Prepare(packet []byte) broadcast {
	return gws.NewBroadcaster(gws.OpcodeText, bytes.Clone(packet))
}

// Release lets the frame be reused when all queues are done with it.
func (fanout) Release(b broadcast) { _ = b.Close() }

// handler is what gws calls.
type handler struct {
	gws.BuiltinEventHandler
	server *contract.Server[broadcast]
}

func (h *handler) OnOpen(socket *gws.Conn) {
	c := socket.Session().(*client)
	c.socket = socket
	c.member = h.server.Open(c)
}

func (h *handler) OnMessage(socket *gws.Conn, message *gws.Message) {
	c := socket.Session().(*client)
	if message.Opcode != gws.OpcodeText || c.member.Receive(message.Bytes()) != nil {
		c.Close()
	}
	_ = message.Close()
}

func (h *handler) OnClose(socket *gws.Conn, _ error) { socket.Session().(*client).member.End() }

func main() {
	contract.Main("gws", "github.com/lxzan/gws", func(o contract.Options) (http.Handler, error) {
		upgrader := gws.NewUpgrader(&handler{server: contract.NewServer(o, fanout{})}, &gws.ServerOption{
			ReadBufferSize:     readBytes,
			ReadMaxPayloadSize: contract.MaxPayload,
			NewSession:         func() gws.SessionStorage { return &client{} },
		})
		return contract.WebSocket(func(w http.ResponseWriter, r *http.Request) {
			socket, err := upgrader.Upgrade(w, r)
			if err != nil {
				return
			}
			go socket.ReadLoop() // ends when the connection is over
		}), nil
	})
}
