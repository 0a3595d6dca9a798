// Package web serves HTTP/1.1 and WebSocket connections on a poller.
//
// A [Server] turns each connection of a listener into a series of exchanges. An
// [Exchange] is one request until it is answered; there is at most one at a
// time per connection, and the next request of a client that pipelines is
// looked at only after the answer. Everything runs on the goroutine of the
// connection's loop: no method of Exchange may be called from elsewhere.
//
// # The life of a connection
//
//	              first byte         head whole             body whole
//	    idle ───────────────▶ head ─────────────▶ body ─────────────────▶ parked
//	     ▲                          OnRequest      │         OnBody          │
//	     │                                         │ answered early          │ Respond
//	     │◀──────────── drain ◀────────────────────┘                         │
//	     │◀──────────────────────────────────────────────────────────────────┘
//	     └─▶ throttled (answers not read) ─▶ idle
//
//	any ─▶ closing (answered for the last time, or cut)
//	head, body, parked ─▶ switched (Upgrade): the WebSocket has the connection
//
// A parked exchange (a long poll) and an idle connection hold no buffer. A head
// or body that arrives in one piece is served out of the loop's read buffer;
// only what is incomplete is copied, into pooled buffers.
//
// # Slow and hostile clients
//
// A whole head has to arrive within Config.HeaderTimeout. A body has to keep up
// a minimum rate and to be there within Config.RequestTimeout. Whoever is late
// gets a 408 and is closed. After a request that can't be understood comes the
// status of the [http1.Error] and a close: where the next request begins is not
// known. What is read while an exchange is parked is bounded by not reading
// further, and so are the answers that a client does not read.
//
// Ownership: a []byte that is passed to a method is copied before it returns.
// A []byte that is passed to a handler is valid, and may be written to, until
// the handler returns.
package web
