package load

// dialect is what clients and server say to each other, and how an answer is
// known to be right. A dialect has no state of its own. Loop only.
type dialect interface {
	path() string                     // of the server
	query() string                    // of the WebSocket request, with its question mark
	opened(c *client)                 // c has a WebSocket
	packet(c *client, p []byte) error // a text message reached c
	join(c *client, room string)      // c asks for the messages of a room
	fence(c *client)                  // c asks for one echo, which tells that all before it was done
	words(event, room string) wording // of echo, ack, bcast or room
}

// dialects holds the values of [Config.Dialect].
var dialects = map[string]dialect{
	SocketIO4:  socketIO{version: 4},
	SocketIO2:  socketIO{version: 3},
	Centrifuge: centrifuge{},
}
