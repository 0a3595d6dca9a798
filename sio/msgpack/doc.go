// Package msgpack is a parser for package sio that encodes packets with
// MessagePack: the counterpart of npm's socket.io-msgpack-parser 3.
//
//	io, err := sio.NewServer(sio.Config{Parser: msgpack.Parser{}})
//
// and in the client
//
//	import parser from "socket.io-msgpack-parser";
//	const socket = io(url, { parser });
//
// All clients of the server must use it. A packet is one binary message: a map
// {type, data, nsp, id}, binary data in its place instead of attachments
// behind it. Arguments are decoded when a handler asks for them.
//
// # Values
//
// Numbers arrive as float64, byte arrays of any kind as []byte, dates as
// time.Time in UTC, JavaScript's undefined as nil, and not at all in an
// object. What is emitted follows encoding/json's rules, but []byte and
// time.Time, wherever they are, go out as bytes and dates. Keys are sorted.
//
// Handlers that want JSON, such as raw ones, get it: see [sio.RawEvent.Args].
package msgpack
