package web

import "github.com/sirocco-io/sirocco/internal/http1"

// extendHead puts b behind the part of a head that was kept.
func (w *work) extendHead(b []byte) []byte {
	w.head.B = append(w.head.B, b...)
	return w.head.B
}

// readHead looks at b, which holds all that was received of the next request.
func (c *conn) readHead(b []byte) (rest []byte, more bool) {
	if c.pc.Queued() > maxAnswerBytes {
		c.throttle(b)
		return nil, false
	}
	if c.work == nil {
		c.work = getWork(c.srv)
	}
	n, done, err := c.work.parser.Feed(b)
	switch {
	case err != nil:
		c.fail(err)
		return nil, false
	case !done:
		c.keepHead(b)
		if c.state == stateIdle {
			c.state = stateHead
			c.arm(c.srv.cfg.HeaderTimeout)
		}
		return nil, false
	}
	return c.request(b, n)
}

// keepHead copies b, which may lie in the buffer it is copied to.
func (c *conn) keepHead(b []byte) {
	w := c.work
	if w.head == nil {
		w.head = headPool.Get()
	}
	w.head.B = append(w.head.B[:0], b...)
}

// request begins an exchange: its head is b[:n].
func (c *conn) request(b []byte, n int) (rest []byte, more bool) {
	w := c.work
	r := w.parser.Request()
	w.decoder.Init(r)
	c.begin(r)
	c.flags |= flagInCall
	c.x.h.OnRequest(&c.x)
	c.flags &^= flagInCall
	rest = b[n:]
	switch {
	case c.moveTo != nil:
		c.move(b)
		return nil, false
	case c.state == stateSwitched:
		c.deliver(rest)
		return nil, false
	case c.state == stateClosing:
		c.dropWork()
		return nil, false
	case c.flags&flagActive == 0:
		return c.answeredEarly(rest)
	}
	c.state = stateBody
	switch {
	case r.ContentLength() > c.x.maxBody:
		if !c.tooLarge() {
			return nil, false
		}
	case c.flags&flagContinue != 0 && len(rest) == 0 && !w.decoder.Done():
		c.sendContinue()
	}
	return c.readBody(rest)
}

// begin sets up the exchange for r.
func (c *conn) begin(r *http1.Request) {
	c.flags = c.flags&^(perRequest|flagFresh) | flagActive
	if r.KeepAlive() && c.front == nil {
		c.flags |= flagKeepAlive
	}
	if r.Minor == 0 {
		c.flags |= flagOldVersion
	}
	if string(r.Method) == "HEAD" {
		c.flags |= flagHead
	}
	if r.ExpectContinue() {
		c.flags |= flagContinue
	}
	if r.IsUpgrade("websocket") {
		c.flags |= flagKeepHead
	}
	c.x.h, c.x.data, c.x.maxBody = c.srv.cfg.Handler, nil, c.srv.cfg.MaxBodyBytes
	c.x.front = c.front
}

// readBody decodes what b holds of the body, for OnBody or to skip it. A body
// that is one run of bytes in b is delivered where it lies.
func (c *conn) readBody(b []byte) (rest []byte, more bool) {
	w := c.work
	var run []byte
	for !w.decoder.Done() {
		n, chunk, _, err := w.decoder.Next(b)
		if err != nil {
			c.fail(err)
			return nil, false
		}
		if n > 0 {
			c.flags &^= flagContinue // it did not wait
		}
		w.window += int64(n)
		w.received += int64(len(chunk))
		b = b[n:]
		if c.state == stateBody {
			if w.received > c.x.maxBody && !c.tooLarge() {
				return nil, false
			}
			run = w.collect(run, chunk)
		}
		if len(b) == 0 && !w.decoder.Done() {
			return nil, c.awaitBody(run)
		}
	}
	if c.state == stateDrain {
		c.settle(len(b) > 0)
		return b, true
	}
	return c.bodyDone(run, b)
}

