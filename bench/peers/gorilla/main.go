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
	"net/http"
	"sync"

	"github.com/gorilla/websocket"

	"github.com/sirocco-io/sirocco/bench/peers/contract"
)

// bufferBytes holds fifteen messages of the size that the loads send.
const bufferBytes = 1 << 10

type prepared = *websocket.PreparedMessage

// client is one connection.
type client struct {
	contract.Outbox[prepared]
	writer
}

// writer writes, one goroutine at a time: the outbox sees to it.
type writer struct {
	fanout
	conn *websocket.Conn
}

var (
	_ contract.Wire[prepared]   = (*client)(nil)
	_ contract.Writer[prepared] = (*writer)(nil)
)

func (w *writer) Write(packet []byte) error {
	return w.conn.WriteMessage(websocket.TextMessage, packet)
}

func (w *writer) WritePrepared(m prepared) error { return w.conn.WritePreparedMessage(m) }

// Close cuts the connection, and every call that waits for it.
func (w *writer) Close() { _ = w.conn.Close() }

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

// serve reads until the connection is over.
func serve(s *contract.Server[prepared], conn *websocket.Conn) {
	c := &client{writer: writer{conn: conn}}
	c.Bind(&c.writer)
	defer c.Close()
	member := s.Open(c)
	defer member.End()
	for {
		kind, r, err := conn.NextReader()
		if err != nil || kind != websocket.TextMessage {
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
	contract.Main("gorilla", "github.com/gorilla/websocket", func(o contract.Options) (http.Handler, error) {
		s := contract.NewServer(o, fanout{})
		upgrader := &websocket.Upgrader{ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes, WriteBufferPool: &sync.Pool{}}
		return contract.WebSocket(func(w http.ResponseWriter, r *http.Request) {
			conn, err := upgrader.Upgrade(w, r, nil)
			if err != nil {
				return
			}
			conn.SetReadLimit(contract.MaxPayload)
			go serve(s, conn) // ends when the connection is over
		}), nil
	})
}
