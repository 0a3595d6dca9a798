package sio

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Attacks on the packet layer that have a name: those of socket.io, of its
// parser and of their kin. Each is tried at a server with a bystander, who must
// notice nothing.

// target is a server that is attacked.
type target struct {
	t      *testing.T
	srv    *Server
	addr   string
	ended  chan gone
	by     *testClient
	joined chan *Socket
}

func attack(t *testing.T, cfg Config) *target {
	t.Helper()
	a := &target{t: t, ended: make(chan gone, 16), joined: make(chan *Socket, 16)}
	a.srv, a.addr = serve(t, cfg)
	a.srv.OnConnection(func(s *Socket) { a.joined <- s })
	a.srv.OnDisconnect(func(_ *Socket, r Reason, err error) { a.ended <- goneOf(r, err) })
	a.srv.OnRaw("a", func(e *RawEvent) { _ = e.Ack([]byte(`"ok"`)) })
	a.by = join(t, a.addr, "/")
	recv(t, a.joined)
	return a
}

// refuses sends packets that must end the connection with the reason.
func (a *target) refuses(name, reason string, packets ...string) {
	a.t.Helper()
	c := join(a.t, a.addr, "/")
	recv(a.t, a.joined)
	c.send(packets...)
	if got := recv(a.t, a.ended); got.err != reason || got.reason != ReasonForcedClose {
		a.t.Errorf("%s: %+v, want %q", name, got, reason)
	}
	c.expectClosed()
	a.unharmed()
}

// takes sends packets, the last of which asks for acknowledgement 1.
func (a *target) takes(name string, packets ...string) {
	a.t.Helper()
	c := join(a.t, a.addr, "/")
	recv(a.t, a.joined)
	c.send(packets...)
	if got := c.next(); got != `31["ok"]` {
		a.t.Errorf("%s: %q", name, got)
	}
	_ = c.conn.Close()
	recv(a.t, a.ended)
}

// unharmed checks that the bystander is served.
func (a *target) unharmed() {
	a.t.Helper()
	a.by.send(`21["a"]`)
	a.by.expect(`31["ok"]`)
}

// TestCVE_2022_2421: the number of a placeholder is an index, and nothing else.
func TestCVE_2022_2421(t *testing.T) {
	a := attack(t, Config{})
	for _, num := range []string{`"splice"`, `"0"`, `""`, `1`, `-1`, `1000000000`, `99999999999999999999`, `0.5`, `true`, `null`, `[0]`, `{"num":0}`} {
		a.refuses("num "+num, errPlaceholder.Text, `51-["a",{"x":[{"_placeholder":true,"num":`+num+`}]}]`, "b:x")
	}
	a.refuses("without num", errPlaceholder.Text, `51-["a",{"_placeholder":true}]`, "b:x")
	a.takes("the first of one", `51-1["a",{"_placeholder":true,"num":0}]`, "b:x")
	a.takes("no placeholder", `51-1["a",{"_placeholder":false,"num":"splice"}]`, "b:x")
}

// TestCVE_2023_32695: the name of an event is a string or a number.
func TestCVE_2023_32695(t *testing.T) {
	a := attack(t, Config{})
	for _, name := range []string{`{"toString":"foo"}`, `{}`, `[]`, `["a"]`, `null`, `true`, `false`} {
		a.refuses("name "+name, errInvalidPayload.Text, "2["+name+"]")
		a.refuses("binary, name "+name, errInvalidPayload.Text, "51-["+name+"]", "b:x")
	}
	a.takes("a string", `21["a"]`)
	a.srv.OnRaw("7", func(e *RawEvent) { _ = e.Ack([]byte(`"ok"`)) })
	a.takes("a number", `21[7]`)
}

// TestCVE_2024_38355: no name of an event can do harm, whether anybody listens
// or not.
func TestCVE_2024_38355(t *testing.T) {
	a := attack(t, Config{})
	c := join(t, a.addr, "/")
	recv(t, a.joined)
	for _, name := range []string{"error", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "connection", "close", "", `\u0000`} {
		c.send(`2["`+name+`",{"x":1}]`, `51-["`+name+`",{"_placeholder":true,"num":0}]`, "b:x")
	}
	c.send(`21["a"]`)
	c.expect(`31["ok"]`)
	for _, name := range []string{"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener", `\u0064isconnect`} {
		a.refuses("reserved "+name, errInvalidPayload.Text, `2["`+name+`"]`)
	}
}

