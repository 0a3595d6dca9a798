package e2e

import (
	"maps"
	"slices"
	"testing"
)

// knownDifferences are the facts in which we are not as the reference, and why. An entry that is not
// needed any more fails the test.
var knownDifferences = map[string]string{
	"packet: engine close":             "a client that says it closes is closed; the reference ignores it on WebSocket",
	"packet: huge id":                  "ids above 2^53 are refused: the reference answers with a rounded number",
	"request: handshake without slash": "404 at once; the reference leaves the request to other listeners, and it hangs",
	"upgrade: websocket without EIO":   "400; the reference writes that text behind its 101",
	"upgrade: websocket, EIO 3":        "400; the reference writes that text behind its 101",
}

// TestParity sends what no official client sends (js/wire.mjs) to the reference server and to ours,
// and compares the answers word for word.
func TestParity(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	compare(t, startReference(t), startTestServer(t, variant{}), "wire.mjs", knownDifferences)
}

// compare runs a script against both servers; differences are those on purpose.
func compare(t *testing.T, reference, ours server, script string, differences map[string]string) {
	t.Helper()
	observe := func(s server) map[string]string {
		return runChecks(t, s, script, "URL="+s.url(), "MODE=websocket")
	}
	want, got := observe(reference), observe(ours)
	// What a server has said by the time that somebody looks depends on how busy the machine is: what
	// differs, not on purpose, is looked at again.
	for tries := 0; tries < 3 && !same(want, got, differences); tries++ {
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if _, known := differences[name]; !known && want[name] != got[name] {
				t.Logf("%s: once more: got %s, want %s", name, got[name], want[name])
			}
		}
		want, got = observe(reference), observe(ours)
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		_, known := differences[name]
		switch equal := want[name] == got[name]; {
		case !equal && !known:
			t.Errorf("%s:\n got %s\nwant %s (the reference)", name, got[name], want[name])
		case equal && known:
			t.Errorf("%s: is the reference's now: take it out of the list", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d facts, the reference has %d", len(got), len(want))
	}
}

// same reports whether the answers differ on purpose only.
func same(want, got, differences map[string]string) bool {
	for name := range want {
		if _, known := differences[name]; !known && want[name] != got[name] {
			return false
		}
	}
	return true
}
