package eio

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// probed is a session in the middle of a lawful upgrade: the probe was answered, a GET is pending.
func probed(t *testing.T) *sim {
	m := newSim(t, Config{})
	m.startPolling()
	m.read()
	m.sendGet()
	m.openWebSocket()
	m.sendWebSocket("2probe")
	m.read()
	if !m.take("3probe") {
		t.Fatal("the probe was not answered")
	}
	return m
}

func TestUpgradeKeepsWhatIsBuffered(t *testing.T) {
	m := probed(t)
	m.downward() // leaves through the pending GET
	m.loop.settle()
	m.read()
	m.downward() // nothing is pending: it waits
	m.downward()
	m.loop.settle()
	m.sendWebSocket("5")
	m.downward()
	m.loop.settle()
	m.read()
	if want := []string{"1", "2", "3", "4"}; !slices.Equal(m.received, want) {
		t.Errorf("received %q, want %q", m.received, want)
	}
	if m.s.TransportName() != "websocket" || !m.s.Upgraded() {
		t.Errorf("transport %q, upgraded %v", m.s.TransportName(), m.s.Upgraded())
	}
}

// TestNoopEndsThePollDuringTheUpgrade: every 100 ms, so that the client can pause.
func TestNoopEndsThePollDuringTheUpgrade(t *testing.T) {
	m := probed(t)
	for range 3 {
		m.loop.pass(noopInterval)
		m.read()
		if !m.take("6") || m.get != nil {
			t.Fatal("no noop within 100 ms")
		}
		m.sendGet()
	}
}

func TestUpgradeTimeoutClosesOnlyTheNewTransport(t *testing.T) {
	for _, packets := range [][]string{nil, {"2probe"}} {
		m := newSim(t, Config{UpgradeTimeout: time.Second})
		m.startPolling()
		m.read()
		m.openWebSocket()
		for _, p := range packets {
			m.sendWebSocket(p)
		}
		m.loop.pass(time.Second)
		if !m.ws.closed || m.s.State() != Open || m.s.TransportName() != "polling" {
			t.Errorf("after %q: closed %v, session %v on %s", packets, m.ws.closed, m.s.State(), m.s.TransportName())
		}
		m.openWebSocket() // another try is welcome
		m.sendWebSocket("2probe")
		m.sendWebSocket("5")
		if m.s.TransportName() != "websocket" {
			t.Error("the second try did not succeed")
		}
	}
}

func TestUpgradeRefused(t *testing.T) {
	tests := []struct {
		name    string
		packets []string
		stays   bool // the WebSocket stays open
	}{
		{"5 without a probe upgrades", []string{"5"}, true},
		{"two probes, two answers", []string{"2probe", "2probe"}, true},
		{"a message first", []string{"4hi"}, false},
		{"a ping first", []string{"2"}, false},
		{"another word in the probe", []string{"2probes"}, false},
		{"an empty message", []string{""}, false},
		{"a message behind the probe", []string{"2probe", "4hi"}, false},
	}
	for _, tt := range tests {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.openWebSocket()
		for _, p := range tt.packets {
			m.sendWebSocket(p)
		}
		if m.ws.closed == tt.stays {
			t.Errorf("%s: closed %v", tt.name, m.ws.closed)
		}
		if m.s.State() != Open || len(m.h.log) > 0 {
			t.Errorf("%s: session %v, messages %q", tt.name, m.s.State(), m.h.log)
		}
	}
}

// TestSecondWebSocketIsClosed: while the first one is being probed, and after it took over.
func TestSecondWebSocketIsClosed(t *testing.T) {
	m := probed(t)
	first := m.ws
	second := &simSocket{}
	if (&upgrade{s: m.s}).begin(second) || !second.closed || first.closed {
		t.Error("a second WebSocket was let in beside the first")
	}
	m.sendWebSocket("5")
	third := &simSocket{}
	if (&upgrade{s: m.s}).begin(third) || !third.closed || first.closed {
		t.Error("a WebSocket was let in after the upgrade")
	}
	m.loop.settle()
	if m.s.State() != Open {
		t.Errorf("session %v", m.s.State())
	}
}

