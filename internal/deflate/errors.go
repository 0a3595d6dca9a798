package deflate

import "errors"

// What is wrong with a compressed message.
var (
	// ErrCorrupt is data that is no DEFLATE, ends too early, or is blocks with
	// next to nothing in them.
	ErrCorrupt = errors.New("deflate: corrupt data")
	// ErrTooLarge is a message that inflates beyond the limit.
	ErrTooLarge = errors.New("deflate: message too big")
	// ErrRatio is a message that inflates too much for its size.
	ErrRatio = errors.New("deflate: message compressed too well to be honest")
)
