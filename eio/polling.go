package eio

import (
	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// longPoll is the long-polling transport (EIO v4, "HTTP long-polling"): one
// GET that waits for packets, one POST at a time that brings some. What is
// sent in one turn of the loop leaves in one payload, at its end.
type longPoll struct {
	s     *Session
	out   sendQueue
	own   *terms // nil: the server's
	flags longPollFlags

	get, post             responder // nil when there is none
	getHeader, postHeader []byte    // header lines of their answers; shared, not modified
}

// terms are a bound and what happens there, see Session.SetLimit.
type terms struct {
	maxBytes int
	overflow poller.Overflow
}

type longPollFlags uint8

const (
	flagDirty   longPollFlags = 1 << iota // will be flushed at the end of the turn
	flagReading                           // the body of the POST has not been read
	flagHeld                              // the POST is handled, its answer waits for resume
	flagClosing                           // the next GET is told to close
	flagWaited                            // something had to wait for a GET
	flagOver                              // abandoned
)

func (p *longPoll) kind() transportKind { return polling }
func (p *longPoll) attach(s *Session)   { p.s = s }

func (p *longPoll) writable() bool { return p.get != nil && p.out.empty() }

func (p *longPoll) queued() int { return p.out.bytes }

func (p *longPoll) setLimit(maxBytes int, o poller.Overflow) {
	p.own = &terms{maxBytes, o}
}

// limit returns what bounds the queue.
func (p *longPoll) limit() (maxBytes int, o poller.Overflow) {
	if p.own != nil {
		return p.own.maxBytes, p.own.overflow
	}
	c := &p.s.shard.srv.cfg.Poller
	return c.MaxQueueBytes, c.Overflow
}

func (p *longPoll) send(f *frame.Frame, control bool) poller.Outcome {
	o, count := poller.Queued, &p.s.shard.count
	limit, policy := p.limit()
	if control {
		if !p.out.pushControl(f, limit) {
			o = poller.Closed
		}
	} else {
		dropped := 0
		o, dropped = p.out.push(f, limit, policy)
		count.oldest.Add(uint64(dropped))
	}
	switch o {
	case poller.Closed:
		count.overflows.Add(1)
		p.s.finish(TransportError, ErrOverflow)
		return o
	case poller.Dropped:
		return o
	case poller.Replaced:
		count.replaced.Add(1)
	}
	if p.get == nil {
		p.flags |= flagWaited
	} else if p.flags&flagDirty == 0 {
		p.flags |= flagDirty
		p.s.shard.flushLater(p)
	}
	return o
}

// poll handles a GET whose body, if any, was read. header holds further lines
// for its answer. It reports false, and the caller refuses x, when another GET
// is pending: that ends the session. Ownership: header is kept; it must not be
// modified.
func (p *longPoll) poll(x responder, header []byte) bool {
	if p.get != nil {
		p.s.finish(TransportError, ErrPollOverlap)
		return false
	}
	p.get, p.getHeader = x, header
	if p.flags&flagClosing != 0 {
		p.sayClose(payloadNoopClose)
		p.s.closed()
		return true
	}
	p.flush()
	return true
}

// flush answers the pending GET, if there is one, with all that is buffered.
func (p *longPoll) flush() {
	p.flags &^= flagDirty
	if p.get == nil || p.out.empty() {
		return
	}
	waited := p.flags&flagWaited != 0
	p.flags &^= flagWaited
	p.answer(p.out.appendTo(p.s.shard.takeScratch()))
	if waited {
		p.s.tellDrain()
	}
}

// answer answers the pending GET. Ownership: payload is given back to the
// shard when it is the shard's.
func (p *longPoll) answer(payload []byte) {
	x := p.get
	p.get = nil
	x.Respond(200, "text/plain; charset=UTF-8", p.getHeader, payload)
	p.getHeader = nil
	p.s.shard.putScratch(payload)
}

// sayClose answers the pending GET with what is buffered and a close packet,
// or with alone when nothing is. Ownership: alone is only read.
func (p *longPoll) sayClose(alone []byte) {
	p.flags &^= flagClosing | flagWaited
	payload := p.s.shard.takeScratch()
	if p.out.empty() {
		payload = append(payload, alone...)
	} else {
		payload = append(p.out.appendTo(payload), separator)
		payload = append(payload, payloadClose...)
	}
	p.answer(payload)
}

// noop ends a pending GET that nothing would end soon.
func (p *longPoll) noop() {
	if p.writable() {
		p.answer(append(p.s.shard.takeScratch(), payloadNoop...))
	}
}

// begin handles the head of a POST, and reports whether its body is wanted. If
// it is not, the session has ended, and the caller refuses x.
func (p *longPoll) begin(x responder, binary bool) bool {
	err := ErrDataOverlap
	if p.post == nil {
		if !binary {
			p.post = x
			p.flags |= flagReading
			return true
		}
		err = ErrInvalidContent // CVE-2026-59725: answer, and close
	}
	p.s.finish(TransportError, err)
	return false
}

// payload handles the body of the POST that begin let in. Ownership: body may
// be written to, and is not kept; header is.
func (p *longPoll) payload(header, body []byte) {
	p.flags &^= flagReading
	p.postHeader = header
	p.split(body)
	if p.post == nil {
		return
	}
	if p.s.flags&flagPaused != 0 && p.flags&flagOver == 0 {
		p.flags |= flagHeld
		return
	}
	p.acknowledge()
}

// split handles the packets of a payload, until one of them ends the session.
func (p *longPoll) split(body []byte) {
	limit := p.s.shard.srv.cfg.MaxPayloadPackets
	for more := true; more && p.s.state == Open; limit-- {
		if limit == 0 {
			p.s.finish(ParseError, ErrTooManyPackets)
			return
		}
		var one packet
		one, body, more = p.s.dialect.next(body)
		p.s.handle(one)
	}
	// In a closing session all but the client's own close is ignored.
	for more := p.s.state == Closing; more; limit-- {
		var one packet
		one, body, more = p.s.dialect.next(body)
		if one.typ == packetError || limit <= 0 {
			return
		}
		if one.typ == packetClose {
			p.s.end(TransportClose, nil, true)
			return
		}
	}
}

// acknowledge answers the POST whose packets were handled.
func (p *longPoll) acknowledge() {
	x := p.post
	p.post = nil
	p.flags &^= flagHeld
	x.Respond(200, "text/html", p.postHeader, payloadOK)
	p.postHeader = nil
}

// tooLarge forgets the POST, whose body was above the limit. It gets a 413
// and the session goes on.
func (p *longPoll) tooLarge() {
	p.post = nil
	p.flags &^= flagReading
}

// aborted handles the end of a request's connection.
func (p *longPoll) aborted(x responder) {
	switch x {
	case p.get:
		p.get = nil
		p.s.finish(TransportError, ErrPollAborted)
	case p.post:
		p.post = nil
		p.flags &^= flagReading | flagHeld
		p.s.finish(TransportError, ErrDataAborted)
	}
}

func (p *longPoll) pause() {}

func (p *longPoll) resume() {
	if p.flags&flagHeld != 0 {
		p.acknowledge()
	}
}

// close tells the client through the pending GET, or through the next one.
func (p *longPoll) close(discard bool) bool {
	if discard {
		p.out.drop()
	}
	if p.get != nil && !p.out.empty() {
		// In a payload of its own, as in the reference: the official client
		// would act on a close in front of the packets that came with it.
		p.flush()
	}
	if p.get != nil {
		p.sayClose(payloadClose)
		return true
	}
	p.flags |= flagClosing
	return discard
}

// abandon answers what is pending. A POST that is still being read is cut off
// (reference: "aborting ongoing data request").
func (p *longPoll) abandon(byClient bool) {
	p.flags |= flagOver
	p.out.drop()
	if p.get != nil {
		payload := payloadClose
		if byClient {
			payload = payloadNoop
		}
		p.answer(append(p.s.shard.takeScratch(), payload...))
	}
	switch {
	case p.flags&flagReading != 0:
		x := p.post
		p.post = nil
		p.flags &^= flagReading
		x.Cut(nil)
	case p.flags&flagHeld != 0:
		p.acknowledge()
	}
}

// hand gives what is buffered to the transport that takes over.
func (p *longPoll) hand(to transport) {
	if p.own != nil {
		to.setLimit(p.own.maxBytes, p.own.overflow)
	}
	for _, e := range p.out.take() {
		to.send(e.F, e.Control)
	}
	p.abandon(false)
}
