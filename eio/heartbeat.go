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

// schedulePing arms the timer for the next ping (EIO v4, "Heartbeat").
func (s *Session) schedulePing() { s.arm(nextPing, s.shard.srv.cfg.PingInterval) }

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
	s.arm(nextPong, s.shard.srv.cfg.PingTimeout)
}

// gotPong starts the time to the next ping; the reference accepts pongs that
// nobody asked for.
func (s *Session) gotPong() { s.schedulePing() }

// extendPong gives a client that is sending something big, in front of its
// pong, once the full time again.
func (s *Session) extendPong(p packetType) {
	if s.timing == nextPong && p != packetPong && s.flags&flagExtended == 0 {
		s.flags |= flagExtended
		s.arm(nextPong, s.shard.srv.cfg.PingTimeout)
	}
}

// refusePing ends a session whose client pings though it has to pong.
func (s *Session) refusePing() { s.finish(TransportError, ErrHeartbeatDirection) }
