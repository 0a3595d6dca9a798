package sio

import (
	"errors"
	"slices"

	"github.com/sirocco-io/sirocco/internal/frame"
)

// Every packet that leaves is encoded here: as the reference's parser does, or
// by Config.Parser.

var (
	errNoMessage = errors.New("sio: the parser encoded a packet to no message")
	errRawArgs   = errors.New("sio: raw arguments are not valid JSON")
)

// eventFrame encodes an event with Go values as arguments.
func (srv *Server) eventFrame(nsp string, id int64, event string, args []any) (*frame.Frame, error) {
	if srv.cfg.Parser != nil {
		return srv.parsedFrame(&Packet{Type: PacketEvent, Namespace: nsp, ID: id, Event: event}, args)
	}
	return eventFrame(srv.codec, nsp, id, event, args)
}

// ackFrame encodes an acknowledgement with Go values as arguments.
func (srv *Server) ackFrame(nsp string, id int64, args []any) (*frame.Frame, error) {
	if srv.cfg.Parser != nil {
		return srv.parsedFrame(&Packet{Type: PacketAck, Namespace: nsp, ID: id}, args)
	}
	return ackFrame(srv.codec, nsp, id, args)
}

// rawEventFrame encodes an event whose arguments are JSON already.
func (srv *Server) rawEventFrame(nsp string, id int64, event string, args []byte, attachments [][]byte) (*frame.Frame, error) {
	if srv.cfg.Parser != nil {
		return srv.transcode(&Packet{Type: PacketEvent, Namespace: nsp, ID: id, Event: event}, args, attachments)
	}
	return rawEventFrame(nsp, id, event, args, attachments), nil
}

// rawAckFrame encodes an acknowledgement whose arguments are JSON already.
func (srv *Server) rawAckFrame(nsp string, id int64, args []byte, attachments [][]byte) (*frame.Frame, error) {
	if srv.cfg.Parser != nil {
		return srv.transcode(&Packet{Type: PacketAck, Namespace: nsp, ID: id}, args, attachments)
	}
	return rawAckFrame(nsp, id, args, attachments), nil
}

// encodeArgs encodes Go values as arguments that own their bytes, for more than
// one use.
func (srv *Server) encodeArgs(values []any) (Args, error) {
	if srv.cfg.Parser == nil {
		return encodeArgs(srv.codec, values)
	}
	plain, err := flattener{codec: srv.codec}.slice(values)
	if err != nil {
		return Args{codec: srv.codec}, err
	}
	return Args{codec: srv.codec, parsed: &parsedArgs{args: clonePlain(plain).([]any), size: plainSize(plain)}}, nil
}

// argsFrame encodes an event whose arguments have been encoded already.
func (srv *Server) argsFrame(nsp string, id int64, event string, args Args) (*frame.Frame, error) {
	if srv.cfg.Parser == nil || args.parsed == nil {
		return srv.rawEventFrame(nsp, id, event, args.Raw(), args.Attachments())
	}
	values, err := args.parsed.view()
	if err != nil {
		return nil, err
	}
	return srv.encodePlain(&Packet{Type: PacketEvent, Namespace: nsp, ID: id, Event: event, Args: values})
}

// connectFrame encodes the answer to a CONNECT. pid is "" without recovery.
func (srv *Server) connectFrame(nsp, sid, pid string) (*frame.Frame, error) {
	if srv.cfg.Parser == nil {
		return connectFrame(nsp, sid, pid), nil
	}
	data := map[string]any{"sid": sid}
	if pid != "" {
		data["pid"] = pid
	}
	return srv.parsedFrame(&Packet{Type: PacketConnect, Namespace: nsp, ID: noAck, Data: data}, nil)
}

// connectErrorFrame encodes a refusal. data may be nil.
func (srv *Server) connectErrorFrame(nsp, message string, data any) (*frame.Frame, error) {
	if srv.cfg.Parser == nil {
		return connectErrorFrame(srv.codec, nsp, message, data)
	}
	payload := map[string]any{"message": message}
	if data != nil {
		plain, err := flattener{codec: srv.codec}.value(data)
		if err != nil {
			return nil, err
		}
		payload["data"] = plain
	}
	return srv.parsedFrame(&Packet{Type: PacketConnectError, Namespace: nsp, ID: noAck, Data: payload}, nil)
}

// disconnectFrame encodes a DISCONNECT.
func (srv *Server) disconnectFrame(nsp string) (*frame.Frame, error) {
	if srv.cfg.Parser != nil {
		return srv.parsedFrame(&Packet{Type: PacketDisconnect, Namespace: nsp, ID: noAck}, nil)
	}
	return disconnectFrame(nsp), nil
}

// parsedFrame has p encoded by Config.Parser, with args in their plain form.
func (srv *Server) parsedFrame(p *Packet, args []any) (*frame.Frame, error) {
	if len(args) > 0 {
		plain, err := flattener{codec: srv.codec}.slice(args)
		if err != nil {
			return nil, err
		}
		p.Args = plain
	}
	return srv.encodePlain(p)
}

// transcode has p encoded with arguments that are JSON.
func (srv *Server) transcode(p *Packet, args []byte, attachments [][]byte) (*frame.Frame, error) {
	// Nothing else checks what comes from the caller.
	text := slices.Concat([]byte{'['}, args, []byte{']'})
	if end := scanValue(text, 0, maxScanDepth); end != len(text) {
		return nil, errRawArgs
	}
	values, err := Args{raw: text[1 : len(text)-1], attachments: attachments, codec: srv.codec}.Values()
	if err != nil {
		return nil, err
	}
	p.Args = values
	return srv.encodePlain(p)
}

func (srv *Server) encodePlain(p *Packet) (*frame.Frame, error) {
	if p.HasID = p.ID != noAck; !p.HasID {
		p.ID = 0
	}
	messages, err := srv.cfg.Parser.Encode(p)
	if err != nil {
		return nil, err
	}
	var behind *frame.Frame
	for _, m := range slices.Backward(messages) {
		f := frame.New()
		if m.Binary {
			f.B = append(f.B, m.Data...)
			f.SealBinary()
		} else {
			f.B = append(append(f.B, engineMessage), m.Data...)
			f.SealText()
		}
		if behind != nil {
			f.Chain(behind)
		}
		behind = f
	}
	if behind == nil {
		return nil, errNoMessage
	}
	return behind, nil
}
