package sio

import (
	"context"
	"time"
)

// RemoteSocket is a socket of any node, as [Broadcast.FetchSockets] found it.
// What it tells is a snapshot; its methods reach the socket wherever it is, and
// do nothing when it has gone.
type RemoteSocket struct {
	SocketInfo
	to Broadcast
}

// Socket returns the socket itself when it is one of this node and still
// connected, else nil.
func (r RemoteSocket) Socket() *Socket { return r.to.nsp.Socket(r.ID) }

// BindData decodes Data into v. Without Data it leaves v alone.
func (r RemoteSocket) BindData(v any) error {
	if r.Data == nil {
		return nil
	}
	return r.to.nsp.srv.codec.Unmarshal(r.Data, v)
}

// Emit sends an event to the socket.
func (r RemoteSocket) Emit(event string, args ...any) error { return r.to.Emit(event, args...) }

// Timeout bounds the wait for acknowledgements, see [Broadcast.Timeout].
func (r RemoteSocket) Timeout(d time.Duration) RemoteSocket {
	r.to = r.to.Timeout(d)
	return r
}

// EmitWithAck sends an event to the socket and waits for its acknowledgement:
// the first argument of it. It returns [ErrDisconnected] when there is no such
// socket any more; other errors are those of [Broadcast.EmitWithAck].
func (r RemoteSocket) EmitWithAck(ctx context.Context, event string, args ...any) (Args, error) {
	answers, err := r.to.EmitWithAck(ctx, event, args...)
	switch {
	case err != nil:
		return Args{}, err
	case len(answers) == 0:
		return Args{}, ErrDisconnected
	}
	return answers[0], nil
}

// Join makes the socket join rooms.
func (r RemoteSocket) Join(rooms ...string) error { return r.to.SocketsJoin(rooms...) }

// Leave makes the socket leave rooms.
func (r RemoteSocket) Leave(rooms ...string) error { return r.to.SocketsLeave(rooms...) }

// Disconnect disconnects the socket, see [Socket.Disconnect].
func (r RemoteSocket) Disconnect(closeTransport bool) error {
	return r.to.DisconnectSockets(closeTransport)
}

// info describes s to other nodes. Data that has no JSON is reported.
func (s *Socket) info() SocketInfo {
	info := SocketInfo{ID: s.ID(), Handshake: s.Handshake(), Rooms: s.Rooms()}
	var err error
	if info.Data, err = s.dataJSON(); err != nil {
		s.report("data", err)
	}
	return info
}
