// Package peers holds servers made with other Go libraries, which siobench
// compares with Sirocco: a command for each. It is a module of its own, so that
// nobody else depends on them.
//
// The commands gws, gorilla and coder answer Socket.IO 4 over WebSocket as
// package contract has it, with a goroutine for each connection. The command
// centrifuge speaks that library's own protocol, googollee Socket.IO 2.
//
// Each command prints {"listening":"address:port","pid":n} when it listens, and
// answers /debug/stats. Its own doc comment says which choices it makes: each
// is the strongest use of its library that its documents stand behind.
//
//	siobench compare -scenario echo -servers sirocco:inline,gws,gorilla,coder,centrifuge
package peers
