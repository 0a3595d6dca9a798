package sio

import "sync/atomic"

// RawEvent is an event as it came in: nothing is decoded or copied. It, and
// every slice it gives out, is only valid until the handler returns.
type RawEvent struct {
	socket      *Socket
	name        string
	args        []byte
	attachments [][]byte
	parsed      *parsedArgs // instead of args and attachments, with Config.Parser
	id          int64       // of the acknowledgement, noAck for none
	acked       bool
	sent        *atomic.Bool // shared with acknowledgements taken out of the event
}

// Socket returns the socket the event came from.
func (e *RawEvent) Socket() *Socket { return e.socket }

// Name returns the name of the event.
func (e *RawEvent) Name() string { return e.name }

// Args returns the JSON behind the event's name: values with commas between,
// without brackets. It is valid JSON. What came through [Config.Parser] has no
// JSON of its own: it is written anew by each call, times as text.
//
// Ownership: the result is only valid until the handler returns.
func (e *RawEvent) Args() []byte {
	if e.parsed != nil {
		return e.view().Raw()
	}
	return e.args
}

// Attachments returns the binary values that the placeholders of Args number.
//
// Ownership: the result is only valid until the handler returns.
func (e *RawEvent) Attachments() [][]byte {
	if e.parsed != nil {
		return e.view().Attachments()
	}
	return e.attachments
}

// HasAck reports whether the client waits for an acknowledgement that was not
// sent yet.
func (e *RawEvent) HasAck() bool {
	return e.id != noAck && !e.acked && (e.sent == nil || !e.sent.Load())
}

// Ack acknowledges the event. rawArgs is JSON as Args gives it, and is not
// checked. Only the first call of an event sends.
//
// Ownership: rawArgs and attachments are only read until Ack returns.
func (e *RawEvent) Ack(rawArgs []byte, attachments ...[]byte) error {
	if !e.takeAck() {
		return nil
	}
	f, err := e.socket.nsp.srv.rawAckFrame(e.socket.nsp.name, e.id, rawArgs, attachments)
	if err != nil {
		return err
	}
	return e.socket.post(postAck, f)
}

// takeAck reports whether the caller is the one to answer the event.
func (e *RawEvent) takeAck() bool {
	if !e.HasAck() {
		return false
	}
	if e.sent != nil {
		return !e.sent.Swap(true)
	}
	e.acked = true
	return true
}

// Decode decodes the arguments into dst, see [Args.Decode].
func (e *RawEvent) Decode(dst ...any) error { return e.view().Decode(dst...) }

// view returns the arguments without a copy: valid as long as e.
func (e *RawEvent) view() Args {
	return Args{raw: e.args, attachments: e.attachments, codec: e.socket.nsp.srv.codec, parsed: e.parsed}
}
