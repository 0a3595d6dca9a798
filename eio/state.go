package eio

// State is where a session is in its life.
//
//	          handshake                  Close, buffer or GET pending
//	Opening ─────────────▶ Open ──────────────────────────────▶ Closing
//	                         │                                     │
//	                         │ anything that ends it               │ flushed, or 30 s,
//	                         ▼                                     │ or anything that
//	                       Closed ◀────────────────────────────────┘ ends it
type State uint8

// The states, in order of life.
const (
	// Opening: made, not yet told to the Handler. Leaves to Open.
	Opening State = iota
	// Open: packets go both ways. Leaves to Closing and Closed.
	Open
	// Closing: the server closed the session while the client had still to
	// be told. Nothing more is sent or delivered. Leaves to Closed.
	Closing
	// Closed: over. Terminal.
	Closed
)

var stateText = [...]string{"opening", "open", "closing", "closed"}

// String returns the reference server's word for the state.
func (s State) String() string {
	if int(s) >= len(stateText) {
		return "unknown state"
	}
	return stateText[s]
}

// timing is what the one timer of a session is armed for.
//
//	          ping sent              pong
//	nextPing ──────────▶ nextPong ──────────▶ nextPing
//	    │                   │ time out: ping timeout
//	    │ Close             ▼
//	    └──────────────▶ lastPoll ──▶ closed after 30 s
type timing uint8

const (
	idle     timing = iota // not armed
	nextPing               // until the next ping is due
	nextPong               // until the client's pong, or ping, is overdue
	lastPoll               // until a closing session is given up
)

// upgradeState is where the change of a session to another transport is.
//
//	             "2probe"               "5"
//	probeOpened ──────────▶ probing ──────────▶ switched
//	     │    "5" (also without a probe) ──────────▲
//	     │                     │
//	     └── anything else, the transport or the session ends, 10 s ──▶ failed
type upgradeState uint8

const (
	// The zero value: the request is being answered, there is no transport yet.
	_ upgradeState = iota
	// probeOpened: the new transport is open, nothing came over it.
	probeOpened
	// probing: the probe was answered. The client lets its polling come to
	// rest (it pauses); every 100 ms a noop ends the GET that it waits in.
	probing
	// switched: the session uses the new transport. Terminal.
	switched
	// upgradeFailed: the session stays where it was. Terminal.
	upgradeFailed
)
