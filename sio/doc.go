// Package sio is a Socket.IO server: it speaks version 5 of the protocol, that
// of the official clients since their version 3, over Engine.IO 4.
//
//	io, err := sio.NewServer(sio.Config{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	io.OnConnection(func(s *sio.Socket) {
//		s.Join("lobby")
//		s.Emit("welcome", s.ID())
//	})
//	sio.On(io, "chat", func(s *sio.Socket, text string) error {
//		return s.To("lobby").Emit("chat", s.ID(), text)
//	})
//	log.Fatal(io.ListenAndServe(":3000"))
//
// A [Server] is its namespace "/"; others come from [Server.Of], or are made
// when a client asks for one, see [Server.OfPattern]. A [Socket] is one client
// in one namespace.
//
// # Handlers
//
// Handlers are registered on a namespace, and shared by all its sockets, or on
// a single socket. They come in three forms: typed ([On], [OnAck]), with
// dynamic values ([Namespace.On]), and raw ([Namespace.OnRaw]), which decodes
// and allocates nothing.
//
// A handler may block. The events of one socket are handled in order, one at
// a time, with its connection and disconnect handlers, middlewares and
// acknowledgement callbacks among them; those of different sockets side by
// side. This happens on goroutines that exist only while there is work. What
// waits for a slow handler is bounded: see [Config.MaxPendingEvents]. A
// handler that promises not to block can run on the event loop, see [Inline].
// A panic in a handler closes its connection and reaches [Config.OnError].
//
// Events that arrived before the client went away are handled all the same;
// their handlers see [Socket.Connected] report false, and what they emit to
// that socket is dropped with [ErrDisconnected]. After [Socket.Disconnect] the
// events that wait are dropped.
//
// # Order
//
// What one goroutine does to a socket takes effect in the order of the calls:
// emits, broadcasts that reach it, joins and leaves alike. A broadcast behind a
// Join reaches the socket, one in front of it does not.
//
// # Delivery
//
// Delivery is at most once. A client that reads too slowly runs into the limit
// of its queue ([Config.Poller]: 1 MiB) and is disconnected, or loses events, as
// the policy there says; [Socket.SetQueue] and [Emitter.Overflow] choose another
// one for a client or an event. [Emitter.Latest] keeps only the newest event of
// a key, [Emitter.EmitContext] waits for room, [Emitter.Report] tells what became
// of an event, and [Config.OnDrop] of all that were dropped. Acknowledgements
// tell what arrived.
//
// # Limits
//
// What a client can make the server hold is bounded by fields of [Config]: sizes
// of heads (MaxHeaderBytes 16 KiB, MaxHeaders 100, MaxURLBytes 8 KiB), of bodies,
// messages and packets with their attachments (MaxHTTPBufferSize 1 MB), packets
// in a payload (MaxPayloadPackets), attachments (MaxAttachments 10), nesting
// (MaxJSONDepth 128), namespaces (MaxNamespaces 32), rooms (MaxRooms 10,000),
// awaited acknowledgements (MaxPendingAcks 1,024), events that wait for handlers
// (MaxPendingEvents, MaxPendingBytes), handshakes that wait for hooks
// (MaxPendingHandshakes), and times (HeaderTimeout 10 s, ConnectTimeout 45 s,
// PingTimeout). Off by default are RateLimit, and of Poller MaxConnsPerAddr and
// AcceptRate. [Stats] counts what they refused.
//
// # Concurrency
//
// All methods of [Server], [Namespace], [Socket], [Broadcast] and [Emitter] may
// be called from any goroutine. A [RawEvent] is for its handler only.
//
// # Inside
//
// A socket belongs to the loop of its connection. Whatever others do to it is
// posted to that loop's mailbox, which is what keeps the order, and no lock is
// held while anything is sent. Members of a namespace and of a room are dense
// arrays, one on each loop; a broadcast is encoded once, posted to each loop,
// and makes one pass over an array there. See dispatch.go for how handlers get
// their goroutines, room.go for the two views of a room.
//
// Lock order: socketExt.mu, then the loop's mailbox. registry.mu, Server.mu,
// directory.mu, loopState.clients and dispatcher.mu are held alone.
package sio
