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
	"net/http"

	"github.com/coder/websocket"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// client is one connection.
type client struct {
	contract.Outbox[[]byte]
	writer
}

// writer writes; the outbox keeps the order.
type writer struct {
	fanout
	conn *websocket.Conn
}

var (
	_ contract.Wire[[]byte]   = (*client)(nil)
	_ contract.Writer[[]byte] = (*writer)(nil)
)

func (w *writer) Write(packet []byte) error {
	return w.conn.Write(context.Background(), websocket.MessageText, packet)
}

func (w *writer) WritePrepared(packet []byte) error { return w.Write(packet) }

// Close cuts the connection, and every call that waits for it.
func (w *writer) Close() { _ = w.conn.CloseNow() }

// fanout is a copy of the bytes.
type fanout struct{}

// Prepare copies packet.
func (fanout) Prepare(packet []byte) []byte { return bytes.Clone(packet) }

// Release leaves it to the garbage collector.
func (fanout) Release([]byte) {}

// serve reads until the connection is over.
func serve(s *contract.Server[[]byte], conn *websocket.Conn) {
	c := &client{writer: writer{conn: conn}}
	c.Bind(&c.writer)
	defer c.Close()
	member := s.Open(c)
	defer member.End()
	for {
		kind, r, err := conn.Reader(context.Background())
		if err != nil || kind != websocket.MessageText {
			return
		}
		b, err := contract.ReadMessage(r)
		if err == nil {
			err = member.Receive(b.Bytes())
		}
		b.Free()
		if err != nil {
			return
		}
	}
}

func main() {
	contract.Main("coder", "github.com/coder/websocket", func(o contract.Options) (http.Handler, error) {
		s := contract.NewServer(o, fanout{})
		return contract.WebSocket(func(w http.ResponseWriter, r *http.Request) {
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			conn.SetReadLimit(contract.MaxPayload)
			go serve(s, conn) // ends when the connection is over
		}), nil
	})
}
