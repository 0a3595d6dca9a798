package sio

import (
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// attachmentsTimeout is how long the attachments of a packet may take.
const attachmentsTimeout = 60 * time.Second

// assembly is a binary packet whose attachments are awaited. It exists only
// until they are there; its bytes are in a task, which can run later without
// another copy. With Config.Parser it holds the decoder instead, and stays. Loop
// only.
type assembly struct {
	poller.Timer // armed while a packet is incomplete
	client       *client
	task         *task
	text         int // bytes of the packet in task.buf, in front of the attachments
	want         int

	decoder  Decoder
	bytes    int64 // that the decoder took for the incomplete packet
	messages int   // that the decoder took for the incomplete packet
}

// await begins to collect the attachments of the packet b.
func (c *client) await(b []byte) *ProtocolError {
	var p packet
	if err := p.decode(b, c.limits()); err != nil {
		return err
	}
	a := &assembly{client: c, task: getTask(), text: len(b), want: p.attachments}
	a.task.buf = append(a.task.buf, b...)
	c.parts = a
	c.loop.loop.Arm(&a.Timer, a, attachmentsTimeout)
	return nil
}

// OnTimer implements poller.TimerHandler.
func (a *assembly) OnTimer(*poller.Timer) {
	c := a.client
	c.loop.counters.violations.Add(1)
	c.fail(errAttachmentsLate)
}

// attach takes one attachment, and handles the packet with its last one.
func (c *client) attach(b []byte) *ProtocolError {
	a, t := c.parts, c.parts.task
	if int64(len(t.buf)+len(b)) > c.loop.srv.cfg.MaxHTTPBufferSize {
		return errPacketTooLarge
	}
	t.buf = append(t.buf, b...)
	t.ends = append(t.ends, len(t.buf))
	if len(t.ends) < a.want {
		return nil
	}
	c.loop.loop.Disarm(&a.Timer)
	c.parts = nil
	t.cut(a.text)
	var p packet
	err := p.decode(t.buf[:a.text], c.limits())
	if err == nil {
		err = checkPlaceholders(p.args, len(t.ends))
	}
	if err == nil {
		err = c.handle(&p, t)
	}
	if !t.staged {
		t.free()
	}
	return err
}

// drop gives up.
func (a *assembly) drop() {
	if a.decoder != nil {
		a.restart()
		return
	}
	a.client.loop.loop.Disarm(&a.Timer)
	a.client.parts = nil
	a.task.free()
}
