package sio

import (
	"strings"
	"testing"
	"time"
)

// TestViolations holds the table of what the reference does on malformed
// packets: the connection is closed and every socket hears why.
func TestViolations(t *testing.T) {
	joined := make(chan *Socket, 1)
	ended := make(chan gone, 1)
	srv, addr := serve(t, Config{})
	srv.OnConnection(func(s *Socket) { joined <- s })
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	srv.On("a", func(*Socket, []any, Ack) {})
	const invalid = "invalid payload"
	tests := []struct {
		name string
		send []string
		want string
	}{
		{"CONNECT twice", []string{"0"}, "invalid state"},
		{"CONNECT_ERROR from the client", []string{`4{"message":"x"}`}, "invalid state"},
		{"event for a namespace that was not joined", []string{`2/other,["a"]`}, "invalid state"},
		{"DISCONNECT of a namespace that was not joined", []string{"1/other,"}, "invalid state"},
		{"CONNECT with an array", []string{"0/other,[1]"}, invalid},
		{"CONNECT with a string", []string{`0/other,"x"`}, invalid},
		{"CONNECT with null", []string{"0/other,null"}, invalid},
		{"no event name", []string{"2[]"}, invalid},
		{"event name null", []string{"2[null]"}, invalid},
		{"event with an object", []string{"2{}"}, invalid},
		{"truncated JSON", []string{`2["a`}, invalid},
		{"trailing junk", []string{`2["a"]x`}, invalid},
		{"reserved name", []string{`2["disconnect"]`}, invalid},
		{"ACK with junk", []string{"3x{}"}, invalid},
		{"DISCONNECT with payload", []string{"1{}"}, invalid},
		{"unknown type", []string{"7"}, "unknown packet type 7"},
		{"no type", []string{"abc"}, "unknown packet type NaN"},
		{"nothing", []string{""}, "empty packet"},
		{"no attachments", []string{`5["a"]`}, "Illegal attachments"},
		{"text while attachments are awaited", []string{`51-["a",{"_placeholder":true,"num":0}]`, `2["a"]`}, "got plaintext data when reconstructing a packet"},
		{"binary while none is awaited", []string{"b:x"}, "got binary data when not reconstructing a packet"},
		{"binary behind the last", []string{`51-["a"]`, "b:x", "b:y"}, "got binary data when not reconstructing a packet"},
		{"placeholder out of range", []string{`51-["a",{"_placeholder":true,"num":5}]`, "b:x"}, "illegal attachments"},
		{"TestCVE_2022_2421", []string{`51-["a",{"_placeholder":true,"num":"splice"}]`, "b:x"}, "illegal attachments"},
		{"TestCVE_2023_32695", []string{`2[{"toString":"foo"}]`}, invalid},
		{"TestCVE_2026_33151 many attachments", []string{`5999999999-["a"]`}, "too many attachments"},
		{"TestCVE_2026_33151 eleven attachments", []string{`511-["a"]`}, "too many attachments"},
		{"TestCVE_2026_69185 zero attachments", []string{`50-["a"]`}, "Illegal attachments"},
		{"TestCVE_2020_36049 long digits", []string{"2" + strings.Repeat("1", 100_000) + `["a"]`}, "illegal acknowledgement id"},
		{"deep JSON", []string{"2" + strings.Repeat("[", 500_000)}, invalid},
		{"long namespace", []string{"0/" + strings.Repeat("x", 1000)}, "namespace name too long"},
	}
	for _, tt := range tests {
		c := join(t, addr, "/")
		s := recv(t, joined)
		c.send(tt.send...)
		if got := recv(t, ended); got.err != tt.want || got.reason != ReasonForcedClose {
			t.Errorf("%s: %+v, want %q, %q", tt.name, got, ReasonForcedClose, tt.want)
		}
		c.expectClosed()
		if s.Connected() {
			t.Errorf("%s: still connected", tt.name)
		}
	}
	if n := srv.Stats().Violations; n != uint64(len(tests)) {
		t.Errorf("%d violations counted, %d made", n, len(tests))
	}
}

// TestTolerated is what looks odd and is accepted, as by the reference.
func TestTolerated(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.Of("/ok")
	srv.OnRaw("error", func(e *RawEvent) { _ = e.Socket().EmitRaw("got", []byte(`"error"`)) })
	srv.OnRaw("1", func(e *RawEvent) { _ = e.Socket().EmitRaw("got", e.Args()) })
	srv.OnRaw("bin", func(e *RawEvent) { _ = e.Socket().EmitRaw("got", e.Args(), e.Attachments()...) })
	c := join(t, addr, "/")
	c.send("2", "212", `3["x"]`, `399["x"]`, "399", `2["__proto__"]`, `2["connection"]`, `2["error",1]`)
	c.expect(`2["got","error"]`)
	c.send("2[1,2]")
	c.expect(`2["got",2]`)
	c.send(`52-["bin",{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}]`, "b:x", "b:y")
	c.expect(`52-["got",{"_placeholder":true,"num":1},{"_placeholder":true,"num":1}]`, "b:x", "b:y")
	c.send("0/ok")
	if got := c.next(); !strings.HasPrefix(got, `0/ok,{"sid":`) {
		t.Errorf("CONNECT without comma: %q", got)
	}
	c = dial(t, addr)
	c.send("01{}")
	if got := c.next(); !strings.HasPrefix(got, `0{"sid":`) {
		t.Errorf("CONNECT with an id: %q", got)
	}
	c.send("0/no?a=b,")
	c.expect(`4/no?a=b,{"message":"Invalid namespace"}`)
}

func TestEventBeforeConnectCloses(t *testing.T) {
	_, addr := serve(t, Config{})
	c := dial(t, addr)
	c.send(`2["a"]`)
	c.expectClosed()
}

func TestConnectTimeout(t *testing.T) {
	srv, addr := serve(t, Config{ConnectTimeout: 50 * time.Millisecond})
	silent, unknown, joined := dial(t, addr), dial(t, addr), join(t, addr, "/")
	unknown.send("0/no,")
	silent.expectClosed()
	unknown.expectClosed()
	joined.expectNothing()
	eventually(t, "one connection", func() bool { return srv.Stats().Connections == 1 })
}

func TestAttachmentsAreBoundedInBytes(t *testing.T) {
	srv, addr := serve(t, Config{MaxHTTPBufferSize: 1000})
	ended := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	srv.OnRaw("a", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c := join(t, addr, "/")
	half := "b:" + strings.Repeat("x", 450)
	c.send(`52-1["a"]`, half, half)
	c.expect("31[]")
	c.send(`53-1["a"]`, half, half, half)
	if got := recv(t, ended); got.err != errPacketTooLarge.Text {
		t.Errorf("ended with %+v", got)
	}
	c.expectClosed()
}
