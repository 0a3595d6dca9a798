package sio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/sirocco-io/sirocco/sio"
)

// jsonPacket is a packet as one JSON object, what a parser for clients does
// that is made of JSON.stringify and JSON.parse: it knows no binary data.
type jsonPacket struct {
	Type sio.PacketType  `json:"type"`
	NSP  string          `json:"nsp"`
	ID   *int64          `json:"id,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// jsonParser implements sio.Parser.
type jsonParser struct{}

func (jsonParser) Encode(p *sio.Packet) ([]sio.Message, error) {
	out := jsonPacket{Type: p.Type, NSP: p.Namespace}
	if p.HasID {
		out.ID = &p.ID
	}
	data := p.Data
	switch p.Type {
	case sio.PacketEvent:
		data = append([]any{p.Event}, p.Args...)
	case sio.PacketAck:
		data = append([]any{}, p.Args...)
	}
	if data != nil {
		var err error
		if out.Data, err = json.Marshal(data); err != nil {
			return nil, err
		}
	}
	b, err := json.Marshal(out)
	return []sio.Message{{Data: b}}, err
}

func (jsonParser) NewDecoder(sio.Limits) sio.Decoder { return jsonDecoder{} }

// jsonDecoder implements sio.Decoder: each message is a whole packet, so it
// has no state.
type jsonDecoder struct{}

func (jsonDecoder) Decode(p *sio.Packet, msg []byte, binary bool) (bool, error) {
	var in jsonPacket
	if binary || json.Unmarshal(msg, &in) != nil || in.NSP == "" {
		return false, errors.New("invalid format")
	}
	p.Type, p.Namespace = in.Type, in.NSP
	if p.HasID = in.ID != nil; p.HasID {
		p.ID = *in.ID
	}
	var err error
	switch in.Type {
	case sio.PacketConnect:
		if in.Data != nil {
			err = json.Unmarshal(in.Data, &p.Data)
		}
	case sio.PacketEvent:
		var ok bool
		if err = json.Unmarshal(in.Data, &p.Args); err == nil && len(p.Args) > 0 {
			p.Event, ok = p.Args[0].(string)
			p.Args = p.Args[1:]
		}
		if !ok {
			err = errors.New("invalid format")
		}
	case sio.PacketAck:
		err = json.Unmarshal(in.Data, &p.Args)
	}
	return true, err
}

func ExampleParser() {
	io, err := sio.NewServer(sio.Config{Parser: jsonParser{}})
	if err != nil {
		log.Fatal(err)
	}
	sio.OnAck2(io, "add", func(_ *sio.Socket, a, b int) (int, error) { return a + b, nil })
	addr, err := io.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	defer io.Close()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, _, _, err := ws.Dial(ctx, "ws://"+addr.String()+"/socket.io/?EIO=4&transport=websocket")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	for _, packet := range []string{`{"type":0,"nsp":"/"}`, `{"type":2,"nsp":"/","id":7,"data":["add",1,2]}`} {
		if err := wsutil.WriteClientText(conn, []byte("4"+packet)); err != nil {
			log.Fatal(err)
		}
	}
	for answered := false; !answered; {
		msg, err := wsutil.ReadServerText(conn)
		if err != nil {
			log.Fatal(err)
		}
		if answered = strings.Contains(string(msg), `"type":3`); answered {
			fmt.Println(string(msg[1:]))
		}
	}
	// Output: {"type":3,"nsp":"/","id":7,"data":[3]}
}
