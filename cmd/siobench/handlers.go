package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/sirocco-io/sirocco/sio"
)

// The contract of the server under load, in the three forms of handlers:
//
//	echo   args...        emits echo to the sender, same arguments
//	bcast  args...        emits bcast to the namespace, same arguments
//	ack    args..., ack   acknowledges with the same arguments
//	join   room [, ack]   enters a room
//	leave  room [, ack]   leaves it
//	room   room, args...  emits room to that room, with args

// rawHandlers never decode what they only pass on.
func rawHandlers(io *sio.Server, how []sio.HandlerOption) {
	io.OnRaw("echo", func(e *sio.RawEvent) { report(e.Socket().EmitRaw("echo", e.Args(), e.Attachments()...)) }, how...)
	io.OnRaw("bcast", func(e *sio.RawEvent) { report(io.EmitRaw("bcast", e.Args(), e.Attachments()...)) }, how...)
	io.OnRaw("ack", func(e *sio.RawEvent) { report(e.Ack(e.Args(), e.Attachments()...)) }, how...)
	io.OnRaw("join", func(e *sio.RawEvent) {
		if room, _, err := firstString(e.Args()); report(err) {
			report(e.Socket().Join(room))
		}
		if e.HasAck() {
			report(e.Ack(nil))
		}
	}, how...)
	io.OnRaw("leave", func(e *sio.RawEvent) {
		if room, _, err := firstString(e.Args()); report(err) {
			e.Socket().Leave(room)
		}
		if e.HasAck() {
			report(e.Ack(nil))
		}
	}, how...)
	io.OnRaw("room", func(e *sio.RawEvent) {
		if room, rest, err := firstString(e.Args()); report(err) {
			report(io.To(room).EmitRaw("room", rest, e.Attachments()...))
		}
	}, how...)
}

// typedHandlers serve events with one string each, as the load has them.
func typedHandlers(io *sio.Server, how []sio.HandlerOption) {
	sio.On(io, "echo", func(s *sio.Socket, v string) error { return s.Emit("echo", v) }, how...)
	sio.On(io, "bcast", func(_ *sio.Socket, v string) error { return io.Emit("bcast", v) }, how...)
	sio.OnAck(io, "ack", func(_ *sio.Socket, v string) (string, error) { return v, nil }, how...)
	sio.On(io, "join", func(s *sio.Socket, room string) error { return s.Join(room) }, how...)
	sio.On(io, "leave", func(s *sio.Socket, room string) error { s.Leave(room); return nil }, how...)
	sio.On2(io, "room", func(_ *sio.Socket, room, v string) error { return io.To(room).Emit("room", v) }, how...)
}

// dynamicHandlers decode every argument, and encode it again.
func dynamicHandlers(io *sio.Server, how []sio.HandlerOption) {
	io.On("echo", func(s *sio.Socket, args []any, _ sio.Ack) { report(s.Emit("echo", args...)) }, how...)
	io.On("bcast", func(_ *sio.Socket, args []any, _ sio.Ack) { report(io.Emit("bcast", args...)) }, how...)
	io.On("ack", func(_ *sio.Socket, args []any, ack sio.Ack) { ack(args...) }, how...)
	io.On("join", func(s *sio.Socket, args []any, ack sio.Ack) {
		if room, ok := firstRoom(args); ok {
			report(s.Join(room))
		}
		ack()
	}, how...)
	io.On("leave", func(s *sio.Socket, args []any, ack sio.Ack) {
		if room, ok := firstRoom(args); ok {
			s.Leave(room)
		}
		ack()
	}, how...)
	io.On("room", func(_ *sio.Socket, args []any, _ sio.Ack) {
		if room, ok := firstRoom(args); ok {
			report(io.To(room).Emit("room", args[1:]...))
		}
	}, how...)
}

// report prints err, and reports whether there was none.
func report(err error) bool {
	if err != nil {
		fmt.Fprintln(os.Stderr, "siobench serve:", err)
	}
	return err == nil
}

var errRoom = errors.New("the first argument is not the name of a room")

func firstRoom(args []any) (string, bool) {
	if len(args) > 0 {
		if room, ok := args[0].(string); ok {
			return room, true
		}
	}
	return "", report(errRoom)
}

// firstString splits the JSON of arguments behind its first, a string.
func firstString(args []byte) (s string, rest []byte, err error) {
	if len(args) < 2 || args[0] != '"' {
		return "", nil, errRoom
	}
	end := 1
	for end < len(args) && args[end] != '"' {
		if args[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(args) {
		return "", nil, errRoom
	}
	if end++; bytes.IndexByte(args[:end], '\\') >= 0 {
		err = json.Unmarshal(args[:end], &s)
	} else {
		s = string(args[1 : end-1])
	}
	return s, bytes.TrimPrefix(args[end:], []byte(",")), err
}
