package sio

import (
	"encoding/json"
	"strings"
	"testing"
)

var testLimits = limits{attachments: 10, depth: 128}

// decoded is what a packet looks like in the table below.
type decoded struct {
	kind        packetType
	attachments int
	nsp         string
	id          int64
	name, args  string
}

func TestDecode(t *testing.T) {
	tests := []struct {
		in   string
		want decoded
	}{
		{`0`, decoded{kind: packetConnect, id: noAck}},
		{`0{"token":"123"}`, decoded{kind: packetConnect, id: noAck}},
		{`0/admin,{"token":"123"}`, decoded{kind: packetConnect, nsp: "/admin", id: noAck}},
		{`0/ok`, decoded{kind: packetConnect, nsp: "/ok", id: noAck}},
		{`0/ok?a=b,`, decoded{kind: packetConnect, nsp: "/ok?a=b", id: noAck}},
		{`01{}`, decoded{kind: packetConnect, id: 1}},
		{`1`, decoded{kind: packetDisconnect, id: noAck}},
		{`1/admin,`, decoded{kind: packetDisconnect, nsp: "/admin", id: noAck}},
		{`2`, decoded{kind: packetEvent, id: noAck}},
		{`212`, decoded{kind: packetEvent, id: 12}},
		{`2["hello",1]`, decoded{kind: packetEvent, id: noAck, name: "hello", args: "1"}},
		{`2["hello"]`, decoded{kind: packetEvent, id: noAck, name: "hello"}},
		{`2 [ "hello" , 1 ] `, decoded{kind: packetEvent, id: noAck, name: "hello", args: " 1 "}},
		{`2/admin,456["project:delete",123]`, decoded{kind: packetEvent, nsp: "/admin", id: 456, name: "project:delete", args: "123"}},
		{`2/,1["a"]`, decoded{kind: packetEvent, id: 1, name: "a"}},
		{`2[1,2]`, decoded{kind: packetEvent, id: noAck, name: "1", args: "2"}},
		{`2["\u00e9\n\ud83d\ude00\"",{"a":"]"}]`, decoded{kind: packetEvent, id: noAck, name: "é\n😀\"", args: `{"a":"]"}`}},
		{`2["__proto__"]`, decoded{kind: packetEvent, id: noAck, name: "__proto__"}},
		{`2["connection"]`, decoded{kind: packetEvent, id: noAck, name: "connection"}},
		{`2["error","x"]`, decoded{kind: packetEvent, id: noAck, name: "error", args: `"x"`}},
		{`29007199254740992["a"]`, decoded{kind: packetEvent, id: 1 << 53, name: "a"}},
		{`3/admin,456[]`, decoded{kind: packetAck, nsp: "/admin", id: 456}},
		{`313["a",{}]`, decoded{kind: packetAck, id: 13, args: `"a",{}`}},
		{`31`, decoded{kind: packetAck, id: 1}},
		{`4{"message":"x"}`, decoded{kind: packetConnectError, id: noAck}},
		{`4"x"`, decoded{kind: packetConnectError, id: noAck}},
		{`51-["hello",{"_placeholder":true,"num":0}]`, decoded{kind: packetBinaryEvent, attachments: 1, id: noAck, name: "hello", args: `{"_placeholder":true,"num":0}`}},
		{`510-/admin,456["a"]`, decoded{kind: packetBinaryEvent, attachments: 10, nsp: "/admin", id: 456, name: "a"}},
		{`51-7["a"]`, decoded{kind: packetBinaryEvent, attachments: 1, id: 7, name: "a"}},
		{`61-/admin,456[{"_placeholder":true,"num":0}]`, decoded{kind: packetBinaryAck, attachments: 1, nsp: "/admin", id: 456, args: `{"_placeholder":true,"num":0}`}},
	}
	for _, tt := range tests {
		var p packet
		if err := p.decode([]byte(tt.in), testLimits); err != nil {
			t.Errorf("decode(%q): %v", tt.in, err)
			continue
		}
		got := decoded{p.kind, p.attachments, string(p.nsp), p.id, string(p.name), string(p.args)}
		if got != tt.want {
			t.Errorf("decode(%q) = %+v, want %+v", tt.in, got, tt.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	tests := []struct{ in, want string }{
		{``, "empty packet"},
		{`7`, "unknown packet type 7"},
		{`9["a"]`, "unknown packet type 9"},
		{`abc`, "unknown packet type NaN"},
		{"\xff", "unknown packet type NaN"},
		{`0[1]`, "invalid payload"}, {`0"x"`, "invalid payload"}, {`0null`, "invalid payload"},
		{`1{}`, "invalid payload"}, {`1[]`, "invalid payload"},
		{`2[]`, "invalid payload"}, {`2[null]`, "invalid payload"}, {`2{}`, "invalid payload"},
		{`2[{"toString":"foo"}]`, "invalid payload"}, {`2[["a"]]`, "invalid payload"}, {`2[true]`, "invalid payload"},
		{`2["a"`, "invalid payload"}, {`2["a"]x`, "invalid payload"}, {`2["a",]`, "invalid payload"}, {`2"a"`, "invalid payload"},
		{`2["a]`, "invalid payload"}, {`2["a",01]`, "invalid payload"}, {`2["a",+1]`, "invalid payload"},
		{`2["a",.5]`, "invalid payload"}, {`2["a",1.]`, "invalid payload"}, {`2["a",1e]`, "invalid payload"},
		{`2["a",nul]`, "invalid payload"}, {`2["a",NaN]`, "invalid payload"}, {`2["a",'b']`, "invalid payload"},
		{"2[\"a\tb\"]", "invalid payload"}, {`2["\x41"]`, "invalid payload"}, {`2["\u00g0"]`, "invalid payload"},
		{"2[\"\xff\"]", "invalid payload"}, {"2[\"\xed\xa0\x80\"]", "invalid payload"},
		{`2["a",{"b"}]`, "invalid payload"}, {`2["a",{"b":}]`, "invalid payload"}, {`2["a",{b:1}]`, "invalid payload"},
		{`2["a",{"b":1,}]`, "invalid payload"}, {`2["a",[1 2]]`, "invalid payload"}, {`2["a",[}]`, "invalid payload"}, {`2["a",{]]`, "invalid payload"},
		{`2["connect"]`, "invalid payload"}, {`2["connect_error"]`, "invalid payload"}, {`2["disconnect"]`, "invalid payload"},
		{`2["disconnecting"]`, "invalid payload"}, {`2["newListener"]`, "invalid payload"}, {`2["removeListener"]`, "invalid payload"},
		{`2["disconn\u0065ct"]`, "invalid payload"},
		{`3x{}`, "invalid payload"}, {`3{}`, "invalid payload"}, {`31"a"`, "invalid payload"},
		{`4[1]`, "invalid payload"}, {`4null`, "invalid payload"},
		{`5["a"]`, "Illegal attachments"}, {`5-1-["a"]`, "Illegal attachments"}, {`51.5-["a"]`, "Illegal attachments"},
		{`50-["a"]`, "Illegal attachments"}, {`500-["a"]`, "Illegal attachments"}, {`5 1-["a"]`, "Illegal attachments"},
		{`51`, "Illegal attachments"}, {`5`, "Illegal attachments"}, {`6`, "Illegal attachments"}, {`51e0-["a"]`, "Illegal attachments"},
		{`511-["a"]`, "too many attachments"}, {`5999999999999999999999-["a"]`, "too many attachments"},
		{`450000-["a"]`, "invalid payload"}, {`5450000-["a"]`, "too many attachments"},
		{`29007199254740993["a"]`, "illegal acknowledgement id"}, {`2` + strings.Repeat("9", 40) + `["a"]`, "illegal acknowledgement id"},
		{`2["a",` + deep(128) + `]`, "invalid payload"}, {`2` + strings.Repeat("[", 1<<20), "invalid payload"},
		{`2["a",` + strings.Repeat(`{"a":`, 1<<16), "invalid payload"},
		{`0/` + strings.Repeat("x", 256), "namespace name too long"},
		{`2["` + strings.Repeat("x", 1025) + `"]`, "event name too long"},
	}
	for _, tt := range tests {
		var p packet
		err := p.decode([]byte(tt.in), testLimits)
		if err == nil || err.Text != tt.want {
			t.Errorf("decode(%.40q): %v, want %q", tt.in, err, tt.want)
		}
	}
}

func TestDecodeAtTheLimits(t *testing.T) {
	for _, in := range []string{
		`2["a",` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `]`,
		`0/` + strings.Repeat("x", 255),
		`2["` + strings.Repeat("x", 1024) + `"]`,
		`510-["a"]`,
	} {
		var p packet
		if err := p.decode([]byte(in), testLimits); err != nil {
			t.Errorf("decode(%.40q): %v", in, err)
		}
	}
}

func TestNextValue(t *testing.T) {
	in := ` 1 , "a,]\"", {"a":[1,2]} ,[[],{}],null,-1e5`
	want := []string{"1", `"a,]\""`, `{"a":[1,2]}`, "[[],{}]", "null", "-1e5"}
	rest := []byte(in)
	for _, w := range want {
		var v []byte
		var ok bool
		if v, rest, ok = nextValue(rest); !ok || string(v) != w {
			t.Errorf("nextValue = %q, %v, want %q", v, ok, w)
		}
	}
	if v, _, ok := nextValue(rest); ok {
		t.Errorf("nextValue after the last = %q", v)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{`2["a",1]`, `2/x,1["a",{"b":[true,null,"\u00e9"]}]`, `51-["a",{"_placeholder":true,"num":0}]`, `3[1e5,-0.1]`, `0{}`, "2[\"\xff\"]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p packet
		if err := p.decode(b, testLimits); err != nil {
			return
		}
		if p.payload != nil && !json.Valid(p.payload) {
			t.Errorf("accepted invalid JSON %q", p.payload)
		}
		for rest := p.args; ; {
			v, r, ok := nextValue(rest)
			if !ok {
				break
			}
			if !json.Valid(v) {
				t.Fatalf("argument %q of %q", v, b)
			}
			rest = r
		}
	})
}

// FuzzScan compares the scanner with encoding/json, which differs only in
// letting invalid UTF-8 and more depth pass.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `[[],{}]`, `"\ud800"`, `-0`, `1E+5`, ` [ ] `, `{"":{}}`, `[1,`, `{"a"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end := scanValue(b, 0, maxScanDepth)
		got := end >= 0 && skipSpace(b, end) == len(b)
		want := json.Valid(b)
		if got && !want {
			t.Errorf("scanner accepts %q", b)
		}
		if !got && want && json.Valid([]byte(strings.ToValidUTF8(string(b), ""))) && strings.ToValidUTF8(string(b), "") == string(b) && strings.Count(string(b), "[")+strings.Count(string(b), "{") < maxScanDepth {
			t.Errorf("scanner refuses %q", b)
		}
	})
}

func TestDecodeAllocatesNothing(t *testing.T) {
	in := []byte(`2/admin,12["message",{"text":"héllo","n":[1,2.5,true,null]}]`)
	var p packet
	if n := testing.AllocsPerRun(100, func() {
		if err := p.decode(in, testLimits); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("decode allocates %v times", n)
	}
}
