// Package load puts load on a Socket.IO 4 server and checks every answer.
//
// One event loop of package poller drives all clients of a run: up to 19,000
// of them in a process. What is expected is known to the byte, so the clients
// compare bytes and never decode JSON; every delivery is checked for content,
// and for its number in the order of its sender. One message that is lost,
// doubled, out of order or altered voids the run.
//
// A message is a JSON string of fixed length in printable ASCII:
//
//	sssss.qqqqqqqq.filler   stream (who sent it) and number, in hexadecimal
//
// What a server speaks is its dialect: Socket.IO 4, or for comparison what other
// servers have instead. The checks are the same.
//
// A run of several processes ([Config.Procs]) is the same run with its clients
// spread over them: each process goes through the scenario by itself and waits
// for the others at a few steps (wire.go). One process coordinates: it starts
// the others ([Crew]), reads what belongs to the server, and merges what they
// counted. Only two things pass between workers: that all of a process's
// members have a message (a mark), which its sender needs to know when it
// reached everybody; and, at the end, how many were sent, which every client's
// count is held against.
//
// [Run] runs one scenario and returns what was counted. The server's CPU and
// memory are read by pid, so server and clients must share a machine.
//
// # Ownership
//
// Byte slices handed to functions of this package are only read, and only
// until the function returns.
package load
