// Command gorilla serves siobench's load with github.com/gorilla/websocket.
//
// Its choices:
//   - a goroutine for each connection that reads, started behind the handshake
//     so that what net/http had can be collected;
//   - NextReader into a buffer from a pool: ReadMessage allocates for each
//     message;
//   - a read buffer of 1 KiB, and write buffers of 1 KiB from a WriteBufferPool:
//     an idle connection holds none;
//   - fan-out by PreparedMessage: the frame is made once;
//   - one writer at a time, as gorilla demands, by [contract.Outbox] instead of
//     a second goroutine and a channel for each connection: an idle connection
//     costs half.
package main

import (
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// bufferBytes holds fifteen messages of the size that the loads send.
const bufferBytes = 1 << 10

type prepared = *websocket.PreparedMessage

// client is one connection, which one goroutine at a time writes to: the outbox
// sees to it.
type client struct {
	fanout
	conn *websocket.Conn
}

var _ contract.Conn[prepared] = (*client)(nil)

func (c *client) Write(packet []byte) error {
	return c.conn.WriteMessage(websocket.TextMessage, packet)
}

func (c *client) WritePrepared(m prepared) error { return c.conn.WritePreparedMessage(m) }

// Next returns the reader of the next text message.
func (c *client) Next() (io.Reader, error) {
	kind, r, err := c.conn.NextReader()
	if err == nil && kind != websocket.TextMessage {
		err = contract.ErrNotText
	}
	return r, err
}

// Close cuts the connection, and every call that waits for it.
func (c *client) Close() { _ = c.conn.Close() }

// fanout is gorilla's PreparedMessage.
type fanout struct{}

// Prepare makes the frame.
func (fanout) Prepare(packet []byte) prepared {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, packet)
	if err != nil {
		panic(err) // it writes to memory: there is nothing that can fail
	}
	return m
}

// Release leaves it to the garbage collector.
func (fanout) Release(prepared) {}

func main() {
	contract.Main("gorilla", "github.com/gorilla/websocket", func(o contract.Options) (http.Handler, error) {
		s := contract.NewServer(o, fanout{})
		upgrader := &websocket.Upgrader{ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: &sync.Pool{}}
		return contract.WebSocket(func(w http.ResponseWriter, r *http.Request) {
			conn, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			conn.SetReadLimit(contract.MaxPayload)
			go contract.Serve(s, &client{conn: conn}) // ends when the connection is over
		}), nil
	})
}
