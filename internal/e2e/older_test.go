package e2e

import (
	"testing"
)

// olderClients are the official clients of other versions, by their aliases in package.json.
var olderClients = []struct {
	alias   string
	eio3    bool
	single  []string // suites by polling alone, and by WebSocket alone
	upgrade []string // suites with the upgrade
}{
	{"socket.io-client-1", true, []string{"older", "events"}, []string{"upgrade", "older", "acks", "rooms", "binary"}},
	{"socket.io-client-2", true,
		[]string{"older", "events", "acks", "rooms", "namespaces", "binary", "large", "endings", "restart"},
		[]string{"upgrade", "older", "events", "acks", "rooms", "namespaces", "binary", "large", "endings", "restart"}},
	{"socket.io-client-3", false, []string{"events"}, []string{"upgrade", "acks", "rooms", "namespaces", "binary", "restart"}},
	{"socket.io-client-4.0", false, []string{"events"}, []string{"upgrade", "acks", "rooms", "namespaces", "binary", "restart"}},
}

// TestOlderClients runs the suites with the clients of other versions.
func TestOlderClients(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	for _, c := range olderClients {
		for _, mode := range modes {
			list := c.single
			if mode == "upgrade" {
				list = c.upgrade
			}
			for _, suite := range list {
				t.Run(c.alias+"/"+mode+"/"+suite, func(t *testing.T) {
					t.Parallel()
					s := startTestServer(t, variant{eio3: c.eio3})
					runChecks(t, s, suite+".mjs", "URL="+s.url(), "MODE="+mode, "CLIENT="+c.alias)
				})
			}
		}
	}
}

// TestReferenceOlder runs the checks that are for older clients alone against the reference server, and
// those that are written differently for them. With the upgrade it never finds that a client fell
// silent: it stops the clock there.
func TestReferenceOlder(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	for _, suite := range []string{"older", "endings", "restart"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			s := startReference(t, "EIO3=1")
			runChecks(t, s, suite+".mjs", "URL="+s.url(), "MODE=polling", "CLIENT=socket.io-client-2")
		})
	}
}

// TestReferencePayload3 holds the vectors of ours (eio/testdata/payload3.txt) against the reference's
// parser of Engine.IO 3.
func TestReferencePayload3(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	runChecks(t, nil, "parser3.mjs")
}

// TestParityOlder compares what both servers say to clients of Engine.IO 3, as TestParity does for those
// of today.
func TestParityOlder(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	compare(t, startReference(t, "EIO3=1"), startTestServer(t, variant{eio3: true}), "wire3.mjs", olderDifferences)
}

// olderDifferences are as knownDifferences.
var olderDifferences = map[string]string{}
