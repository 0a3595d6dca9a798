// Command coder serves siobench's load with github.com/coder/websocket.
//
// Its choices:
//   - a goroutine for each connection that reads, started behind the handshake
//     so that net/http's goroutine can end; the buffers of net/http stay, for
//     the library uses them;
//   - Reader into a buffer from a pool: Read allocates for each message;
//   - contexts that never end, so that no call arms a timer: a client that does
//     not answer is closed by the heartbeat, which ends every call on it;
//   - the library has nothing for fan-out: each connection makes its own frame
//     of the same bytes. Its Write may be called by any goroutine but waits for
//     the client, so [contract.Outbox] queues.
package main

import (
	"bytes"
	"context"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// client is one connection; the outbox keeps the order of what is written.
type client struct {
	fanout
	conn *websocket.Conn
}

var _ contract.Conn[[]byte] = (*client)(nil)

func (c *client) Write(packet []byte) error {
	return c.conn.Write(context.Background(), websocket.MessageText, packet)
}

func (c *client) WritePrepared(packet []byte) error { return c.Write(packet) }

// Next returns the reader of the next text message.
func (c *client) Next() (io.Reader, error) {
	kind, r, err := c.conn.Reader(context.Background())
	if err == nil && kind != websocket.MessageText {
		err = contract.ErrNotText
	}
	return r, err
}

// Close cuts the connection, and every call that waits for it.
func (c *client) Close() { _ = c.conn.CloseNow() }

// fanout is a copy of the bytes.
type fanout struct{}

// Prepare copies packet.
func (fanout) Prepare(packet []byte) []byte { return bytes.Clone(packet) }

// Release leaves it to the garbage collector.
func (fanout) Release([]byte) {}

func main() {
	contract.Main("coder", "github.com/coder/websocket", func(o contract.Options) (http.Handler, error) {
		s := contract.NewServer(o, fanout{})
		return contract.WebSocket(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			conn.SetReadLimit(contract.MaxPayload)
			go contract.Serve(s, &client{conn: conn}) // ends when the connection is over
		}), nil
	})
}