// TestCVE_2026_33151: attachments are bounded in number, bytes and time.
func TestCVE_2026_33151(t *testing.T) {
	a := attack(t, Config{MaxHTTPBufferSize: 10_000})
	blobs := func(n, size int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = "b:" + strings.Repeat("x", size)
		}
		return all
	}
	a.takes("ten", append([]string{`510-1["a"]`}, blobs(10, 900)...)...)
	for _, n := range []string{"11", "599999999", "99999999999999999999999", "00000000000000000000011"} {
		a.refuses(n+" attachments", errTooManyAttached.Text, "5"+n+`-["a"]`)
		a.refuses(n+" attachments of an ACK", errTooManyAttached.Text, "6"+n+`-0[]`)
	}
	for _, head := range []string{"5-1-", "5 1-", "51.5-", "5+1-", "51e0-", "5", "51", "5x-"} {
		a.refuses("head "+head, errIllegalCount.Text, head+`["a"]`)
	}
	packet := `52-1["a"]`
	fill := 10_000 - len(packet)
	a.takes("bytes at the limit", append([]string{packet}, "b:"+strings.Repeat("x", fill/2), "b:"+strings.Repeat("x", fill-fill/2))...)
	a.refuses("a byte more", errPacketTooLarge.Text, packet, "b:"+strings.Repeat("x", fill/2), "b:"+strings.Repeat("x", fill-fill/2+1))
	a.refuses("text while they are awaited", errPlaintext.Text, `52-["a"]`, "b:x", `2["a"]`)

	c := join(t, a.addr, "/")
	s := recv(t, a.joined)
	c.send(`52-["a"]`, "b:x")
	awaited := func() bool {
		var there bool
		onLoopOf(t, s, func() { p := clientOf(s.sess).parts; there = p != nil && len(p.task.ends) == 1 })
		return there
	}
	eventually(t, "one of two attachments is there", awaited)
	onLoopOf(t, s, func() { p := clientOf(s.sess).parts; p.OnTimer(&p.Timer) }) // as after attachmentsTimeout
	if got := recv(t, a.ended); got.err != errAttachmentsLate.Text {
		t.Errorf("too late: %+v", got)
	}
	c.expectClosed()
}

// TestCVE_2026_69185: a packet that announces no attachment opens nothing that
// later ones could pile up in.
func TestCVE_2026_69185(t *testing.T) {
	a := attack(t, Config{})
	for _, head := range []string{"50-", "500-", "60-", "50-/x,"} {
		a.refuses("head "+head, errIllegalCount.Text, head+`["a"]`, "b:x", "b:x")
	}
	a.refuses("a binary message out of nowhere", errBinary.Text, "b:x")
}

