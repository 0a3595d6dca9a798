package load

import (
	"fmt"
	"strings"
	"testing"
)

// TestWords: in every dialect a message is asked and answered in these bytes.
func TestWords(t *testing.T) {
	const filler = "abcdefghijklmnopqrstuvwxy"
	for _, c := range []struct{ dialect, event, room, ask, answer string }{
		{SocketIO4, "echo", "", `42["echo","%s"]`, `42["echo","%s"]`},
		{SocketIO4, "ack", "", `4210000007["ack","%s"]`, `4310000007["%s"]`},
		{SocketIO4, "bcast", "", `42["bcast","%s"]`, `42["bcast","%s"]`},
		{SocketIO4, "room", "r1", `42["room","r1","%s"]`, `42["room","%s"]`},
		{SocketIO2, "room", "r1", `42["room","r1","%s"]`, `42["room","%s"]`},
		{Centrifuge, "echo", "", `{"id":10000007,"rpc":{"method":"echo","data":"%s"}}`, `{"id":10000007,"rpc":{"data":"%s"}}`},
		{Centrifuge, "ack", "", `{"id":10000007,"rpc":{"method":"ack","data":"%s"}}`, `{"id":10000007,"rpc":{"data":"%s"}}`},
		{Centrifuge, "bcast", "r1", `{"id":10000007,"publish":{"channel":"bcast","data":"%s"}}`, `{"push":{"channel":"bcast","pub":{"data":"%s"}}}`},
		{Centrifuge, "room", "r1", `{"id":10000007,"publish":{"channel":"r1","data":"%s"}}`, `{"push":{"channel":"r1","pub":{"data":"%s"}}}`},
	} {
		m := newMessage(dialects[c.dialect].words(c.event, c.room), 40)
		want := fmt.Sprintf(c.ask, "0001f.00000007."+filler)
		if got := packetOf(t, m.frame(0x1f, 7, 7).Wire()); got != want {
			t.Errorf("%s, %s: asks %s, want %s", c.dialect, c.event, got, want)
		}
		answer := fmt.Sprintf(c.answer, "0001f.00000007."+filler)
		if stream, number, ok := m.match([]byte(answer)); !ok || stream != 0x1f || number != 7 {
			t.Errorf("%s, %s: match(%s) = %x, %d, %v", c.dialect, c.event, answer, stream, number, ok)
		}
		for i := range answer {
			b := []byte(answer)
			b[i] ^= 0x40
			if stream, number, ok := m.match(b); ok && stream == 0x1f && number == 7 {
				t.Errorf("%s, %s: match(%q) does not see byte %d", c.dialect, c.event, b, i)
			}
		}
	}
}

// talk hands c the text messages of a conversation until it refuses one, and
// returns how many it took.
func talk(c *client, packets ...string) (taken int) {
	for i, p := range packets {
		if err := c.packet([]byte(p)); err != nil {
			return i
		}
	}
	return len(packets)
}

// alone is one client without a connection, whose WebSocket has been opened.
func alone(t *testing.T, d string) *client {
	t.Helper()
	f := silent(t, Config{Scenario: "broadcast", Dialect: d, Event: "bcast"}, 1)
	f.sc, f.beating = quiet{}, true
	c := f.clients[0]
	f.opening = 1
	f.dialect.opened(c)
	return c
}

func TestGreetings(t *testing.T) {
	const open = `0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}`
	const welcome = `{"id":1,"connect":{"client":"x","subs":{"bcast":{}},"ping":25,"pong":true}}`
	for _, c := range []struct {
		dialect string
		packets []string
		taken   int // all of them: the client is in
	}{
		{SocketIO4, []string{open, `40{"sid":"y"}`}, 2},
		{SocketIO4, []string{open, "2", `40{"sid":"y"}`, "2", "6"}, 5},
		{SocketIO4, []string{`40{"sid":"y"}`}, 0},
		{SocketIO4, []string{open, `44{"message":"no"}`}, 1},
		{SocketIO4, []string{open, open}, 1},
		{SocketIO4, []string{""}, 0},
		{SocketIO4, []string{open, "40", `42["bcast"]`}, 2},
		{SocketIO2, []string{open, "40"}, 2},
		{SocketIO2, []string{open, "40", "2"}, 2}, // clients ask
		{SocketIO2, []string{open, "40", "3"}, 2}, // and nobody did
		{SocketIO2, []string{`0{"sid":"x"}`}, 0},
		{SocketIO2, []string{`0{"pingInterval":1,"x":1}`}, 0},
		{Centrifuge, []string{welcome, "{}"}, 2},
		{Centrifuge, []string{"{}\n" + welcome + "\n{}"}, 1},
		{Centrifuge, []string{`{"id":1,"error":{"code":100,"message":"x"}}`}, 0},
		{Centrifuge, []string{welcome + "\n"}, 0},
		{Centrifuge, []string{welcome, welcome}, 1},
	} {
		cl := alone(t, c.dialect)
		if taken := talk(cl, c.packets...); taken != c.taken || taken == len(c.packets) && cl.state != joined {
			t.Errorf("%s: %q: took %d, want %d; state %d", c.dialect, c.packets, taken, c.taken, cl.state)
		}
	}
}

