package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/sirocco-io/sirocco/poller"
)

// separator stands between the packets of a payload.
const separator = 0x1e

// polling is what a client needs beside a WebSocket to poll: a connection that
// always has a GET out, and one for its POSTs. With [Upgrade] it lasts until
// the WebSocket took over. Loop only.
type polling struct {
	c         *client
	sid       string
	get, send *link
	queue     []byte // packets that wait for the POST in flight
	posting   bool   // a POST is in flight, or the connection is being made
	upgrade   bool   // the WebSocket shall take over once the namespace is joined
	switching bool   // the WebSocket request is out
	probing   bool   // the probe was answered: the next poll to end is the last
	done      bool   // the WebSocket took over
}

// link is one HTTP connection of a polling client.
type link struct {
	p     *polling
	conn  *poller.Conn
	tail  []byte
	first []byte // the request to send when the connection is there
	body  func(p *polling, status int, body []byte) error
}

var _ poller.Handler = (*link)(nil)

// begin dials the first connection; its first request is the handshake.
func (p *polling) begin() error {
	p.get = &link{p: p, first: p.c.f.pollRequest(""), body: (*polling).polled}
	return p.c.f.dial(p.get)
}

// OnOpen sends what waited for the connection.
func (l *link) OnOpen(pc *poller.Conn) {
	l.conn = pc
	if l.p.c.state >= leaving || l.p.done {
		pc.Close(nil)
		return
	}
	pc.Send(raw(l.first))
	l.first = nil
}

// OnData takes what arrived. b is only read, until OnData returns.
func (l *link) OnData(_ *poller.Conn, b []byte) {
	c := l.p.c
	if len(l.tail) > 0 {
		b = append(l.tail, b...)
	}
	for len(b) > 0 && c.state < leaving {
		status, body, n, err := parseResponse(b)
		if err != nil {
			c.f.fault(c, err)
			return
		}
		if n == 0 {
			break
		}
		b = b[n:]
		if err := l.body(l.p, status, body); err != nil {
			c.f.fault(c, err)
			return
		}
	}
	l.tail = append(l.tail[:0], b...)
	if len(l.tail) == 0 {
		l.tail = nil
	}
}

// OnDrain has nothing to do: one request is out at a time.
func (l *link) OnDrain(*poller.Conn) {}

// OnClose ends the client, unless the WebSocket took over.
func (l *link) OnClose(_ *poller.Conn, err error) {
	l.conn = nil
	p := l.p
	if p.done {
		return
	}
	if l == p.get {
		p.get = nil
	} else {
		p.send = nil
	}
	p.leave()
	if p.get == nil && p.send == nil && p.c.conn == nil {
		p.c.f.onLeft(p.c, err)
	}
}

// polled takes the answer to a GET and asks again.
func (p *polling) polled(status int, body []byte) error {
	if status != 200 {
		return fmt.Errorf("load: poll: %d %.100q", status, body)
	}
	c := p.c
	if c.state == dialing {
		c.state = opening
	}
	for len(body) > 0 && c.state < leaving {
		packet, rest, _ := bytes.Cut(body, []byte{separator})
		if err := c.packet(packet); err != nil {
			return err
		}
		body = rest
	}
	if c.state >= leaving {
		return nil
	}
	if p.probing {
		p.takeOver()
		return nil
	}
	p.get.conn.Send(raw(c.f.pollRequest(p.sid)))
	return nil
}

// post sends packet, or queues it behind the POST in flight.
func (p *polling) post(packet []byte) {
	if len(p.queue) > 0 {
		p.queue = append(p.queue, separator)
	}
	p.queue = append(p.queue, packet...)
	p.flush()
}

// flush sends the queue when no POST is in flight.
func (p *polling) flush() {
	if p.posting || len(p.queue) == 0 || p.c.state >= leaving {
		return
	}
	p.posting = true
	request := p.c.f.postRequest(p.sid, p.queue)
	p.queue = p.queue[:0]
	if p.send == nil {
		p.send = &link{p: p, first: request, body: (*polling).posted}
		if err := p.c.f.dial(p.send); err != nil {
			p.c.f.fault(p.c, err)
		}
		return
	}
	p.send.conn.Send(raw(request))
}

// posted takes the answer to a POST.
func (p *polling) posted(status int, body []byte) error {
	if status != 200 || string(body) != "ok" {
		return fmt.Errorf("load: post: %d %.100q", status, body)
	}
	p.posting = false
	p.flush()
	return nil
}

// probed notes that the WebSocket works. The server now answers the poll that
// is out, if it must with a noop; then nothing is on its way any more.
func (c *client) probed() { c.http.probing = true }

// takeOver moves the client to its WebSocket.
func (p *polling) takeOver() {
	p.done = true
	p.leave()
	p.c.conn.Send(text("5"))
	for packet := range bytes.SplitSeq(p.queue, []byte{separator}) {
		if len(packet) > 0 {
			p.c.conn.Send(text(string(packet)))
		}
	}
	p.queue = nil
	p.c.f.onUpgraded(p.c)
}

// leave closes the HTTP connections.
func (p *polling) leave() {
	for _, l := range []*link{p.get, p.send} {
		if l != nil && l.conn != nil {
			l.conn.Close(nil)
		}
	}
}

var errNoLength = errors.New("load: a response without Content-Length")

// parseResponse returns the first whole response in b and the bytes it took,
// 0 when it is incomplete. body is a view of b.
func parseResponse(b []byte) (status int, body []byte, n int, err error) {
	head, _, ok := bytes.Cut(b, []byte("\r\n\r\n"))
	if !ok {
		return 0, nil, 0, nil
	}
	if len(head) < 12 || !bytes.HasPrefix(head, []byte("HTTP/1.1 ")) {
		return 0, nil, 0, fmt.Errorf("load: not a response: %.80q", b)
	}
	if status, err = strconv.Atoi(string(head[9:12])); err != nil {
		return 0, nil, 0, fmt.Errorf("load: not a response: %.80q", b)
	}
	length, err := contentLength(head)
	if err != nil {
		return 0, nil, 0, err
	}
	n = len(head) + 4 + length
	if len(b) < n {
		return 0, nil, 0, nil
	}
	return status, b[len(head)+4 : n], n, nil
}

func contentLength(head []byte) (int, error) {
	const name = "content-length:"
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			n, err := strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
			if err != nil || n < 0 || n > maxFrame {
				return 0, fmt.Errorf("load: bad header %q", line)
			}
			return n, nil
		}
	}
	return 0, errNoLength
}
