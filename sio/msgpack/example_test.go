package msgpack_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/sirocco-io/sirocco/sio/msgpack"
)

func ExampleParser() {
	io, err := sio.NewServer(sio.Config{Parser: msgpack.Parser{}})
	if err != nil {
		log.Fatal(err)
	}
	sio.OnAck2(io, "deliver", func(_ *sio.Socket, parcel []byte, at time.Time) (string, error) {
		return fmt.Sprintf("%d bytes at %s", len(parcel), at.UTC().Format(time.TimeOnly)), nil
	})
	addr, err := io.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer io.Close()

	// What a client with socket.io-msgpack-parser does.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, _, _, err := ws.Dial(ctx, "ws://"+addr.String()+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for _, p := range []sio.Packet{
		{Type: sio.PacketConnect, Namespace: "/"},
		{Type: sio.PacketEvent, Namespace: "/", ID: 1, HasID: true, Event: "deliver", Args: []any{[]byte("book"), time.Unix(3600, 0)}},
	} {
		messages, err := msgpack.Parser{}.Encode(&p)
		if err != nil {
			log.Fatal(err)
		}
		if err := wsutil.WriteClientBinary(conn, messages[0].Data); err != nil {
			log.Fatal(err)
		}
	}
	decoder := msgpack.Parser{}.NewDecoder(sio.Limits{MaxDepth: 128})
	for {
		msg, op, err := wsutil.ReadServerData(conn)
		if err != nil {
			log.Fatal(err)
		}
		var p sio.Packet
		if op != ws.OpBinary {
			continue // packets of Engine.IO
		}
		if _, err := decoder.Decode(&p, msg, true); err != nil {
			log.Fatal(err)
		}
		if p.Type == sio.PacketAck {
			args, err := p.Load()
			fmt.Println(p.ID, args, err)
			return
		}
	}
	// Output: 1 [4 bytes at 01:00:00] <nil>
}
