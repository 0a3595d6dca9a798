package e2e

import (
	"encoding/json"
	"errors"

	"github.com/sirocco-io/sirocco/sio"
)

// jsonParser is js/json-parser.mjs in Go: a packet is one text message.
type jsonParser struct{}

type jsonPacket struct {
	Type sio.PacketType `json:"type"`
	NSP  string         `json:"nsp"`
	ID   *int64         `json:"id,omitempty"`
	Data any            `json:"data,omitempty"`
}

func (jsonParser) Encode(p *sio.Packet) ([]sio.Message, error) {
	out := jsonPacket{Type: p.Type, NSP: p.Namespace, Data: p.Data}
	if p.HasID {
		out.ID = &p.ID
	}
	switch p.Type {
	case sio.PacketEvent:
		out.Data = append([]any{p.Event}, p.Args...)
	case sio.PacketAck:
		out.Data = append([]any{}, p.Args...)
	}
	b, err := json.Marshal(out)
	return []sio.Message{{Data: b}}, err
}

func (jsonParser) NewDecoder(sio.Limits) sio.Decoder { return jsonDecoder{} }

type jsonDecoder struct{}

func (jsonDecoder) Decode(p *sio.Packet, msg []byte, binary bool) (bool, error) {
	var in jsonPacket
	if binary || json.Unmarshal(msg, &in) != nil {
		return false, errors.New("invalid format")
	}
	p.Type, p.Namespace = in.Type, in.NSP
	if p.HasID = in.ID != nil; p.HasID {
		p.ID = *in.ID
	}
	if p.Type != sio.PacketEvent && p.Type != sio.PacketAck {
		p.Data = in.Data
		return true, nil
	}
	list, ok := in.Data.([]any)
	if p.Args = list; p.Type == sio.PacketEvent && ok {
		if ok = len(list) > 0; ok {
			p.Event, ok = list[0].(string)
			p.Args = list[1:]
		}
	}
	if !ok {
		return false, errors.New("invalid format")
	}
	return true, nil
}