func TestWebSocketLostWhileProbing(t *testing.T) {
	m := probed(t)
	m.ws.closed = true
	m.up.lost()
	m.downward()
	m.loop.settle()
	m.read()
	if !slices.Equal(m.received, []string{"1"}) || m.s.State() != Open {
		t.Errorf("received %q, session %v", m.received, m.s.State())
	}
}

// TestCloseDuringTheUpgrade: the pending GET is told, and a late "5" finds the WebSocket closed.
func TestCloseDuringTheUpgrade(t *testing.T) {
	m := probed(t)
	m.s.CloseNow()
	m.loop.settle()
	m.read()
	if m.clientEnd != "close packet" || !m.ws.closed || len(m.h.ends) != 1 {
		t.Errorf("client %q, WebSocket closed %v, ends %q", m.clientEnd, m.ws.closed, m.h.ends)
	}
	m.sendWebSocket("5")
	if m.s.State() != Closed {
		t.Errorf("session %v", m.s.State())
	}
}

// TestHeartbeat of revision 4: the server pings, and times out without a pong.
func TestHeartbeat(t *testing.T) {
	cfg := Config{PingInterval: time.Second, PingTimeout: 300 * time.Millisecond}
	t.Run("pongs keep it open", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		for range 5 {
			m.loop.pass(time.Second)
			m.read()
			if !m.take("2") {
				t.Fatal("no ping after the interval")
			}
			m.loop.pass(200 * time.Millisecond)
			m.sendWebSocket("3")
		}
		if m.s.State() != Open {
			t.Errorf("session %v", m.s.State())
		}
	})
	t.Run("no pong", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		m.loop.pass(1300*time.Millisecond - pingEarly - time.Millisecond)
		if m.s.State() != Open {
			t.Error("closed too early")
		}
		m.loop.pass(time.Millisecond)
		if want := []string{"ping timeout: <nil>"}; !slices.Equal(m.h.ends, want) {
			t.Errorf("ends %q", m.h.ends)
		}
	})
	t.Run("no poll at all", func(t *testing.T) { // reference: GH-198
		m := newSim(t, cfg)
		m.startPolling()
		m.loop.pass(1300 * time.Millisecond)
		if len(m.h.ends) != 1 || !strings.HasPrefix(m.h.ends[0], "ping timeout") {
			t.Errorf("ends %q", m.h.ends)
		}
	})
	t.Run("what is being sent buys the pong time once", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		m.loop.pass(1200*time.Millisecond - pingEarly)
		m.sendWebSocket("4big")
		m.loop.pass(250 * time.Millisecond)
		m.sendWebSocket("4again")
		if m.s.State() != Open {
			t.Fatal("the first message did not extend the time")
		}
		m.loop.pass(50 * time.Millisecond)
		if m.s.State() != Closed {
			t.Error("the second message extended the time, too")
		}
	})
	t.Run("a pong nobody asked for", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		m.sendWebSocket("3")
		m.loop.pass(900 * time.Millisecond)
		m.sendWebSocket("3")
		m.loop.pass(900 * time.Millisecond)
		m.read()
		if m.take("2") || m.s.State() != Open {
			t.Error("the interval did not begin anew")
		}
	})
	t.Run("during the upgrade", func(t *testing.T) { // socketioxide#731
		m := newSim(t, cfg)
		m.startPolling()
		m.openWebSocket()
		m.loop.pass(1300 * time.Millisecond)
		if m.s.State() != Closed || !m.ws.closed {
			t.Error("an upgrade that hangs keeps the session")
		}
	})
	t.Run("a ping from the client", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		m.sendWebSocket("2")
		m.loop.settle()
		if want := []string{"transport error: " + ErrHeartbeatDirection.Error()}; !slices.Equal(m.h.ends, want) {
			t.Errorf("ends %q", m.h.ends)
		}
	})
	t.Run("a paused session is not timed out", func(t *testing.T) {
		m := newSim(t, cfg)
		m.startWebSocket()
		m.s.Pause()
		m.loop.pass(5 * time.Second)
		if m.s.State() != Open {
			t.Fatal("timed out while paused")
		}
		m.s.Resume()
		m.loop.pass(300 * time.Millisecond)
		if m.s.State() != Closed {
			t.Error("not timed out after it was resumed")
		}
	})
}