// TestCVE_2020_36049: what is read digit by digit, or up to a comma, has a
// limit; long packets cost as much time as they have bytes, and no memory.
func TestCVE_2020_36049(t *testing.T) {
	a := attack(t, Config{})
	a.takes("an id of one", `21["a"]`)
	a.refuses("id above 2^53", errIllegalID.Text, `29007199254740993["a"]`)
	a.refuses("100,000 digits", errIllegalID.Text, "2"+strings.Repeat("1", 100_000)+`["a"]`)
	a.refuses("100,000 digits of attachments", errTooManyAttached.Text, "5"+strings.Repeat("1", 100_000)+`-["a"]`)
	a.refuses("a namespace of 257 bytes", errLongNamespace.Text, "0/"+strings.Repeat("x", maxNamespaceBytes))
	a.refuses("a name of 1,025 bytes", errLongEvent.Text, `2["`+strings.Repeat("x", maxEventBytes+1)+`"]`)
	c := join(t, a.addr, "/")
	recv(t, a.joined)
	c.send("29007199254740992" + `["a"]`)
	c.expect(`39007199254740992["ok"]`)
	long := "/" + strings.Repeat("x", maxNamespaceBytes-1)
	c.send("0" + long)
	c.expect("4" + long + `,{"message":"Invalid namespace"}`)
	c.send(`2["`+strings.Repeat("x", maxEventBytes)+`"]`, `21["a"]`)
	c.expect(`31["ok"]`)

	lim := limits{attachments: 10, depth: 128}
	for name, text := range map[string]string{
		"digits": "2" + strings.Repeat("0", 1_000_000) + `["a"]`, "namespace": "2/" + strings.Repeat("x", 1_000_000), "string": `2["a","` + strings.Repeat("x", 1_000_000) + `"]`,
	} {
		b := []byte(text)
		if n := testing.AllocsPerRun(5, func() { var p packet; _ = p.decode(b, lim) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestNestingIsBounded: a megabyte of brackets is refused where the limit is
// crossed, without recursion or memory.
func TestNestingIsBounded(t *testing.T) {
	a := attack(t, Config{})
	for _, pair := range []struct{ open, inner, end string }{{"[", "1", "]"}, {`{"k":`, "1", "}"}} {
		nested := func(n int) string {
			return strings.Repeat(pair.open, n) + pair.inner + strings.Repeat(pair.end, n)
		}
		a.takes("128 levels", `21["a",`+nested(127)+"]")
		a.refuses("129 levels", errInvalidPayload.Text, `21["a",`+nested(128)+"]")
		a.refuses("a megabyte", errInvalidPayload.Text, (`2["a",` + strings.Repeat(pair.open, 1_000_000))[:990_000])
	}
	b := []byte("2" + strings.Repeat("[", 1_000_000))
	from := time.Now()
	if n := testing.AllocsPerRun(100, func() { var p packet; _ = p.decode(b, limits{depth: 128}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if d := time.Since(from) / 101; d > 5*time.Millisecond {
		t.Errorf("%v for a megabyte of brackets", d)
	}
}

// TestCONNECTFloodStaysSmall: CONNECTs to namespaces that are not there are
// answered and forgotten; those to namespaces that are have a limit.
func TestCONNECTFloodStaysSmall(t *testing.T) {
	a := attack(t, Config{MaxNamespaces: 4})
	for i := range 8 {
		a.srv.Of(fmt.Sprintf("/n%d", i))
	}
	c := join(t, a.addr, "/")
	recv(t, a.joined)
	const many = 20_000
	before := heap()
	for i := range many {
		c.send(fmt.Sprintf("0/x%d,", i))
		c.expect(fmt.Sprintf(`4/x%d,{"message":"Invalid namespace"}`, i))
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d CONNECTs leave %d bytes", many, grown)
	}
	for i := range 3 {
		c.send(fmt.Sprintf("0/n%d,", i))
		if got := c.next(); !strings.HasPrefix(got, fmt.Sprintf(`0/n%d,{"sid":`, i)) {
			t.Errorf("namespace %d: %s", i+2, got)
		}
	}
	c.send("0/n3,")
	c.expect(`4/n3,{"message":"too many namespaces"}`)
	c.send(`21["a"]`)
	c.expect(`31["ok"]`)
}

// TestJoinsAndLeavesLeaveNothing: rooms cost memory while somebody is in them.
func TestJoinsAndLeavesLeaveNothing(t *testing.T) {
	a := attack(t, Config{})
	_ = join(t, a.addr, "/")
	s := recv(t, a.joined)
	const many = 100_000
	turn := func() {
		for i := range many {
			name := fmt.Sprintf("room %d", i)
			if err := s.Join(name); err != nil {
				t.Fatal(err)
			}
			s.Leave(name)
			if i%1000 == 999 {
				onLoopOf(t, s, func() {})
			}
		}
	}
	turn() // what is kept for the next time is there
	before := heap()
	turn()
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("%d joins and leaves leave %d bytes", many, grown)
	}
	if n := len(s.Rooms()); n != 1 {
		t.Errorf("%d rooms", n)
	}
	a.unharmed()
}
