package sio

import "time"

// RateAction is what happens to a socket that sends more than its RateLimit.
type RateAction uint8

const (
	// RateDisconnect tells the client to go (the official one does not come
	// back by itself), and closes its connection. The reason is "server
	// namespace disconnect", the error [ErrRateLimited].
	RateDisconnect RateAction = iota
	// RateDrop ignores the events that are too much, as if they had not been
	// sent: they are not acknowledged.
	RateDrop
	// RateWarn only counts them and calls OnExceeded.
	RateWarn
)

// RateLimit bounds the events that one socket may send. It is a token bucket
// that holds one second's worth: so many may come at once, then no more per
// second. The zero RateLimit is no limit.
type RateLimit struct {
	// Events is the number of events per second. 0 means no limit.
	Events int
	// Bytes is the sum of their sizes, attachments included, per second. An
	// event that is larger on its own passes when nothing came for a second
	// (MaxHTTPBufferSize bounds it). 0 means no limit.
	Bytes int
	// Action is what happens above.
	Action RateAction
	// OnExceeded is told of each event above the limit, before the action is
	// taken. It is called on the loop and must not block. nil means that
	// nobody is told.
	OnExceeded func(s *Socket)
}

// limits reports whether there is a limit.
func (r *RateLimit) limits() bool { return r.Events > 0 || r.Bytes > 0 }

// bucket is the state of one limit: when it is full again (the "theoretical
// arrival time" of the generic cell rate algorithm), in nanoseconds of the
// loop's clock. No timer fills it, and the zero bucket is full.
type bucket int64

// take takes cost nanoseconds' worth out of the bucket, if they are in it.
func (b *bucket) take(now, cost int64) bool {
	at := max(int64(*b), now)
	if at > now && at-now+cost > int64(time.Second) {
		return false
	}
	*b = bucket(at + cost)
	return true
}

// withinRate reports whether an event may go on to the handlers. Loop only.
//
// Hot path: no allocation once the socket has its extension.
func (s *Socket) withinRate(p *packet, t *task) bool {
	r, x, now := &s.nsp.srv.cfg.RateLimit, s.extend(), s.loop.loop.Now()
	ok := true
	if r.Events > 0 {
		ok = x.events.take(now, int64(time.Second)/int64(r.Events))
	}
	if ok && r.Bytes > 0 {
		ok = x.bytes.take(now, int64(p.bytes(t))*int64(time.Second)/int64(r.Bytes))
	}
	return ok || s.exceeded(r)
}

// bytes is the size of a packet, with its attachments if t has them.
func (p *packet) bytes(t *task) int {
	switch {
	case p.parsed != nil:
		return int(p.parsed.size)
	case t != nil:
		return len(t.buf)
	}
	return len(p.payload)
}

// exceeded does what the limit says, and reports whether the event may go on.
func (s *Socket) exceeded(r *RateLimit) bool {
	s.nsp.srv.hit(limitRate)
	if r.OnExceeded != nil {
		defer s.rescue("OnExceeded")
		r.OnExceeded(s)
	}
	if r.Action == RateDisconnect {
		clientOf(s.sess).kick(ErrRateLimited)
	}
	return r.Action == RateWarn
}
