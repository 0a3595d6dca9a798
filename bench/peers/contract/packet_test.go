package contract

import (
	"bytes"
	"errors"
	"testing"
)

func TestParseEvent(t *testing.T) {
	for _, c := range []struct{ packet, name, id, args string }{
		{`42["echo"]`, "echo", "", ""},
		{`42["echo","x"]`, "echo", "", `"x"`},
		{`42["room","r1","x",[1]]`, "room", "", `"r1","x",[1]`},
		{`4210000001["ack","x"]`, "ack", "10000001", `"x"`},
		{`427["ack"]`, "ack", "7", ""},
		{`42["",0]`, "", "", "0"},
	} {
		e, err := parseEvent([]byte(c.packet))
		if err != nil || string(e.name) != c.name || string(e.id) != c.id || string(e.args) != c.args {
			t.Errorf("parseEvent(%s) = %q, %q, %q, %v", c.packet, e.name, e.id, e.args, err)
		}
	}
	for _, packet := range []string{"", "4", "42", "42]", "42[]", `42["]`, `42["echo"`, `42["echo",]`, `42["echo"x]`, `42[echo]`,
		`43["echo"]`, `42["e\"",1]`, `42/admin,["echo"]`, `42-1["echo"]`, `42[]]`} {
		if e, err := parseEvent([]byte(packet)); !errors.Is(err, errEvent) {
			t.Errorf("parseEvent(%s) = %q, %v", packet, e.name, err)
		}
	}
}

func TestCutRoom(t *testing.T) {
	for _, c := range []struct {
		args, name string
		n          int
	}{
		{`"r1"`, "r1", 4}, {`"r1","x"`, "r1", 5}, {`"",1`, "", 3},
	} {
		name, n, err := cutRoom([]byte(c.args))
		if err != nil || string(name) != c.name || n != c.n {
			t.Errorf("cutRoom(%s) = %q, %d, %v", c.args, name, n, err)
		}
	}
	for _, args := range []string{"", `"`, "1", `"r`, `"r\"1"`, `"r"1`, `"r",`} {
		if name, _, err := cutRoom([]byte(args)); !errors.Is(err, errRoom) {
			t.Errorf("cutRoom(%s) = %q, %v", args, name, err)
		}
	}
}

// FuzzParseEvent: the parts of an event make up the packet, and what is sent on
// lies within it.
func FuzzParseEvent(f *testing.F) {
	for _, s := range []string{`42["echo","x"]`, `427["ack"]`, `42["room","r1","x"]`, `421["join","r"]`, `42[""]`, "42"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		e, err := parseEvent(p)
		if err != nil {
			return
		}
		comma := ""
		if len(e.args) > 0 {
			comma = ","
		}
		whole := `42` + string(e.id) + `["` + string(e.name) + `"` + comma + string(e.args) + `]`
		if whole != string(p) {
			t.Fatalf("parseEvent(%q) makes up %q", p, whole)
		}
		want := "43" + string(e.id) + "[" + string(e.args) + "]"
		if got := ackPacket(bytes.Clone(p), e, e.at); string(got) != want {
			t.Errorf("ackPacket(%q) = %q, want %q", p, got, want)
		}
		_, n, err := cutRoom(e.args)
		if err != nil || string(e.name) != "room" {
			return
		}
		want = `42["room"]`
		if rest := string(e.args[n:]); rest != "" {
			want = `42["room",` + rest + "]"
		}
		if got := roomPacket(bytes.Clone(p), e.at+n); string(got) != want {
			t.Errorf("roomPacket(%q) = %q, want %q", p, got, want)
		}
	})
}