func TestPollingRules(t *testing.T) {
	tests := []struct {
		name string
		do   func(m *sim)
		end  string // "" for a session that goes on
	}{
		{"two polls", func(m *sim) { m.sendGet(); m.sendGet() }, "transport error: " + ErrPollOverlap.Error()},
		{"garbage", func(m *sim) { m.sendPost("9") }, "parse error: " + ErrInvalidPacket.Error()},
		{"garbage behind a message", func(m *sim) { m.sendPost("41\x1e") }, "parse error: " + ErrInvalidPacket.Error()},
		{"a close packet", func(m *sim) { m.sendPost("1") }, "transport close: <nil>"},
		{"open, upgrade and noop are ignored", func(m *sim) { m.sendPost("0\x1e5\x1e6") }, ""},
		{"two posts in a row", func(m *sim) { m.sendPost("41"); m.sendPost("42") }, ""},
		{"two posts at once", func(m *sim) {
			m.poll.begin(m.request(), false)
			m.sendPost("41")
		}, "transport error: " + ErrDataOverlap.Error()},
		{"a binary post", func(m *sim) {
			if x := m.request(); !m.poll.begin(x, true) {
				x.Respond(400, "", nil, nil)
			}
		}, "transport error: " + ErrInvalidContent.Error()},
		{"the poll's connection goes away", func(m *sim) {
			m.sendGet()
			m.get.cut = true
			m.poll.aborted(m.get)
		}, "transport error: " + ErrPollAborted.Error()},
		{"the post's connection goes away", func(m *sim) {
			x := m.request()
			m.poll.begin(x, false)
			x.cut = true
			m.poll.aborted(x)
		}, "transport error: " + ErrDataAborted.Error()},
		{"a body above the limit", func(m *sim) {
			x := m.request()
			m.poll.begin(x, false)
			m.poll.tooLarge()
			x.Respond(413, "", nil, nil)
		}, ""},
	}
	for _, tt := range tests {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		tt.do(m)
		m.loop.settle()
		got := ""
		if len(m.h.ends) > 0 {
			got = m.h.ends[0]
		}
		if got != tt.end {
			t.Errorf("%s: end %q, want %q", tt.name, got, tt.end)
		}
		m.finish()
		if fault := m.fault(); fault != "" {
			t.Errorf("%s: %s", tt.name, fault)
		}
	}
}

// TestPacketsBehindTheEndAreNotHandled: of one payload, whatever ended the session.
func TestPacketsBehindTheEndAreNotHandled(t *testing.T) {
	for _, payload := range []string{"41\x1e1\x1e42", "41\x1e9\x1e42", "41\x1e2\x1e42"} {
		m := newSim(t, Config{})
		m.startPolling()
		m.sendPost(payload)
		m.loop.settle()
		if !slices.Equal(m.h.log, []string{"1"}) || len(m.h.ends) != 1 || m.h.late > 0 {
			t.Errorf("%q: messages %q, ends %q", payload, m.h.log, m.h.ends)
		}
		if m.post.status != 200 || m.post.body != "ok" {
			t.Errorf("%q: answered %d %q", payload, m.post.status, m.post.body)
		}
	}
}

func TestPayloadPacketsAreLimited(t *testing.T) {
	const limit = 100
	payload := strings.TrimSuffix(strings.Repeat("4x\x1e", limit), "\x1e")
	m := newSim(t, Config{MaxPayloadPackets: limit})
	m.startPolling()
	m.sendPost(payload)
	if m.s.State() != Open || len(m.h.log) != limit {
		t.Errorf("at the limit: %v, %d messages", m.s.State(), len(m.h.log))
	}
	m.read()
	m.sendPost(payload + "\x1e4x")
	m.loop.settle()
	if want := []string{"parse error: " + ErrTooManyPackets.Error()}; !slices.Equal(m.h.ends, want) {
		t.Errorf("above the limit: %q", m.h.ends)
	}
}

