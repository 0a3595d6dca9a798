package load

// Hot path: no allocation, no lock, no time.Now.

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// socketIO is Socket.IO over Engine.IO 4, or over its version 3, in which the
// namespace is open from the start and the clients send the heartbeats.
type socketIO struct{ version int }

var _ dialect = socketIO{}

func (socketIO) path() string { return "/socket.io/" }

func (d socketIO) query() string { return "?EIO=" + strconv.Itoa(d.version) + "&transport=websocket" }

// opened has nothing to say: the server speaks first.
func (socketIO) opened(*client) {}

// packet handles one Engine.IO packet, of whatever transport.
func (d socketIO) packet(c *client, p []byte) error {
	if d.version == 3 {
		p = bytes.TrimSuffix(p, []byte("\n")) // go-socket.io ends its JSON with it
	}
	if len(p) > 1 && p[0] == '4' && (p[1] == '2' || p[1] == '3') {
		if c.state == joined && !c.fence {
			return c.f.sc.message(c, p)
		}
		return d.fenced(c, p)
	}
	switch {
	case len(p) == 0:
		return errors.New("load: an empty packet")
	case p[0] == '2' && d.version == 4: // ping: answer pong
		c.pinged()
		c.say("3")
	case p[0] == '0' && c.state == opening:
		return d.greeted(c, p)
	case bytes.HasPrefix(p, []byte("40")) && c.state == connecting:
		c.enter()
	case p[0] == '3' && d.version == 3 && c.beat: // pong
		c.beat = false
		c.pinged()
	case p[0] == '3' && c.http != nil: // 3probe
		c.probed()
	case p[0] == '6': // noop
	default:
		return fmt.Errorf("load: unexpected packet %.80q", p)
	}
	return nil
}

// greeted takes the open packet and joins the namespace.
func (d socketIO) greeted(c *client, p []byte) error {
	c.state = connecting
	if d.version == 3 {
		ms, err := between(p, `"pingInterval":`, `,`)
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(ms)
		if err != nil || n < beatTurns {
			return fmt.Errorf("load: a ping interval of %q", ms)
		}
		c.f.startBeats(time.Duration(n) * time.Millisecond)
		return nil
	}
	if c.http != nil {
		sid, err := between(p, `"sid":"`, `"`)
		if err != nil {
			return err
		}
		c.http.sid = sid
	}
	c.say("40")
	return nil
}

// fencePacket is asked and answered in these bytes.
const fencePacket = `42["echo","fence"]`

func (socketIO) fence(c *client) { c.say(fencePacket) }

// fenced takes the answer to the fence. Nothing else may come before it:
// nobody sends yet.
func (socketIO) fenced(c *client, p []byte) error {
	if !c.fence || string(p) != fencePacket {
		return fmt.Errorf("load: unexpected event %.80q", p)
	}
	c.passed()
	return nil
}

func (socketIO) join(c *client, room string) { c.say(`42["join","` + room + `"]`) }

func (socketIO) words(event, room string) wording {
	w := wording{ask: `42["` + event + `","`, askEnd: `"]`, answer: `42["` + event + `","`, answerEnd: `"]`}
	switch event {
	case "ack":
		w.id, w.acked = len("42"), true
		w.ask, w.answer = "42"+strconv.Itoa(firstAck)+`["ack","`, "43"+strconv.Itoa(firstAck)+`["`
	case "room":
		w.ask = `42["room","` + room + `","`
	}
	return w
}
