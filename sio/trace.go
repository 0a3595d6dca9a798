package sio

import (
	"context"
	"log/slog"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// maxTracedBytes is how much of a packet is shown.
const maxTracedBytes = 1 << 10

// Trace switches on or off that each packet of s, in and out, is logged to
// [Config.Logger] as a record of level debug, whatever level the logger shows
// otherwise. Packets are shown with their contents, up to 1 KiB. The log is
// written on the loop: it is meant for a few sockets. Off it costs nothing.
func (s *Socket) Trace(on bool) { s.loop.loop.Post(postTrace, s, on) }

func postTrace(a, b any) { a.(*Socket).traced = b.(bool) }

// Trace switches tracing on for the sockets of n that match, those that are
// connected and those that will be, and off for all others; nil switches it off
// for all. match is called on the loops and must not block. See [Socket.Trace].
func (n *Namespace) Trace(match func(s *Socket) bool) {
	if match == nil {
		n.trace.Store(nil)
	} else {
		n.trace.Store(&match)
	}
	for _, nl := range *n.loops.Load() {
		if nl != nil {
			nl.ls.loop.Post(postTraceAll, nl, nil)
		}
	}
}

func postTraceAll(a, _ any) {
	for _, s := range a.(*nspLoop).members {
		s.traced = s.matched()
	}
}

// matched reports what [Namespace.Trace] says about s.
func (s *Socket) matched() bool {
	match := s.nsp.trace.Load()
	return match != nil && (*match)(s)
}

// sendTraced is send for a socket that is traced.
func (s *Socket) sendTraced(f *frame.Frame) poller.Outcome {
	out := describe(f)
	o := s.sess.Offer(f)
	s.log("out", append(out, slog.String("outcome", outcomes[o]))...)
	return o
}

var outcomes = [...]string{
	poller.Closed: "closed", poller.Dropped: "dropped", poller.Queued: "queued",
	poller.MadeRoom: "queued, older ones dropped", poller.Replaced: "queued instead of an older one",
}

// traceControl logs a packet of the protocol itself, which is sent now.
func (s *Socket) traceControl(f *frame.Frame) {
	if s.traced {
		s.log("out", describe(f)...)
	}
}

// describe says what a frame holds. It shares no memory with f.
func describe(f *frame.Frame) []slog.Attr {
	attached := 0
	for g := f.Next(); g != nil; g = g.Next() {
		attached++
	}
	packet := f.Payload()
	if !f.Binary() && len(packet) > 0 {
		packet = packet[1:] // the digit of Engine.IO
	}
	return []slog.Attr{
		slog.String("packet", string(packet[:min(len(packet), maxTracedBytes)])),
		slog.Int("bytes", len(packet)), slog.Int("attachments", attached),
	}
}

// packetNames are the names of the types in the protocol's specification.
var packetNames = [packetTypes]string{
	"CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK",
}

// traceIn logs a packet of the client.
func (s *Socket) traceIn(p *packet, t *task) {
	attrs := []slog.Attr{slog.String("type", packetNames[p.kind])}
	if p.id != noAck {
		attrs = append(attrs, slog.Int64("id", p.id))
	}
	if p.parsed != nil {
		attrs = append(attrs, slog.String("event", string(p.name)))
	} else {
		attrs = append(attrs, slog.String("packet", string(p.payload[:min(len(p.payload), maxTracedBytes)])))
	}
	s.log("in", append(attrs, slog.Int("bytes", p.bytes(t)), slog.Int("attachments", p.attachments))...)
}

// log writes one record. The level of the logger does not count: switching the
// tracing on was the decision.
func (s *Socket) log(direction string, attrs ...slog.Attr) {
	defer s.rescue("Logger")
	r := slog.NewRecord(time.Now(), slog.LevelDebug, "socket.io packet", 0)
	r.AddAttrs(slog.String("socket", s.ID()), slog.String("namespace", s.nsp.name), slog.String("direction", direction))
	r.AddAttrs(attrs...)
	// There is nobody to tell that the log cannot be written.
	_ = s.nsp.srv.cfg.Logger.Handler().Handle(context.Background(), r)
}
