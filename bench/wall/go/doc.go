// Command go is the wall in Go: the least a server can do and still answer
// siobench's clients with the right bytes. It is wall.c, line for line where
// the language allows: one bare epoll loop, no session, no room, no heartbeat,
// no limit. It measures what the kernel and the language cost. Never expose it
// to anything but the load generator.
//
//	go run ./bench/wall/go 127.0.0.1:3000
package main
