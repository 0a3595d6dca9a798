package eio

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"unique"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/id"
	"github.com/sirocco-io/sirocco/poller"
)

// Session is one client, over whatever transport it uses at the moment. See
// the package comment for which goroutine may call what.
//
// It fills a size class of 192 bytes exactly: a field more doubles nothing
// but costs every idle client 16 bytes. What only polling needs lies in its
// transport, what only an upgrade needs in the upgrade.
type Session struct {
	// immutable once open
	shard   *shard
	dialect *dialect
	rare    *rare                 // what few sessions have; or nil
	url     string                // see Handshake
	headers unique.Handle[string] // name NUL value NUL ...
	status  atomic.Uint64         // not immutable: see status.go
	addr    [16]byte
	key     [16]byte // of the WebSocket handshake
	port    uint16
	facts   uint8
	id      id.ID

	// loop only
	state  State
	timing timing
	via    transportKind // the last transport, also when it is gone
	reason Reason        // once closed
	flags  sessionFlags
	tr     transport
	up     *upgrade // nil unless one is under way
	data   any
	timer  poller.Timer
}

// sessionFlags are the small facts about a session that change.
type sessionFlags uint8

const (
	flagPaused   sessionFlags = 1 << iota // Pause was called
	flagExtended                          // this pong got its time twice
	flagUpgraded                          // an upgrade succeeded
	flagTold                              // OnOpen was called, OnClose is owed
	flagListed                            // the server counts the session
)

// rare is what few sessions have to keep. Immutable once the session is open.
type rare struct {
	custom string          // the id, when it did not come from the table
	ctx    context.Context // of the handshake's request, when middlewares had it
	tls    *tls.ConnectionState
}

// rarely returns the rare part of s, which is made if there is none. Only before
// the session is open.
func (s *Session) rarely() *rare {
	if s.rare == nil {
		s.rare = new(rare)
	}
	return s.rare
}

// customID returns the id that GenerateID made, or "".
func (s *Session) customID() string {
	if s.rare == nil {
		return ""
	}
	return s.rare.custom
}

// ID returns the session id, which is a secret between client and server. It
// may be called from any goroutine.
func (s *Session) ID() string {
	if custom := s.customID(); custom != "" {
		return custom
	}
	return s.id.String()
}

// Protocol returns the revision of Engine.IO that the client speaks. It may be
// called from any goroutine.
func (s *Session) Protocol() int { return s.dialect.protocol }

// Handshake returns what is kept of the first request. It may be called from
// any goroutine.
func (s *Session) Handshake() Handshake { return Handshake{s} }

// Loop returns the loop that the session belongs to. It may be called from
// any goroutine.
func (s *Session) Loop() *poller.Loop { return s.shard.loop }

// SetData attaches v to the session.
func (s *Session) SetData(v any) { s.data = v }

// Data returns what SetData attached, or nil.
func (s *Session) Data() any { return s.data }

// Send sends the packets of f and of the frames chained behind it, which stay
// together. Text frames carry the packet as it is on the wire, with the type
// digit in front; a binary frame is the payload of one message. Order is kept,
// across an upgrade too. It takes over one reference, and reports false when
// the session is not open or the policy at the limit dropped the frame.
func (s *Session) Send(f *frame.Frame) bool { return s.sendMessage(f, false) >= poller.Queued }

// Offer is Send with the whole answer. f may bring a policy and a key of its
// own, see [poller.Conn.Offer]; they count on every transport.
func (s *Session) Offer(f *frame.Frame) poller.Outcome { return s.sendMessage(f, false) }

// SendControl is Send for what must not be dropped by the policy: a session
// with twice the limit buffered is closed instead.
func (s *Session) SendControl(f *frame.Frame) bool { return s.sendMessage(f, true) >= poller.Queued }

// Queued returns the bytes that wait for the client to take more.
func (s *Session) Queued() int { return s.tr.queued() }