// collect adds a chunk to the body. The first stays where it is, as run, until
// there is another.
func (w *work) collect(run, chunk []byte) []byte {
	if len(chunk) == 0 {
		return run
	}
	if run == nil && w.body == nil {
		return chunk
	}
	w.store(run)
	w.store(chunk)
	return nil
}

// store appends b to the buffer of the body.
func (w *work) store(b []byte) {
	if len(b) == 0 {
		return
	}
	if w.body == nil {
		w.body = bodyPool.Get()
	}
	w.body.B = append(w.body.B, b...)
}

// awaitBody keeps what is needed until more of the body arrives. It returns
// false: there is nothing more to do.
func (c *conn) awaitBody(run []byte) bool {
	w := c.work
	if c.state == stateDrain {
		if w.received > maxDrainBytes {
			c.closeSoon()
			return false
		}
		putBuffer(&headPool, &w.head)
	} else {
		w.store(run)
	}
	if w.deadline != 0 {
		return false
	}
	if c.state == stateBody { // the head may still lie in the loop's buffer
		c.keepHead(w.parser.Request().Head())
		w.parser.Rebase(w.head.B)
	}
	w.window = 0
	w.deadline = c.pc.Loop().Now() + int64(c.srv.cfg.RequestTimeout)
	c.arm(min(bodyWindow, c.srv.cfg.RequestTimeout))
	return false
}

// bodyDone delivers the body: run, or what was collected. rest is what was
// received behind it.
func (c *conn) bodyDone(run, rest []byte) ([]byte, bool) {
	w := c.work
	if w.body != nil {
		run = w.body.B
	}
	c.flags |= flagInCall
	c.x.h.OnBody(&c.x, run)
	c.flags &^= flagInCall
	switch {
	case c.state == stateSwitched:
		c.deliver(rest)
		return nil, false
	case c.state == stateClosing:
		c.dropWork()
		return nil, false
	case c.flags&flagActive == 0:
		c.settle(len(rest) > 0)
		return rest, true
	}
	c.park(rest)
	return nil, false
}

// park waits for the answer, with as little in hand as possible.
func (c *conn) park(rest []byte) {
	c.state = stateParked
	c.keepForLater(rest)
	if c.flags&flagKeepHead == 0 {
		c.dropWork()
		return
	}
	w := c.work
	putBuffer(&bodyPool, &w.body)
	c.keepHead(w.parser.Request().Head())
	w.parser.Rebase(w.head.B)
}

// tooLarge ends an exchange whose body is above the limit, with a 413 if the
// handler has no better answer. It reports whether the connection goes on: the
// body is skipped then.
func (c *conn) tooLarge() bool {
	c.state = stateDrain
	if h, ok := c.x.h.(TooLargeHandler); ok {
		c.flags |= flagInCall
		h.OnTooLarge(&c.x)
		c.flags &^= flagInCall
	}
	if c.flags&flagActive != 0 {
		c.flags |= flagInCall
		c.x.Respond(http1.ErrBodyTooLarge.Status, "", nil, nil)
		c.flags &^= flagInCall
	}
	putBuffer(&bodyPool, &c.work.body)
	if c.state == stateClosing {
		c.dropWork()
		return false
	}
	return true
}

// answeredEarly skips the body of a request that was answered by its head.
func (c *conn) answeredEarly(rest []byte) ([]byte, bool) {
	c.state = stateDrain
	return c.readBody(rest)
}

// settle makes the connection ready for the next request. With more, that one
// is about to be read from bytes that may lie in the buffers of the work.
func (c *conn) settle(more bool) {
	c.state = stateIdle
	c.since = c.pc.Loop().Now()
	c.queued = 0
	if c.flags&flagArmed == 0 {
		c.arm(c.srv.cfg.KeepAliveTimeout)
	}
	w := c.work
	switch {
	case w == nil:
	case more:
		w.nextRequest()
	default:
		c.dropWork()
	}
}

// nextRequest forgets the request, not the buffer of the head: what follows the
// request may lie there.
func (w *work) nextRequest() {
	w.parser.Reset()
	putBuffer(&bodyPool, &w.body)
	w.received, w.window, w.deadline = 0, 0, 0
}