// TestCentrifugeFence: nothing but answers to subscriptions may come in front of
// the fence's answer.
func TestCentrifugeFence(t *testing.T) {
	for _, c := range []struct {
		lines string
		ok    bool
	}{
		{centrifugeFenced, true},
		{centrifugeJoined + "\n" + centrifugeFenced, true},
		{`{"id":2,"error":{"code":105,"message":"already subscribed"}}`, false},
		{`{"push":{"channel":"bcast","pub":{"data":"x"}}}`, false},
		{strings.Replace(centrifugeFenced, "fence", "fince", 1), false},
	} {
		cl := alone(t, Centrifuge)
		cl.state, cl.fence, cl.f.fences = joined, true, 1
		if ok := talk(cl, c.lines) == 1; ok != c.ok || cl.fence == c.ok || (cl.f.fences == 0) != c.ok {
			t.Errorf("%q: taken %v, fence %v", c.lines, ok, cl.fence)
		}
	}
}

// TestConfirmations: one for each message, in their order.
func TestConfirmations(t *testing.T) {
	confirm := func(n int) string { return fmt.Sprintf(`{"id":%d,"publish":{}}`, firstAck+n) }
	for _, c := range []struct {
		lines string
		owed  int
		ok    bool
	}{
		{confirm(1), 1, true},
		{confirm(1) + "\n" + confirm(2), 0, true},
		{confirm(2), 2, false},
		{confirm(1) + "\n" + confirm(1), 1, false},
		{confirm(1) + "\n" + confirm(2) + "\n" + confirm(3), 0, false},
		{`{"id":1000000x,"publish":{}}`, 2, false},
		{`{"xd":10000001,"publish":{}}`, 2, false},
		{`{"id":10000001,"error":{"code":103,"message":"no"}}`, 2, false},
	} {
		cl := alone(t, Centrifuge)
		cl.state, cl.sent, cl.f.owed = joined, 2, 2
		l := newCastLoad(cl.f)
		cl.f.sc = l
		l.msg = newMessage(cl.f.dialect.words("bcast", ""), cl.f.cfg.Payload)
		if ok := talk(cl, c.lines) == 1; ok != c.ok || cl.f.owed != c.owed {
			t.Errorf("%q: taken %v, %d owed", c.lines, ok, cl.f.owed)
		}
		if l.drained() != (cl.f.owed == 0) {
			t.Errorf("%q: drained while the server owes %d", c.lines, cl.f.owed)
		}
	}
}

// TestBeats: in a dialect whose clients send the heartbeats, a server that does
// not answer one within an interval voids the run.
func TestBeats(t *testing.T) {
	c := alone(t, SocketIO2)
	c.state = joined
	turn := func() {
		for range beatTurns {
			c.f.beatNext()
		}
	}
	turn()
	if talk(c, "3") != 1 || c.f.count.pings != 1 {
		t.Errorf("an answer is refused, or not counted: %d", c.f.count.pings)
	}
	turn()
	if c.f.err != nil {
		t.Errorf("a void run: %v", c.f.err)
	}
	turn()
	if c.f.err == nil {
		t.Error("no answer, and no fault")
	}
}

// FuzzPacket: whatever a server sends, a client says so or counts a message that
// somebody sent.
func FuzzPacket(f *testing.F) {
	for _, s := range []string{"2", "40", "42", `42["bcast","00000.00000001.` + strings.Repeat("a", 10) + `"]`, `{}`, "{}\n{}", "\n",
		`{"id":10000001,"publish":{}}`, `{"push":{"channel":"bcast","pub":{"data":"00000.00000001."}}}`} {
		f.Add([]byte(s), uint8(0), false)
		f.Add([]byte(s), uint8(2), true)
	}
	names := []string{SocketIO4, SocketIO2, Centrifuge}
	f.Fuzz(func(t *testing.T, p []byte, which uint8, fence bool) {
		c := alone(t, names[int(which)%len(names)])
		c.state, c.fence, c.f.fences = joined, fence, 1
		l := newCastLoad(c.f)
		c.f.sc = l
		l.msg = newMessage(c.f.dialect.words("bcast", ""), c.f.cfg.Payload)
		l.streams = []stream{{from: c, msg: l.msg, sent: 1}}
		l.audience = func(int) int { return 2 }
		c.last, c.sent, c.f.owed = make([]uint32, 1), 1, 1
		err := c.packet(p)
		if err == nil && c.f.count.ops > 1 || c.f.owed < 0 || c.got > c.sent {
			t.Errorf("%q: %d deliveries of one message, %d confirmations owed", p, c.f.count.ops, c.f.owed)
		}
	})
}

// TestPacketsDoNotAllocate: a delivery and a confirmation are checked where they
// lie.
func TestPacketsDoNotAllocate(t *testing.T) {
	const many = 1 << 20
	for _, name := range []string{SocketIO4, SocketIO2, Centrifuge} {
		c := alone(t, name)
		l := newCastLoad(c.f)
		c.f.sc, c.state, c.last = l, joined, make([]uint32, 1)
		l.msg = newMessage(c.f.dialect.words("bcast", ""), c.f.cfg.Payload)
		l.streams = []stream{{from: c, msg: l.msg, sent: many}}
		l.audience = func(int) int { return many }
		b := answer(l.msg, 0, 0)
		stamp := &message{stamp: len(l.msg.head)}
		number := uint32(0)
		if n := testing.AllocsPerRun(100, func() {
			number++
			stamp.stampPlain(b, 0, number, 0)
			if err := c.packet(b); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations for a delivery", name, n)
		}
	}
	c := alone(t, Centrifuge)
	c.state, c.sent = joined, many
	b := fmt.Appendf(nil, `{"id":%d,"publish":{}}`, firstAck)
	if n := testing.AllocsPerRun(100, func() {
		putDecimal(b[len(centrifugeID):len(centrifugeID)+ackDigits], firstAck+c.got+1)
		if err := c.packet(b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a confirmation", n)
	}
}
