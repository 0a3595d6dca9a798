// Package million opens as many real Socket.IO connections on one machine as it
// holds: pairs of a server process and a load process, each with as many
// sockets as a process may have descriptors, all on loopback.
//
// [Run] goes through these parts, each bounded in time:
//
//	grow    one pair after the other, until the aim or a limit is reached
//	rest    nothing but heartbeats, each of which must be answered
//	hear    every socket asks for an echo; then one broadcast by each server
//	leave   all connections are closed
//
// It looks at memory and at the kernel's tables all the while, and stops to
// grow in front of a limit. It changes no setting of the machine. All processes
// that it starts end with it, however it ends: they watch their standard input.
package million
