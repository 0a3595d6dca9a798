package e2e

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
)

// server is one that the clients are let loose on.
type server interface {
	restarter
	url() string
	engineURL() string // where the Engine.IO echo is
}

// The suites are the scripts under js/.
var (
	suites = []string{"events", "acks", "rooms", "namespaces", "binary", "large", "endings", "restart", "engine", "operators"}
	modes  = []string{"polling", "websocket", "upgrade"}
)

// brief, among the environment of a script, keeps runSuites to what a variant of the server can break.
const brief = "BRIEF=1"

var briefSuites = []string{"events", "acks", "binary", "large", "endings"}

// TestMain runs as many scripts at a time as a small machine bears: they wait most of their time.
func TestMain(m *testing.M) {
	flag.Parse()
	if !raceEnabled && flag.Lookup("test.parallel").Value.String() == strconv.Itoa(runtime.GOMAXPROCS(0)) {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
	}
	os.Exit(m.Run())
}

// TestReference runs every suite against the reference server: what fails here is wrong about
// Socket.IO, whatever our own server does.
func TestReference(t *testing.T) {
	needNode(t)
	notUnderRace(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startReference(t) })
}

// TestClients runs every suite, with every transport, against Sirocco.
func TestClients(t *testing.T) {
	needNode(t)
	runSuites(t, modes, func(t *testing.T) server { return startTestServer(t, variant{}) })
}

// TestClientsInline does so with all handlers on the loop.
func TestClientsInline(t *testing.T) {
	needNode(t)
	runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startTestServer(t, variant{inline: true}) })
}

// TestClientsOtherBackends does so on the reactor's backends that are not the default here.
func TestClientsOtherBackends(t *testing.T) {
	needNode(t)
	for _, backend := range otherBackends() {
		t.Run(string(backend), func(t *testing.T) {
			runSuites(t, []string{"upgrade"}, func(t *testing.T) server { return startTestServer(t, variant{backend: backend}) }, brief)
		})
	}
}

// TestClientsNetHTTP does so behind a server of net/http.
func TestClientsNetHTTP(t *testing.T) {
	needNode(t)
	runSuites(t, modes, func(t *testing.T) server { return startTestServer(t, variant{netHTTP: true}) }, brief)
}

// TestClientsMiddlewares does so, at both doors, with every HTTP request going through a middleware.
func TestClientsMiddlewares(t *testing.T) {
	needNode(t)
	for _, netHTTP := range []bool{false, true} {
		t.Run(fmt.Sprintf("netHTTP=%v", netHTTP), func(t *testing.T) {
			runSuites(t, []string{"upgrade"}, func(t *testing.T) server {
				return startTestServer(t, variant{netHTTP: netHTTP, chained: true})
			}, brief)
		})
	}
}

// runSuites gives each suite a server of its own, so that a bad one cannot spoil the next. The race
// detector sees the way that touches most, and less of it.
func runSuites(t *testing.T, modes []string, start func(*testing.T) server, env ...string) {
	if raceEnabled {
		modes, env = []string{modes[len(modes)-1]}, append(env, brief)
	}
	env = slices.Clip(env) // each script adds its own
	for _, mode := range modes {
		for _, suite := range suitesFor(mode, env) {
			t.Run(mode+"/"+suite, func(t *testing.T) {
				t.Parallel()
				s := start(t)
				url := s.url()
				if suite == "engine" {
					url = s.engineURL()
				}
				runChecks(t, s, suite+".mjs", append(env, "URL="+url, "MODE="+mode)...)
			})
		}
	}
}

func suitesFor(mode string, env []string) []string {
	if slices.Contains(env, jsonEnv) {
		return []string{"events", "acks", "rooms", "namespaces", "endings"} // the rest needs binary data
	}
	suites := suites
	if slices.Contains(env, brief) {
		suites = briefSuites
	}
	if slices.Contains(env, msgpackEnv) {
		suites = append(slices.Clone(suites), "msgpack")
	}
	if mode == "upgrade" {
		return append([]string{"upgrade"}, suites...)
	}
	return suites
}
