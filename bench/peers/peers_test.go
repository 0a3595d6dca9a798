package peers_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/bench/load"
)

// programs is where the peers were built to.
var programs string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

// testMain builds the peers, and lets the tests of all of them wait at a time.
func testMain(m *testing.M) int {
	flag.Parse()
	if err := flag.Set("test.parallel", strconv.Itoa(len(all))); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	var err error
	if programs, err = os.MkdirTemp("", "peers"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(programs) }()
	if out, err := exec.Command("go", "build", "-mod=mod", "-o", programs, "./...").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// start runs a peer until the test ends, and returns its address and process.
func start(t *testing.T, name string, flags ...string) (addr string, pid int) {
	t.Helper()
	cmd := exec.Command(filepath.Join(programs, name), append([]string{"-addr", "127.0.0.1:0"}, flags...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var hello struct {
		Listening string
		PID       int
	}
	require.NoError(t, json.Unmarshal([]byte(line), &hello))
	if hello.PID != cmd.Process.Pid {
		t.Errorf("it says that its pid is %d, and is %d", hello.PID, cmd.Process.Pid)
	}
	return hello.Listening, hello.PID
}

// peer is a server and the scenarios that it runs without a fault.
type peer struct {
	name, module string
	dialect      string // empty: Socket.IO 4
	scenarios    []load.Config
}

// socketIO is what servers of package contract run.
var socketIO = []load.Config{
	{Scenario: "echo", Clients: 20, Pipeline: 4},
	{Scenario: "ack", Clients: 20},
	{Scenario: "broadcast", Clients: 30, InFlight: 20},
	{Scenario: "broadcast", Clients: 30, Event: "bcast"},
	{Scenario: "rooms", Clients: 40, Rooms: 10, RoomsEach: 3},
	{Scenario: "latency", Clients: 20, Rate: 200},
	{Scenario: "latency", Clients: 20, Event: "room", Load: 0.5},
	{Scenario: "mixed", Clients: 100, Rate: 50},
	{Scenario: "connect", Clients: 100},
	{Scenario: "churn", Clients: 10},
	{Scenario: "shootout", Sizes: []int{20, 40}},
	{Scenario: "idle", Sizes: []int{20, 40}},
}

var all = []peer{
	{"gws", "github.com/lxzan/gws", "", socketIO},
	{"gorilla", "github.com/gorilla/websocket", "", socketIO},
	{"coder", "github.com/coder/websocket", "", socketIO},
	{"centrifuge", "github.com/centrifugal/centrifuge", load.Centrifuge, slices.DeleteFunc(slices.Clone(socketIO),
		func(c load.Config) bool { return c.Scenario == "rooms" })},
	{"googollee", "github.com/googollee/go-socket.io", load.SocketIO2, socketIO},
}

// TestScenarios: every message that siobench sends is answered as it must be.
func TestScenarios(t *testing.T) {
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			addr, pid := start(t, p.name)
			for _, c := range p.scenarios {
				t.Run(strings.TrimSpace(c.Scenario+" "+c.Event), func(t *testing.T) { scenario(t, p, c, addr, pid) })
			}
		})
	}
}

// scenario runs one, shortly, and looks at what was counted. What it counted
// was checked by the load generator.
func scenario(t *testing.T, p peer, c load.Config, addr string, pid int) {
	c.URL, c.PID, c.Dialect = "http://"+addr, pid, p.dialect
	c.Warmup, c.Duration, c.Settle = 50*time.Millisecond, 200*time.Millisecond, 50*time.Millisecond
	r, err := load.Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	silent := slices.Contains([]string{"idle", "connect", "churn"}, c.Scenario)
	if !silent && (r.Sent == 0 || r.Received < r.Sent) {
		t.Errorf("%d messages were sent, %d received", r.Sent, r.Received)
	}
	if c.Scenario == "idle" && r.Idle.Points[len(r.Idle.Points)-1].Goroutines < c.Sizes[len(c.Sizes)-1] {
		t.Errorf("%+v: a server with a goroutine for each connection has fewer", r.Idle.Points)
	}
}

// TestHeartbeats: who answers stays, and who does not is closed.
func TestHeartbeats(t *testing.T) {
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel() // it waits most of the time
			addr, pid := start(t, p.name, "-ping-interval", "5s", "-ping-timeout", "4s")
			r, err := load.Run(t.Context(), load.Config{Scenario: "idle", URL: "http://" + addr, PID: pid, Dialect: p.dialect,
				Sizes: []int{20}, Settle: 50 * time.Millisecond, Hold: 8 * time.Second, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if r.Idle.HoldPings == 0 {
				t.Error("not one heartbeat came")
			}
			silent(t, addr, p.dialect)
		})
	}
}

// silence is how a client that has nothing to do with heartbeats comes in, and
// how it is asked for one.
var silence = map[string]struct{ path, hello, ping string }{
	"":              {"/socket.io/?EIO=4&transport=websocket", "40", "2"},
	load.Centrifuge: {"/connection/websocket", `{"id":1,"connect":{}}`, "{}"},
	load.SocketIO2:  {"/socket.io/?EIO=3&transport=websocket", `42["join","r1"]`, ""},
}

// silent opens such a client, and waits for its end.
func silent(t *testing.T, addr, dialect string) {
	t.Helper()
	s := silence[dialect]
	conn, resp, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+addr+s.path, nil)
	require.NoError(t, err)
	_ = resp.Body.Close()
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.WriteMessage(websocket.TextMessage, []byte(s.hello)))
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	for asked := s.ping == ""; ; {
		_, b, err := conn.ReadMessage()
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) || !asked {
				t.Errorf("asked %v: %v", asked, err)
			}
			return
		}
		asked = asked || string(b) == s.ping
	}
}

// TestStats: /debug/stats names the server and the library's version.
func TestStats(t *testing.T) {
	for _, p := range all {
		t.Run(p.name, func(t *testing.T) {
			addr, pid := start(t, p.name)
			resp, err := http.Get("http://" + addr + "/debug/stats?gc=1")
			require.NoError(t, err)
			defer func() { _ = resp.Body.Close() }()
			var s load.ServerStats
			require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
			if s.Server != p.name || !strings.Contains(s.Version, p.module+" v") || s.PID != pid || s.Goroutines == 0 || s.HeapBytes == 0 {
				t.Errorf("stats = %+v", s)
			}
		})
	}
}
