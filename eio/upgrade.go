package eio

import (
	"github.com/sirocco-io/sirocco/poller"
)

// upgrade is the change of a session from polling to another transport (EIO
// v4, "Upgrade"). It exists only as long as that takes. See upgradeState.
type upgrade struct {
	s      *Session
	tr     transport
	base64 bool // the client can't take binary messages
	state  upgradeState
	limit  poller.Timer // until the upgrade is given up
	pump   poller.Timer // until the next noop
}

// begin starts the upgrade on a transport that has just opened, and reports
// false if the session can't be upgraded: the transport is closed then, and
// the session unaffected.
func (u *upgrade) begin(tr transport) bool {
	s := u.s
	if s.state == Closed || s.up != nil || s.via != polling {
		u.state = upgradeFailed
		tr.close(true)
		return false
	}
	u.tr, u.state = tr, probeOpened
	s.up = u
	s.shard.Arm(&u.limit, u, s.shard.srv.cfg.UpgradeTimeout)
	return true
}

// OnTimer is called by the loop.
func (u *upgrade) OnTimer(t *poller.Timer) {
	if t == &u.limit {
		u.fail()
		return
	}
	// The GET that the client waits in is ended, so that it can pause.
	if p, ok := u.s.tr.(*longPoll); ok {
		p.noop()
	}
	u.s.shard.Arm(&u.pump, u, noopInterval)
}

// receive handles one message of the new transport. Ownership: b may be
// written to, and is not kept.
func (u *upgrade) receive(b []byte, binary bool) {
	if u.state != probeOpened && u.state != probing {
		return
	}
	p := u.s.dialect.decode(b, binary)
	switch {
	case p.typ == packetPing && string(p.data) == "probe":
		u.state = probing
		u.tr.send(pongProbeFrame.Retain(1), true)
		u.s.shard.Arm(&u.pump, u, noopInterval)
	case p.typ == packetUpgrade:
		u.switchOver()
	default:
		u.fail()
	}
}

// switchOver makes the new transport the session's: what is buffered goes
// first, so that order is kept.
func (u *upgrade) switchOver() {
	s, old := u.s, u.s.tr
	u.stop(switched)
	s.flags |= flagUpgraded
	s.shard.count.upgrades.Add(1)
	if p, ok := old.(*longPoll); ok {
		p.hand(u.tr)
	}
	s.adopt(u.tr)
	if s.flags&flagPaused != 0 {
		s.tr.pause()
	}
	if s.state == Closing {
		s.tr.close(false)
		s.finish(ForcedClose, nil)
		return
	}
	s.tellUpgrade()
}

// lost handles the end of the new transport: the session stays on the old one.
func (u *upgrade) lost() {
	if u.state == probeOpened || u.state == probing {
		u.stop(upgradeFailed)
	}
}

// fail gives the upgrade up and closes the new transport.
func (u *upgrade) fail() {
	if u.state == probeOpened || u.state == probing {
		u.stop(upgradeFailed)
		u.tr.close(true)
	}
}

func (u *upgrade) stop(state upgradeState) {
	u.state = state
	u.s.up = nil
	u.s.shard.Disarm(&u.limit)
	u.s.shard.Disarm(&u.pump)
}
