package load

// Hot path: no allocation, no lock, no time.Now.

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// centrifuge is the bidirectional JSON protocol of
// github.com/centrifugal/centrifuge: commands and replies with an id, pushes
// without, one or more in a text message, a line each; heartbeats are {}.
//
// The server subscribes who connects to the channel bcast; a room is a channel;
// echo and ack are remote procedure calls.
type centrifuge struct{}

var _ dialect = centrifuge{}

// The ids of commands that are not messages of a load: those begin at firstAck.
const (
	centrifugeConnect = `{"id":1,"connect":{}}`
	centrifugeWelcome = `{"id":1,"connect":{"client":"`
	centrifugeJoined  = `{"id":2,"subscribe":{}}`
	centrifugeFence   = `{"id":3,"rpc":{"method":"echo","data":"fence"}}`
	centrifugeFenced  = `{"id":3,"rpc":{"data":"fence"}}`
)

// What stands around the id of a message.
const (
	centrifugeID        = `{"id":`
	centrifugeConfirmed = `,"publish":{}}`
)

var errBlank = errors.New("load: an empty line")

func (centrifuge) path() string { return "/connection/websocket" }

func (centrifuge) query() string { return "" }

// opened connects: the client speaks first.
func (centrifuge) opened(c *client) {
	c.state = connecting
	c.say(centrifugeConnect)
}

func (centrifuge) fence(c *client) { c.say(centrifugeFence) }

func (centrifuge) join(c *client, room string) {
	c.say(`{"id":2,"subscribe":{"channel":"` + room + `"}}`)
}

func (centrifuge) words(event, room string) wording {
	id := centrifugeID + strconv.Itoa(firstAck)
	if event == "echo" || event == "ack" {
		return wording{id: len(centrifugeID), acked: true, ask: id + `,"rpc":{"method":"` + event + `","data":"`, askEnd: `"}}`,
			answer: id + `,"rpc":{"data":"`, answerEnd: `"}}`}
	}
	if event == "bcast" {
		room = event
	}
	return wording{id: len(centrifugeID), confirmed: true, ask: id + `,"publish":{"channel":"` + room + `","data":"`, askEnd: `"}}`,
		answer: `{"push":{"channel":"` + room + `","pub":{"data":"`, answerEnd: `"}}}`}
}

// packet handles the lines of one text message.
func (d centrifuge) packet(c *client, p []byte) error {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			return d.line(c, p)
		}
		if err := d.line(c, p[:end]); err != nil || c.state >= leaving {
			return err
		}
		p = p[end+1:]
	}
}

// line handles one reply, push or heartbeat.
func (d centrifuge) line(c *client, p []byte) error {
	switch {
	case len(p) == 0:
		return errBlank
	case string(p) == "{}":
		c.pinged()
		c.say("{}")
		return nil
	case c.state != joined || c.fence:
		return d.setUp(c, p)
	case len(p) == len(centrifugeID)+ackDigits+len(centrifugeConfirmed) && bytes.HasSuffix(p, []byte(centrifugeConfirmed)):
		return d.confirm(c, p)
	}
	return c.f.sc.message(c, p)
}

// setUp handles what comes before the first message of a load.
func (centrifuge) setUp(c *client, p []byte) error {
	switch {
	case c.state == connecting && bytes.HasPrefix(p, []byte(centrifugeWelcome)):
		c.enter()
	case c.fence && string(p) == centrifugeFenced:
		c.passed()
	case c.fence && string(p) == centrifugeJoined:
	default:
		return fmt.Errorf("load: unexpected message %.120q", p)
	}
	return nil
}

// confirm takes the reply to a message that went to others: one for each, in
// their order.
func (centrifuge) confirm(c *client, p []byte) error {
	at := len(centrifugeID)
	id, ok := decimalValue(p[at : at+ackDigits])
	if !ok || !bytes.HasPrefix(p, []byte(centrifugeID)) || id != firstAck+c.got+1 || c.got == c.sent {
		return fmt.Errorf("load: want the confirmation of message %d of %d, got %.120q", c.got+1, c.sent, p)
	}
	c.got++
	c.f.owed--
	return nil
}
