package main

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain has every allocation in the heap profile: there are few.
func TestMain(m *testing.M) {
	runtime.MemProfileRate = 1
	os.Exit(m.Run())
}

// small is a simulation for tests. The time for a pong is long enough for a
// machine that does other things.
func small(t *testing.T) options {
	return options{
		clients: 2000, loops: 2, room: 100, payload: 100, casts: 2, silent: 20,
		ping: 300 * time.Millisecond, pingTimeout: 5 * time.Second, patience: 2 * time.Minute, log: t.Output(),
	}
}

// TestClientsNoticeWhatIsWrong: what is counted as delivered is what was sent.
func TestClientsNoticeWhatIsWrong(t *testing.T) {
	right := "42[\"news\",\"x\"]"
	text := func(s string) string { return "\x81" + string(rune(len(s))) + s }
	for _, c := range []struct {
		name  string
		stage uint8
		bytes string
		fails bool
	}{
		{"an event", joined, text(right), false},
		{"two frames", joined, text(right) + text("2"), false},
		{"another event", joined, text("42[\"news\",\"y\"]"), true},
		{"an event before the CONNECT is answered", asked, text(right), true},
		{"half a frame", joined, text(right)[:6], true},
		{"half a head", joined, "\x81", true},
		{"a masked frame", joined, "\x81\x81abcd2", true},
		{"a packet that nobody knows", joined, text("9"), true},
		{"a second open packet", joined, text(`0{"sid":"x"}`), true},
		{"an answer that is no upgrade", fresh, "HTTP/1.1 200 OK\r\n\r\n", true},
		{"a wrong key", fresh, "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n\r\n", true},
		{"an upgrade", fresh, "HTTP/1.1 101 Switching Protocols\r\n" + accepted + "\r\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newKernel(1, 1, time.Second)
			want := []byte(right)
			k.want.Store(&want)
			k.peers[0].stage, k.peers[0].loop = c.stage, 0
			if n, e := k.Send(firstFD, []byte(c.bytes)); n != len(c.bytes) || e != 0 {
				t.Errorf("Send = %d, %v", n, e)
			}
			if err := k.sides[0].fault; (err != nil) != c.fails {
				t.Errorf("fault %v, want one: %v", err, c.fails)
			}
		})
	}
}

// TestClosingWithoutReason: a connection that the server gives up voids the run.
func TestClosingWithoutReason(t *testing.T) {
	k := newKernel(1, 1, time.Second)
	k.peers[0].stage, k.peers[0].loop = joined, 0
	k.Closed(firstFD)
	if k.sides[0].fault == nil {
		t.Error("nobody noticed")
	}
}

func TestFlagsAreValidated(t *testing.T) {
	for _, args := range [][]string{
		{"-n", "0"}, {"-n", "16777217"}, {"-loops", "-1"}, {"-room", "0"}, {"-payload", "60001"}, {"-casts", "0"},
		{"-n", "10", "-silent", "11"}, {"-ping-interval", "1ms"}, {"-ping-timeout", "0s"},
	} {
		if err := command(context.Background(), args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}

func TestDocumentKeepsWhatStandsOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(path, []byte("# Title\n\nby hand\n"), 0o644))
	r := newReport(small(t))
	require.NoError(t, r.document(path, "go run ./bench/sim"))
	first, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(first, "\nmore by hand\n"...), 0o644))
	require.NoError(t, r.document(path, "go run ./bench/sim"))
	second, err := os.ReadFile(path)
	require.NoError(t, err)
	if got, want := string(second), string(first)+"\nmore by hand\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
