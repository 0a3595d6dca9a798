// Package contract is what the servers of bench/peers have in common: the part
// of Socket.IO 4 that siobench's clients speak over WebSocket, without the
// library that moves the bytes.
//
//	echo   args...        emits echo to the sender, same arguments
//	bcast  args...        emits bcast to the namespace, same arguments
//	ack    args..., ack   acknowledges with the same arguments
//	join   room [, ack]   enters a room
//	leave  room [, ack]   leaves it
//	room   room, args...  emits room to that room, with args
//
// A library's connection is a [Wire]: it replies, delivers what was prepared
// once for all receivers, and closes. [Outbox] makes one of a library that
// wants one writer at a time and has no queue of its own.
//
// # Concurrency
//
// A [Member] belongs to the goroutine that reads its connection. Wires are
// called by any goroutine, [Wire.Reply] by the reading one only.
package contract
