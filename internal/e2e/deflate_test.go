package e2e

import (
	"fmt"
	"testing"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/sio"
)

// deflates are the ways to run a server with permessage-deflate. MaxRatio is off where the suites send
// more than a megabyte of one letter.
var deflates = map[string]sio.PerMessageDeflate{
	"default":  {MaxRatio: -1},
	"takeover": {MaxRatio: -1, ServerNoContextTakeover: eio.Off, ClientNoContextTakeover: eio.Off},
	"small":    {MaxRatio: -1, ServerMaxWindowBits: 9, ClientMaxWindowBits: 9, Threshold: -1},
}

// TestDeflate negotiates permessage-deflate with ws in all ways, and sends through it.
func TestDeflate(t *testing.T) {
	needNode(t)
	for name, d := range deflates {
		for _, netHTTP := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/netHTTP=%v", name, netHTTP), func(t *testing.T) {
				t.Parallel()
				s := startTestServer(t, variant{deflate: &d, netHTTP: netHTTP})
				runChecks(t, s, "deflate.mjs", "URL="+s.url(), "ENGINE="+s.engineURL(), "MODE=websocket",
					fmt.Sprintf("TAKEOVER=%v", name == "takeover"), fmt.Sprintf("WINDOW=%d", d.ServerMaxWindowBits))
			})
		}
	}
}

// TestClientsDeflate runs every suite through it: the official client offers it in Node.
func TestClientsDeflate(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	for name, d := range deflates {
		modes := []string{"websocket"}
		if name == "default" {
			modes = append(modes, "upgrade")
		}
		t.Run(name, func(t *testing.T) {
			runSuites(t, modes, func(t *testing.T) server { return startTestServer(t, variant{deflate: &d}) }, brief)
		})
	}
}
