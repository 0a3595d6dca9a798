// Package poller is a reactor: a few loops that serve very many connections,
// each with one goroutine, one epoll or kqueue, one read buffer, one timing
// wheel and one mailbox. It knows bytes and descriptors, nothing of protocols.
//
//	p, err := poller.New(poller.Config{})
//	...
//	ln, err := p.Listen("tcp", ":3000", func(c *poller.Conn) poller.Handler {
//		return handler // may be the same for all connections
//	})
//	...
//	err = p.Shutdown(ctx)
//
// # Concurrency
//
// A connection belongs to one [Loop], and everything about it happens on that
// loop's goroutine: the calls of its [Handler], and the handler's calls of the
// methods of [Conn]. There are no locks, and there is no other way in: whoever
// is elsewhere uses [Loop.Post]. A handler must not block, since all other
// connections of the loop wait for it; Config.OnStall tells when one does.
//
// # A turn
//
// A loop lives in turns: it waits, receives once from each readable socket and
// delivers, calls the timers that are due, runs its mailbox until that is
// empty, calls OnClose for what died, and then writes to each connection
// something was queued for, with one system call however many frames that
// are. [Conn.Send] itself never writes. So a turn's work leaves together, and
// the next turn follows at once if there was too much for one: events, posted
// calls and writes per turn are bounded.
//
// # Ownership
//
// The bytes given to OnData are the loop's buffer, valid until the handler
// returns. Send takes over one reference of a [Frame], whatever happens to
// it. A *Conn is valid until its OnClose has returned, or until Move; then its
// memory serves another connection.
//
// # Limits
//
// What is queued for a connection has a limit in bytes, and a policy when it
// is reached: [Overflow]. A peer that sends too fast is held by [Conn.Pause]
// and then by TCP. Connections are limited in total, below the process's
// descriptors; per remote address; and per second. When descriptors run out
// nevertheless, listeners rest until one comes free.
//
// # Closing
//
// [Conn.Close] cuts. [Conn.CloseAfterFlush] writes what is queued and waits
// for the peer's end, so that nothing that was written is lost to a reset.
// [Poller.Shutdown] does the former for all connections whose queue is empty
// and waits for the others; [Poller.Close] cuts them all. OnClose is called
// once for each connection, never from inside a method, and a panic of a
// handler closes its connection, not the process.
//
// # TLS
//
// [Poller.ListenTLS] and [Poller.DialTLS] put crypto/tls between the kernel
// and the handler, which notices nothing. Handshakes are computed on a bounded
// number of goroutines; a connection that is established has none.
//
// # Backends
//
// What waits for readiness is exchangeable: [BackendEpoll] is a goroutine per
// loop in epoll, [BackendNetpoll] lets the pollers of cloudwego/netpoll run
// the loops, [BackendURing] is the first with the sends of a turn handed to the
// kernel together. They pass the same tests and cost the same per connection.
package poller
