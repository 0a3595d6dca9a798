package msgpack

import "github.com/sirocco-io/sirocco/sio"

// Parser is a [sio.Parser] for clients with socket.io-msgpack-parser. The zero
// value works.
type Parser struct{}

var _ sio.Parser = Parser{}

// Encode implements [sio.Parser]: one binary message. Ownership: the result is
// the caller's.
func (Parser) Encode(p *sio.Packet) ([]sio.Message, error) {
	b, err := encode(p)
	if err != nil {
		return nil, err
	}
	return []sio.Message{{Data: b, Binary: true}}, nil
}

// NewDecoder implements [sio.Parser]: each message is a packet.
func (Parser) NewDecoder(lim sio.Limits) sio.Decoder { return &decoder{depth: lim.MaxDepth} }

// decoder decodes packets of one message each: it has no state.
type decoder struct{ depth int }

// Decode implements [sio.Decoder]. Ownership: msg is only read until Decode
// returns.
func (d *decoder) Decode(p *sio.Packet, msg []byte, bin bool) (bool, error) {
	if !bin {
		return false, errMalformed
	}
	if err := d.packet(p, msg); err != nil {
		return false, err
	}
	return true, nil
}
