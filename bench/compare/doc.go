// Package compare runs load against several servers and sets the results side
// by side.
//
// Every run starts a fresh server on one processor and a fresh load generator
// on another. Rounds are interleaved: each round runs every server once, so
// that what the machine does meanwhile hits all alike. Reported are medians
// with the lowest and the highest, and ratios, which are the median of the
// ratios within each round.
package compare