// TestServerCloses: what is buffered arrives, then the close packet; without a GET for 30 s it is over.
func TestServerCloses(t *testing.T) {
	t.Run("a GET is pending", func(t *testing.T) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.sendGet()
		if !m.s.CloseNow() {
			t.Error("not closed at once")
		}
		m.read()
		if m.clientEnd != "close packet" {
			t.Errorf("client: %q", m.clientEnd)
		}
	})
	t.Run("messages wait for a GET", func(t *testing.T) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.downward()
		m.downward()
		if m.s.CloseNow() || m.s.State() != Closing {
			t.Fatalf("state %v", m.s.State())
		}
		m.downward() // nothing more is taken
		m.sendGet()
		m.loop.settle()
		m.read()
		// In a payload of their own: the official client acts on a close in front of the messages beside it.
		if !slices.Equal(m.received, []string{"1", "2"}) || m.clientEnd != "" || len(m.h.ends) != 0 {
			t.Errorf("received %q, client %q, ends %q", m.received, m.clientEnd, m.h.ends)
		}
		m.sendGet()
		m.loop.settle()
		m.read()
		if !slices.Equal(m.received, []string{"1", "2"}) || m.clientEnd != "close packet" || !m.take("6") || len(m.h.ends) != 1 {
			t.Errorf("received %q, client %q, ends %q", m.received, m.clientEnd, m.h.ends)
		}
	})
	t.Run("no GET comes", func(t *testing.T) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.downward()
		m.s.CloseNow()
		m.loop.pass(closeTimeout - time.Millisecond)
		if m.s.State() != Closing {
			t.Error("given up too early")
		}
		m.loop.pass(time.Millisecond)
		if want := []string{"forced close: <nil>"}; !slices.Equal(m.h.ends, want) {
			t.Errorf("ends %q", m.h.ends)
		}
	})
	t.Run("discard", func(t *testing.T) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.downward()
		m.s.Discard()
		m.loop.settle()
		if m.s.State() != Closed {
			t.Errorf("state %v", m.s.State())
		}
	})
	t.Run("the client closes meanwhile", func(t *testing.T) {
		m := newSim(t, Config{})
		m.startPolling()
		m.read()
		m.s.CloseNow()
		m.sendPost("4late\x1e1")
		m.loop.settle()
		if want := []string{"transport close: <nil>"}; !slices.Equal(m.h.ends, want) || len(m.h.log) > 0 {
			t.Errorf("ends %q, messages %q", m.h.ends, m.h.log)
		}
	})
}

// TestPausedPostIsAnsweredAfterResume: so is a client of long-polling held.
func TestPausedPostIsAnsweredAfterResume(t *testing.T) {
	m := newSim(t, Config{})
	m.startPolling()
	m.s.Pause()
	m.sendPost("41")
	if m.post.over() {
		t.Fatal("answered while paused")
	}
	m.s.Resume()
	if m.post.status != 200 {
		t.Errorf("status %d after resume", m.post.status)
	}
}

// TestPanicEndsTheSession: of any method of the handler, and reaches OnError.
func TestPanicEndsTheSession(t *testing.T) {
	var reported error
	m := newSim(t, Config{OnError: func(err error) { reported = err }})
	m.srv.handler = panics{m.h}
	m.startWebSocket()
	m.sendWebSocket("4boom")
	m.loop.settle()
	var p *PanicError
	if !errors.As(reported, &p) || p.Value != "boom" || len(p.Stack) == 0 {
		t.Errorf("reported %v", reported)
	}
	if len(m.h.ends) != 1 || !strings.HasPrefix(m.h.ends[0], "forced close: eio: panic: boom") {
		t.Errorf("ends %q", m.h.ends)
	}
}

// panics is a handler that panics with what it is sent.
type panics struct{ *simHandler }

func (panics) OnMessage(_ *Session, b []byte, _ bool) { panic(string(b)) }
