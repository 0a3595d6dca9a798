package sio

import (
	"context"
	"errors"
)

// Node is one namespace of one server as an [Adapter] sees it: what has come
// from other nodes is given to it. Its methods may be called from any
// goroutine, and calls of one goroutine take effect in their order. What other
// nodes sent is checked: bad input is an error, never a panic.
type Node struct {
	nsp *Namespace
}

// Namespace returns the namespace.
func (n *Node) Namespace() *Namespace { return n.nsp }

// NewArgs encodes values as arguments, []byte as attachments.
func (n *Node) NewArgs(values ...any) (Args, error) { return n.nsp.srv.encodeArgs(values) }

// RawArgs returns arguments that another node sent in the forms of [Args.Raw]
// and [Args.Attachments]. An error tells that they are not what these return.
//
// Ownership: the result keeps raw and attachments; do not modify them.
func (n *Node) RawArgs(raw []byte, attachments ...[]byte) (Args, error) {
	if !scanList(raw, n.nsp.srv.limits.depth) {
		return Args{}, errInvalidPayload
	}
	if err := checkPlaceholders(raw, len(attachments)); err != nil && len(attachments) > 0 {
		return Args{}, err
	}
	return Args{raw: raw, attachments: attachments, codec: n.nsp.srv.codec}, nil
}

// Deliver sends an event to the sockets of this node.
func (n *Node) Deliver(ev Event) error {
	if reserved(ev.Name) {
		return ErrReservedEvent
	}
	if l := n.nsp.link; l.memory != nil && !ev.Target.Volatile {
		return l.memory.Append(ev)
	}
	_, err := n.deliver(ev)
	return err
}

// deliver sends an event and returns the bytes of its frame.
func (n *Node) deliver(ev Event) (size int, err error) {
	f, err := n.nsp.eventFrame(ev)
	if err != nil {
		return 0, err
	}
	size = f.Size()
	b := n.nsp.of(ev.Target)
	b.terms = ev.terms
	return size, b.sendLogged(ev.Name, f, ev.Offset)
}

// DeliverWithAck sends an event to the sockets of this node before it returns.
// wait waits for the clients' answers: it calls count when all have been asked,
// with their number, and answer for each that answers, all on its goroutine.
// It returns when all have answered or gone, after the target's Timeout, or
// when ctx ends; the error says which. wait must be called.
func (n *Node) DeliverWithAck(ev Event) (wait func(ctx context.Context, count func(clients int), answer func(Args)) error, err error) {
	if reserved(ev.Name) {
		return nil, ErrReservedEvent
	}
	b := n.nsp.of(ev.Target)
	c, err := b.ask(ev.Name, ev.Args)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, count func(int), answer func(Args)) error {
		ctx, cancel := b.ackContext(ctx)
		defer cancel()
		return c.collect(ctx, count, answer)
	}, nil
}

// SocketsJoin makes the selected sockets of this node join rooms.
func (n *Node) SocketsJoin(t Target, rooms []string) { n.nsp.of(t).joinLocal(rooms) }

// SocketsLeave makes the selected sockets of this node leave rooms.
func (n *Node) SocketsLeave(t Target, rooms []string) { n.nsp.of(t).leaveLocal(rooms) }

// DisconnectSockets disconnects the selected sockets of this node.
func (n *Node) DisconnectSockets(t Target, closeTransport bool) {
	n.nsp.of(t).disconnectLocal(closeTransport)
}

// Sockets describes the selected sockets of this node. It waits for the event
// loops, and must not be called on one.
func (n *Node) Sockets(ctx context.Context, t Target) ([]SocketInfo, error) {
	return n.nsp.of(t).fetchLocal(ctx)
}

// ServerSide hands an event of another node to the handlers of
// [Namespace.OnServerSide]. It does not wait for them. answer, nil when nobody
// waits, is called with what the first of them answers, on any goroutine.
func (n *Node) ServerSide(event string, args Args, answer func(Args)) {
	n.nsp.serverSide(event, args, answer)
}

// Report gives an error to [Config.OnError].
func (n *Node) Report(err error) { n.nsp.srv.cfg.OnError(err) }

// of returns the broadcast that t describes, for this node only.
func (n *Namespace) of(t Target) Broadcast {
	return Broadcast{nsp: n, rooms: t.Rooms, except: t.Except, volatile: t.Volatile, terms: terms{plain: t.Uncompressed}, timeout: t.Timeout, local: true}
}

// ServerCount returns the number of nodes that have this namespace: 1 without
// an adapter.
func (n *Namespace) ServerCount(ctx context.Context) (int, error) {
	if n.link == nil || n.link.adapter == nil {
		return 1, nil
	}
	return n.link.adapter.ServerCount(ctx)
}

// closeAdapters ends the adapters of all namespaces.
func (srv *Server) closeAdapters() error {
	var errs []error
	for _, n := range srv.dir.all() {
		n.awaitLink()
		errs = append(errs, n.link.close())
	}
	return errors.Join(errs...)
}
