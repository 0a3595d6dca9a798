package eio

import (
	"bytes"
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

func TestDecodePacket(t *testing.T) {
	tests := []struct {
		in     string
		binary bool
		want   string
	}{
		{"0{}", false, `open "{}"`},
		{"1", false, `close ""`},
		{"2", false, `ping ""`},
		{"2probe", false, `ping "probe"`},
		{"3probe", false, `pong "probe"`},
		{"4", false, `message ""`},
		{"4hello", false, `message "hello"`},
		{"4é€😀", false, `message "é€😀"`},
		{"5", false, `upgrade ""`},
		{"6", false, `noop ""`},
		{"bAQIDBA==", false, `binary 01020304`},
		{"b", false, `binary `},
		{"", true, `binary `},
		{"4x", true, `binary 3478`},
		{"", false, "error"},
		{"7", false, "error"},
		{"9x", false, "error"},
		{"a", false, "error"},
		{"-1", false, "error"},
		{" 4x", false, "error"},
	}
	for _, tt := range tests {
		if got := show(decodePacket([]byte(tt.in), tt.binary)); got != tt.want {
			t.Errorf("decodePacket(%q, %v) = %s, want %s", tt.in, tt.binary, got, tt.want)
		}
	}
}

// TestBase64IsReadAsNodeDoes: Buffer.from(text, "base64") never fails.
func TestBase64IsReadAsNodeDoes(t *testing.T) {
	tests := []struct{ in, want string }{
		{"AQIDBA==", "01020304"},
		{"AQIDBA", "01020304"},    // without padding
		{"-_-_", "fbffbf"},        // the alphabet of URLs
		{"AQ ID\nBA", "01020304"}, // what is no character is skipped
		{"AQ==IDBA", "01"},        // the first = ends it
		{"A", ""},                 // too few bits for a byte
		{"!!!", ""},
		{"", ""},
	}
	for _, tt := range tests {
		if got := fmt.Sprintf("%x", decodeBase64([]byte(tt.in))); got != tt.want {
			t.Errorf("decodeBase64(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

// show writes a packet as the golden files do.
func show(p packet) string {
	names := [...]string{"open", "close", "ping", "pong", "message", "upgrade", "noop", "error"}
	switch {
	case p.typ == packetError:
		return "error"
	case p.binary:
		return fmt.Sprintf("binary %x", p.data)
	}
	return fmt.Sprintf("%s %q", names[p.typ], p.data)
}

// showPayload decodes a payload and writes its packets, one a line.
func showPayload(payload []byte) []string {
	var lines []string
	for more := true; more; {
		var p packet
		p, payload, more = nextPacket(payload)
		lines = append(lines, show(p))
	}
	return lines
}

// TestPayloadVectors decodes testdata/payloads.txt: a line with > is a payload as a Go string, those with
// = the packets in it.
func TestPayloadVectors(t *testing.T) {
	const file = "testdata/payloads.txt"
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var out, want []string
	var in, name string
	flush := func() {
		if in == "" {
			return
		}
		payload, err := strconv.Unquote(in)
		require.NoError(t, err, "%s: %s", name, in)
		got := showPayload([]byte(payload))
		for _, l := range got {
			out = append(out, "= "+l)
		}
		if !*update && strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s:\n got %q\nwant %q", name, got, want)
		}
		in, want = "", nil
	}
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case strings.HasPrefix(line, "= "):
			want = append(want, line[2:])
			continue
		case strings.HasPrefix(line, "# "):
			name = line[2:]
		}
		flush()
		out = append(out, line)
		if rest, ok := strings.CutPrefix(line, "> "); ok {
			in = rest
		}
	}
	flush()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(strings.Join(out, "\n")+"\n"), 0o644))
	}
}

// TestPayloadOfFrames: what is appended for frames is what the decoder makes of it, text and binary.
func TestPayloadOfFrames(t *testing.T) {
	text, binary := messageFrame([]byte("é\n1"), false), messageFrame([]byte{0, 0x1e, 0xff}, true)
	defer text.Release()
	defer binary.Release()
	payload := appendPayload(nil, pingFrame)
	payload = appendPayload(payload, text)
	payload = appendPayload(payload, binary)
	if want := "2\x1e4é\n1\x1ebAB7/"; string(payload) != want {
		t.Errorf("payload %q, want %q", payload, want)
	}
	want := []string{`ping ""`, `message "é\n1"`, "binary 001eff"}
	if got := showPayload(payload); strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("decoded %q, want %q", got, want)
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	in := []byte("4hello\x1ebAQIDBA==\x1e3")
	b := make([]byte, len(in))
	if n := testing.AllocsPerRun(100, func() {
		copy(b, in)
		for rest, more := b, true; more; {
			_, rest, more = nextPacket(rest)
		}
	}); n != 0 {
		t.Errorf("allocates %v times", n)
	}
}

// FuzzPayload: whatever arrives, each packet is a view of the payload, none is lost, and what can be
// encoded again decodes to the same.
func FuzzPayload(f *testing.F) {
	for _, s := range []string{"4hello", "", "\x1e", "2probe\x1e3\x1e6", "bAQIDBA==\x1e4x", "b!!!", "4\xff", "9", "1\x1e4late"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		payload := bytes.Clone(in)
		count := 0
		for rest, more := payload, true; more; count++ {
			var p packet
			p, rest, more = nextPacket(rest)
			if len(p.data) > len(in) {
				t.Fatalf("%d bytes of %d", len(p.data), len(in))
			}
			if p.typ == packetError {
				continue
			}
			again := bytes.Clone(append([]byte{byte(p.typ) + '0'}, p.data...))
			if p.binary {
				again = base64.StdEncoding.AppendEncode([]byte{'b'}, p.data)
			}
			want := show(p)
			if got := show(decodePacket(again, false)); got != want {
				t.Fatalf("%s, encoded again and decoded: %s", want, got)
			}
		}
		if want := bytes.Count(in, []byte{separator}) + 1; count != want {
			t.Fatalf("%d packets, want %d", count, want)
		}
	})
}