// SetLimit changes, for this session, what bounds the bytes that wait for the
// client, and what happens there. 0 means Config.Poller.MaxQueueBytes, negative
// no bound. It stays over an upgrade.
func (s *Session) SetLimit(maxBytes int, o poller.Overflow) {
	if maxBytes == 0 {
		maxBytes = s.shard.srv.cfg.Poller.MaxQueueBytes
	}
	s.tr.setLimit(maxBytes, o)
}

func (s *Session) sendMessage(f *frame.Frame, control bool) poller.Outcome {
	if s.state != Open {
		f.Release()
		return poller.Closed
	}
	n := 0
	for g := f; g != nil; g = g.Next() {
		n++
	}
	if s.shard.srv.cfg.OnPacketCreate != nil {
		s.showOut(f)
	}
	size := f.Size()
	o := s.tr.send(f, control)
	if o < poller.Queued {
		if o == poller.Dropped {
			s.shard.count.newest.Add(1)
		}
		return o
	}
	s.shard.count.packetsOut.Add(uint64(n))
	s.shard.count.messagesOut.Add(uint64(n))
	s.shard.count.bytesOut.Add(uint64(size))
	return o
}

// sendPacket sends a packet that is no message. It takes over a reference.
func (s *Session) sendPacket(f *frame.Frame) {
	if s.shard.srv.cfg.OnPacketCreate != nil && s.state == Open {
		s.showOut(f)
	}
	if s.state == Open && s.tr.send(f, true) >= poller.Queued {
		s.shard.count.packetsOut.Add(1)
	}
}

// Writable reports whether what is sent now would leave at once: on polling a
// GET is pending and nothing is buffered, on WebSocket nothing is queued. What
// may be lost (volatile packets) is sent only then.
func (s *Session) Writable() bool { return s.state == Open && s.tr.writable() }

// Pause stops reading messages from the client, who is held by TCP then. Some
// that have been received may still be delivered: up to what the loop read in
// one go on WebSocket, up to one payload on polling. While a session is paused
// it does not run into a ping timeout.
func (s *Session) Pause() {
	if s.flags&flagPaused == 0 && s.state != Closed {
		s.flags |= flagPaused
		s.tr.pause()
	}
}

// Resume reads messages again after Pause, and begins the time for a pong anew.
func (s *Session) Resume() {
	if s.flags&flagPaused == 0 || s.state == Closed {
		return
	}
	s.flags &^= flagPaused
	if s.timing == nextPong {
		s.arm(nextPong, s.patience())
	}
	s.tr.resume()
}

// Write sends one message. It may be called from any goroutine; order is kept
// for each of them. An error tells that the server is closed: whether the
// client gets the message is not known here. Ownership: data is copied.
func (s *Session) Write(data []byte, binary bool) error {
	f := messageFrame(data, binary)
	if !s.shard.Post(sendPosted, s, f) {
		f.Release()
		return ErrClosed
	}
	return nil
}

func sendPosted(s, f any) { s.(*Session).Send(f.(*frame.Frame)) }

// Close ends the session when what is buffered has been handed over. OnClose
// follows with ForcedClose. It may be called from any goroutine and takes
// effect later.
func (s *Session) Close() { s.shard.Post(closePosted, s, nil) }

func closePosted(s, _ any) { s.(*Session).CloseNow() }

// Discard ends the session and drops what is buffered. It may be called from
// any goroutine and takes effect later.
func (s *Session) Discard() { s.shard.Post(discardPosted, s, nil) }

func discardPosted(s, _ any) { s.(*Session).shut(true) }

// CloseNow is Close for the loop of the session, with effect before it
// returns. It reports whether the session is over; if not, the client has to
// ask once more (long-polling) and the session ends when it did, or 30 seconds
// later.
func (s *Session) CloseNow() bool { return s.shut(false) }

// shut closes from the server's side (reference: Socket.close).
func (s *Session) shut(discard bool) bool {
	if s.state == Open || s.state == Closing && discard {
		s.state = Closing
		s.publish()
		if s.tr.close(discard) {
			s.finish(ForcedClose, nil)
		} else {
			s.arm(lastPoll, closeTimeout)
		}
	}
	return s.state == Closed
}
