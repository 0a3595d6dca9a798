package load

// Hot path: no allocation, no lock, no time.Now, but for a tail that is kept.

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// state of a client, in order of life.
type state uint8

const (
	dialing    state = iota // the connection is being made
	switching               // the WebSocket request is out
	opening                 // waiting for the server's first packet
	connecting              // waiting for the answer to our own
	joined                  // in the namespace; fencing or not
	leaving                 // closed by us
	closed                  // over
)

var (
	errFragment  = errors.New("load: a fragmented frame, which this client does not reassemble")
	errHandshake = errors.New("load: not the WebSocket handshake's answer")
)

// tailBytes is the largest buffer a client keeps for its next incomplete frame.
const tailBytes = 4 << 10

// client is one Socket.IO client. Loop only.
type client struct {
	f      *fleet
	conn   *poller.Conn // the WebSocket; nil while polling
	http   *polling     // nil when no transport of it is polling
	index  uint32
	sent   uint32 // echo, ack: number of the last message sent; else of messages that the server confirms
	got    uint32 // and of the last answer
	pings  uint32 // heartbeats answered
	fence  bool   // an echo is out that tells when all before it was done
	inside bool   // it has joined the one room of a load
	beat   bool   // a heartbeat of ours was not answered yet
	state  state
	tail   []byte   // the start of an incomplete frame or response
	rooms  []uint32 // the streams it receives, when not all
	last   []uint32 // number of the last message of each of these streams
	began  int64    // when dialing began
}

var _ poller.Handler = (*client)(nil)

// OnOpen sends the WebSocket request.
func (c *client) OnOpen(pc *poller.Conn) {
	c.conn = pc
	if c.state == leaving || c.state == closed {
		pc.Close(nil)
		return
	}
	if c.http != nil {
		pc.Send(raw(c.f.upgradeRequest(c.http.sid)))
		c.http.switching = true
		return
	}
	c.state = switching
	pc.Send(raw(c.f.request))
}

// OnData takes what arrived. b is only read, until OnData returns.
func (c *client) OnData(_ *poller.Conn, b []byte) {
	if len(c.tail) > 0 {
		b = append(c.tail, b...)
	}
	n, err := c.consume(b)
	if err != nil {
		c.f.fault(c, err)
		return
	}
	if c.state >= leaving {
		c.tail = nil
		return
	}
	c.tail = append(c.tail[:0], b[n:]...)
	if len(c.tail) == 0 && cap(c.tail) > tailBytes {
		c.tail = nil
	}
}

// consume handles all that is whole in b and returns its length.
func (c *client) consume(b []byte) (n int, err error) {
	if c.state == switching || c.http != nil && c.http.switching {
		if n, err = c.switched(b); n == 0 || err != nil {
			return n, err
		}
	}
	for n < len(b) {
		h, p, used, err := nextFrame(b[n:])
		if err != nil {
			return n, err
		}
		if used == 0 {
			return n, nil
		}
		n += used
		if h.RSV1 {
			if p, err = c.f.inflated.get(p); err != nil {
				return n, err
			}
		}
		switch h.Opcode {
		case wsframe.Text:
			err = c.packet(p)
		case wsframe.Ping:
			c.conn.SendControl(pong(p))
		case wsframe.Close:
			err = fmt.Errorf("load: the server closed: %q", p)
		}
		if err != nil || c.state >= leaving {
			return len(b), err
		}
	}
	return n, nil
}

// switched checks the answer to the WebSocket request.
func (c *client) switched(b []byte) (n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil
	}
	head := b[:end]
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) || !bytes.Contains(head, []byte(wsAccept)) {
		return 0, fmt.Errorf("%w: %q", errHandshake, head)
	}
	if c.f.cfg.Deflate && !bytes.Contains(head, []byte("permessage-deflate")) {
		return 0, fmt.Errorf("%w: no permessage-deflate: %q", errHandshake, head)
	}
	if c.http != nil {
		c.http.switching = false
		c.conn.Send(text("2probe"))
	} else {
		c.state = opening
		c.f.dialect.opened(c)
	}
	return end + 4, nil
}

// packet handles one text message, or one packet of polling.
func (c *client) packet(p []byte) error { return c.f.dialect.packet(c, p) }

// enter notes that c is in its namespace.
func (c *client) enter() {
	c.state = joined
	c.f.onJoined(c)
}

// passed notes that c's fence was answered.
func (c *client) passed() {
	c.fence = false
	c.f.onFenced()
}

// pinged counts a heartbeat that was answered.
func (c *client) pinged() {
	c.f.count.pings++
	c.pings++
}

// say sends one packet.
func (c *client) say(p string) {
	if !c.onSocket() {
		c.http.post([]byte(p))
	} else if c.conn != nil { // it is nil when the connection is over
		c.conn.Send(text(p))
	}
}

// onSocket reports whether packets go out by WebSocket.
func (c *client) onSocket() bool { return c.http == nil || c.http.done }

// emit sends message number of stream.
func (c *client) emit(m *message, stream, number uint32) {
	if c.state != joined {
		return // the run is void already
	}
	c.f.count.sent++
	id := number
	if m.confirmed {
		c.sent++
		c.f.owed++
		id = c.sent
	}
	if c.onSocket() {
		if !c.conn.Send(m.frame(stream, number, id)) {
			c.f.fault(c, errors.New("load: the client's own write queue is full"))
		}
		return
	}
	b := bytes.Clone(m.plain)
	m.stampPlain(b, stream, number, id)
	c.http.post(b)
}

// leave closes the client. No more of it is looked at.
func (c *client) leave() {
	if c.state >= leaving {
		return
	}
	c.state = leaving
	if c.http != nil {
		c.http.leave()
	}
	if c.conn != nil {
		c.conn.Close(nil)
	} else {
		c.f.onLeft(c, nil)
	}
}

// OnDrain has nothing to do: what a client has in flight is bounded.
func (c *client) OnDrain(*poller.Conn) {}

// OnClose ends the client.
func (c *client) OnClose(_ *poller.Conn, err error) {
	c.conn = nil
	c.f.onLeft(c, err)
}

// raw returns a frame of b as it is.
func raw(b []byte) *frame.Frame {
	f := frame.New()
	f.B = append(f.B, b...)
	return f.SealRaw()
}

// between returns what stands between open and end in p.
func between(p []byte, open, end string) (string, error) {
	_, rest, ok := bytes.Cut(p, []byte(open))
	v, _, ok2 := bytes.Cut(rest, []byte(end))
	if !ok || !ok2 {
		return "", fmt.Errorf("load: no %s in %.200q", open, p)
	}
	return string(v), nil
}
