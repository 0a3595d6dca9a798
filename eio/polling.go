package eio

import (
	"github.com/sirocco-io/sirocco/internal/deflate"
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

	jsonp                 string         // what answers to script tags begin with; "" for others
	get, post             responder      // nil when there is none
	coding                deflate.Coding // of the answer to get
	packing               *packing       // nil when there is none
	getHeader, postHeader []byte         // header lines of their answers; shared, not modified
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
	flagBase64                            // answers have to be text
	flagOctets                            // the POST is not text
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
// for its answer, which may be in coding. It reports false, and the caller refuses x, when another GET
// is pending: that ends the session. Ownership: header is kept; it must not be
// modified.
func (p *longPoll) poll(x responder, header []byte, coding deflate.Coding) bool {
	if p.get != nil || p.packing != nil {
		p.s.finish(TransportError, ErrPollOverlap)
		return false
	}
	p.get, p.getHeader, p.coding = x, header, coding
	if p.flags&flagClosing != 0 && p.out.empty() {
		p.out.append(noopFrame.Retain(1), true)
		p.sayClose()
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
	p.answer()
	if waited {
		p.s.tellDrain()
	}
}

// answer answers the pending GET with what is buffered.
func (p *longPoll) answer() {
	x, compress := p.get, p.out.compressible()
	p.get = nil
	body, text := p.s.dialect.payload(p.s.shard.takeScratch(), p.out.live(), p.flags&flagBase64 != 0)
	p.out.drop()
	contentType := "text/plain; charset=UTF-8"
	if p.jsonp != "" {
		body = scriptOf(p.jsonp, body)
	} else if !text {
		contentType = octetStream
	}
	if !p.reply(x, contentType, body, compress) {
		p.s.shard.putScratch(body)
	}
}

// sayClose answers the pending GET with what is buffered and a close packet.
func (p *longPoll) sayClose() {
	p.flags &^= flagClosing | flagWaited
	p.out.append(closeFrame.Retain(1), true)
	p.answer()
}

// noop ends a pending GET that nothing would end soon.
func (p *longPoll) noop() {
	if p.writable() {
		p.out.append(noopFrame.Retain(1), true)
		p.answer()
	}
}

// begin handles the head of a POST, and reports whether its body is wanted. If
// it is not, the session has ended, and the caller refuses x.
func (p *longPoll) begin(x responder, octets bool) bool {
	err := ErrDataOverlap
	if p.post == nil {
		if !octets || p.s.dialect.octets != nil {
			p.post = x
			p.flags = p.flags&^flagOctets | flagReading
			if octets {
				p.flags |= flagOctets
			}
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
	next, some := p.s.dialect.next, true
	if p.flags&flagOctets != 0 {
		next = p.s.dialect.octets
	}
	if p.jsonp != "" {
		body, some = formPayload(body, p.flags&flagOctets != 0)
	}
	if some {
		p.split(body, next)
	}
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
func (p *longPoll) split(body []byte, next func([]byte) (packet, []byte, bool)) {
	limit := p.s.shard.srv.cfg.MaxPayloadPackets
	for more := true; more && p.s.state == Open; limit-- {
		if limit == 0 {
			p.s.finish(ParseError, ErrTooManyPackets)
			return
		}
		var one packet
		one, body, more = next(body)
		p.s.handle(one)
	}
	// In a closing session all but the client's own close is ignored.
	for more := p.s.state == Closing; more; limit-- {
		var one packet
		one, body, more = next(body)
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
	if k := p.packing; k != nil && k.x == x {
		k.x = nil
		p.s.finish(TransportError, ErrPollAborted)
		return
	}
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

// close tells the client through the pending GET, or through the first one that
// nothing is left to answer with: what is buffered has a payload of its own, as in
// the reference, for the official client would act on a close in front of the
// packets that came with it.
func (p *longPoll) close(discard bool) bool {
	if discard {
		p.out.drop()
	}
	if p.get != nil && !p.out.empty() {
		p.flush()
	}
	if p.get != nil {
		p.sayClose()
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
		if byClient {
			p.out.append(noopFrame.Retain(1), true)
		} else {
			p.out.append(closeFrame.Retain(1), true)
		}
		p.answer()
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
