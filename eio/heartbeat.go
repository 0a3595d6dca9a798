// Hot path: no allocation, no lock, no time.Now.

package eio

import (
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// sessionTimer is a Session as the handler of its timer.
type sessionTimer Session

// OnTimer is called by the loop when the session's timer fires.
func (t *sessionTimer) OnTimer(*poller.Timer) { (*Session)(t).timeout() }

// arm arms the session's one timer.
func (s *Session) arm(what timing, d time.Duration) {
	s.timing = what
	s.shard.Arm(&s.timer, (*sessionTimer)(s), d)
}

// timeout handles the session's timer.
func (s *Session) timeout() {
	if s.timing == lastPoll {
		s.finish(ForcedClose, nil)
		return
	}
	s.dialect.expired(s)
}

// schedulePing arms the timer for the next ping (EIO v4, "Heartbeat"). The
// wheel's timers are late by a tick at most, and there are two in a row: a ping
// that is early by as much ends a silent session within PingInterval and
// PingTimeout, which is what clients count on.
func (s *Session) schedulePing() {
	d := s.shard.srv.cfg.PingInterval
	s.arm(nextPing, d-min(pingEarly, d/10))
}

// heartbeatDue sends the ping that is due, or ends a session whose pong is
// overdue. A pong of a session that does not read may lie unread in the
// kernel: its time begins anew.
func (s *Session) heartbeatDue() {
	if s.timing == nextPong && s.flags&flagPaused == 0 {
		s.finish(PingTimeout, nil)
		return
	}
	if s.timing == nextPing {
		s.flags &^= flagExtended
		s.sendPacket(pingFrame.Retain(1))
	}
	s.arm(nextPong, s.patience())
}

// patience returns how long the client may take for its part.
func (s *Session) patience() time.Duration { return s.dialect.patience(&s.shard.srv.cfg) }

// gotPong starts the time to the next ping; the reference accepts pongs that
// nobody asked for.
func (s *Session) gotPong() { s.schedulePing() }

// extendPong gives a client that is sending something big, in front of its
// pong, once the full time again.
func (s *Session) extendPong(p packetType) {
	if s.timing == nextPong && p != packetPong && s.flags&flagExtended == 0 {
		s.flags |= flagExtended
		s.arm(nextPong, s.patience())
	}
}

// awaitPing starts the time to the client's next ping (EIO v3, "ping").
func (s *Session) awaitPing() { s.arm(nextPong, s.patience()) }

// gotPing answers a client that pings.
func (s *Session) gotPing() {
	s.awaitPing()
	s.sendPacket(pongFrame.Retain(1))
}

// refuseBeat ends a session whose client pings though it has to pong, or the
// other way round.
func (s *Session) refuseBeat() { s.finish(TransportError, ErrHeartbeatDirection) }
