package sio

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/eio"
	"github.com/sirocco-io/sirocco/poller"
)

// returning is a client whose connection can be lost.
type returning struct {
	*testClient
	t         testing.TB
	addr      string
	sid, pid  string
	offset    string // of the last event
	recovered bool
	before    []string // what came in front of the answer to the last CONNECT
}

// visitor connects a client for the first time.
func visitor(t testing.TB, addr string) *returning {
	t.Helper()
	r := &returning{t: t, addr: addr}
	r.arrive("")
	return r
}

// arrive connects and joins with auth.
func (r *returning) arrive(auth string) {
	r.t.Helper()
	r.testClient = dial(r.t, r.addr)
	r.send("0" + auth)
	r.answered()
}

// answered takes what comes up to the answer to the CONNECT.
func (r *returning) answered() {
	r.t.Helper()
	r.before = nil
	for {
		m := r.next()
		text, ok := strings.CutPrefix(m, "0")
		if !ok {
			r.before = append(r.before, r.strip(m))
			continue
		}
		var answer struct{ SID, PID string }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.SID == "" {
			r.t.Fatalf("answer to CONNECT: %q, %v", m, err)
		}
		r.recovered = r.pid != "" && answer.PID == r.pid
		r.sid, r.pid = answer.SID, answer.PID
		return
	}
}

// strip takes the offset off an event and remembers it.
func (r *returning) strip(m string) string {
	r.t.Helper()
	i := strings.LastIndexByte(m, ',')
	offset, ok := strings.CutSuffix(m[i+1:], `"]`)
	if i < 0 || !ok || len(offset) < 2 {
		return m // binary, or an event without offset
	}
	r.offset = offset[1:]
	return m[:i] + "]"
}

// events checks the next events, which have offsets.
func (r *returning) events(want ...string) {
	r.t.Helper()
	for _, w := range want {
		if got := r.strip(r.next()); got != w {
			r.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

func (r *returning) auth() string {
	return fmt.Sprintf(`{"pid":%q,"offset":%q,"token":"x"}`, r.pid, r.offset)
}

// lose cuts the connection and waits until the session is kept.
func (r *returning) lose(srv *Server) {
	r.t.Helper()
	before := srv.Stats().RecoverySessions
	_ = r.conn.Close()
	eventually(r.t, "the session is kept", func() bool { return srv.Stats().RecoverySessions > before })
}

// back returns, and checks what was missed.
func (r *returning) back(recovered bool, missed ...string) {
	r.t.Helper()
	sid := r.sid
	r.arrive(r.auth())
	if r.recovered != recovered || (r.sid == sid) != recovered {
		r.t.Fatalf("recovered is %v, want %v", r.recovered, recovered)
	}
	if fmt.Sprint(r.before) != fmt.Sprint(missed) {
		r.t.Fatalf("missed %q, want %q", r.before, missed)
	}
}

// has reports whether a session is kept.
func (m *memoryStore) has(pid string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[pid] != nil
}

func recovering(t testing.TB, r Recovery) (*Server, string) {
	t.Helper()
	return serve(t, Config{ConnectionStateRecovery: &r})
}

func TestRecoveryRestoresSessionAndMissedPackets(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	var j journal
	srv.OnConnection(func(s *Socket) { j.add(fmt.Sprint("connection ", s.Recovered())) })
	srv.OnDisconnect(func(_ *Socket, reason Reason, _ error) { j.add(string(reason)) })
	r := visitor(t, addr)
	s := srv.Socket(r.sid)
	_ = s.Join("a", "b")
	_ = srv.Emit("hello", 1)
	_ = s.Emit("direct")
	r.events(`2["hello",1]`, `2["direct"]`)
	s.Leave("b")
	r.lose(srv)
	_ = srv.Emit("all", "é", nil)
	_ = srv.To("a").Emit("in a")
	_ = srv.To("b").Emit("not in b any more")
	_ = srv.To("a", "b").Except("c").Emit("not in c")
	_ = srv.Except("a").Emit("in a, which is left out")
	_ = srv.To(r.sid).Emit("by id")
	_ = srv.Except(r.sid).Emit("left out by id")
	_ = srv.Volatile().Emit("volatile")
	if err := s.Emit("to the socket"); err != nil {
		t.Errorf("Emit to a socket whose connection was lost: %v", err)
	}
	_ = srv.EmitRaw("raw", []byte(`{"x":1}`))
	r.back(true, `2["all","é",null]`, `2["in a"]`, `2["not in c"]`, `2["by id"]`, `2["to the socket"]`, `2["raw",{"x":1}]`)
	_ = srv.To("a").Emit("live")
	_ = srv.Socket(r.sid).Emit("direct")
	_ = srv.To("b").Emit("never")
	_ = srv.Emit("mark")
	r.events(`2["live"]`, `2["direct"]`, `2["mark"]`)
	eventually(t, "both connections are announced", func() bool { j.mu.Lock(); defer j.mu.Unlock(); return len(j.lines) == 3 })
	j.expect(t, "connection false", "transport close", "connection true")
	if n := len(srv.Sockets()); n != 1 || srv.Stats().Sockets != 1 {
		t.Errorf("%d sockets", n)
	}
	if st := srv.Stats(); st.Recovered != 1 || st.NotRecovered != 0 || st.RecoverySessions != 0 || st.RecoveryPackets < 10 || st.RecoveryBytes < 10 {
		t.Errorf("stats %+v", st)
	}
	if rooms := srv.Socket(r.sid).Rooms(); fmt.Sprint(rooms) != fmt.Sprint([]string{r.sid, "a"}) {
		t.Errorf("rooms %q", rooms)
	}
	if auth := string(srv.Socket(r.sid).Handshake().Auth); !strings.Contains(auth, `"token":"x"`) {
		t.Errorf("auth %s", auth)
	}
	for range 3 { // again and again
		r.lose(srv)
		_ = srv.To("a").Emit("once more")
		r.back(true, `2["once more"]`)
	}
	r.lose(srv)
	r.back(true) // nothing missed
}

func TestRecoveryRestoresData(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	type user struct{ Name string }
	r := visitor(t, addr)
	srv.Socket(r.sid).SetData(&user{"Ann"})
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	r.back(true)
	s := srv.Socket(r.sid)
	if u, ok := s.Data().(*user); !ok || u.Name != "Ann" {
		t.Errorf("data %v", s.Data())
	}
	var u user
	if err := s.BindData(&u); err != nil || u.Name != "Ann" {
		t.Errorf("BindData: %+v, %v", u, err)
	}
	s.SetData(json.RawMessage(`{"Name":"Bob"}`)) // as from another node
	if err := s.BindData(&u); err != nil || u.Name != "Bob" {
		t.Errorf("BindData of JSON: %+v, %v", u, err)
	}
}

func TestRecoveryOfBinaryEvents(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	r := visitor(t, addr)
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	_ = srv.Emit("bin", []byte{1, 2}, []byte{3})
	r.back(true, `52-["bin",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "b:\x01\x02", "b:\x03")
}

func TestRecoveryAndMiddlewares(t *testing.T) {
	for _, skip := range []eio.Toggle{eio.Default, eio.On, eio.Off} {
		t.Run(fmt.Sprint(skip), func(t *testing.T) {
			srv, addr := recovering(t, Recovery{SkipMiddlewares: skip})
			var runs, refuse atomic.Int32
			srv.Use(func(s *Socket) error {
				runs.Add(1)
				if refuse.Load() != 0 {
					return errors.New("no")
				}
				if s.Recovered() && (len(s.Rooms()) != 2 || s.Data() != "data") {
					t.Errorf("the middleware sees rooms %q, data %v", s.Rooms(), s.Data())
				}
				_ = srv.Emit("from the middleware")
				return nil
			})
			r := visitor(t, addr)
			s := srv.Socket(r.sid)
			_ = s.Join("a")
			s.SetData("data")
			_ = srv.Emit("x")
			r.events(`2["x"]`)
			r.lose(srv)
			_ = srv.To("a").Emit("missed")
			if skip != eio.Off {
				r.back(true, `2["missed"]`)
				if n := runs.Load(); n != 1 {
					t.Errorf("middlewares ran %d times", n)
				}
				return
			}
			r.back(true, `2["missed"]`, `2["from the middleware"]`)
			if n := runs.Load(); n != 2 {
				t.Errorf("middlewares ran %d times", n)
			}
			r.lose(srv)
			_ = srv.To("a").Emit("secret")
			refuse.Store(1)
			r.testClient = dial(t, addr)
			r.send("0" + r.auth())
			r.expect(`4{"message":"no"}`) // and nothing of what was missed
			if st := srv.Stats(); st.Sockets != 0 || st.Rooms != 0 || len(srv.Sockets()) != 0 {
				t.Errorf("left behind: %+v", st)
			}
			refuse.Store(0)
			r.back(false)
		})
	}
}

func TestRecoveryOfUnknownSessionsAndOffsets(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	stranger := visitor(t, addr)
	if stranger.pid == "" || len(stranger.pid) != 20 || stranger.pid == stranger.sid {
		t.Errorf("pid %q", stranger.pid)
	}
	good := stranger.pid
	_ = srv.Emit("x")
	stranger.events(`2["x"]`)
	offset := stranger.offset
	for _, auth := range []string{
		`{"pid":"unknown","offset":"x"}`, `{"pid":1,"offset":2}`, `{"pid":"","offset":""}`, `{"pid":null}`,
		fmt.Sprintf(`{"pid":%q,"offset":%q}`, good, offset), // it is connected
		fmt.Sprintf(`{"pid":%q}`, good),
		fmt.Sprintf(`{"pid":%q,"offset":"x"}`, strings.Repeat("p", maxKeyBytes+1)),
		fmt.Sprintf(`{"pid":"p","offset":%q}`, strings.Repeat("o", maxKeyBytes+1)),
	} {
		r := &returning{t: t, addr: addr, pid: good}
		r.arrive(auth)
		if r.recovered || len(r.before) != 0 {
			t.Errorf("%s was recovered", auth)
		}
	}
	for _, bad := range []string{"none", offset + "zz", "", strings.ToUpper(offset[:5]) + "zzzzzzzzzzzzz", offset[:5] + "3w5e11264sgsf", offset[:5] + "-1"} {
		r := visitor(t, addr)
		r.lose(srv)
		r.offset = bad
		r.back(false)
	}
}

func TestRecoveryIsOffByDefault(t *testing.T) {
	srv, addr := serve(t, Config{})
	c := dial(t, addr)
	id := c.connect("/", `{"pid":"p","offset":"o"}`) // checks that there is no pid
	_ = srv.Emit("x", 1)
	_ = srv.Socket(id).Emit("y")
	c.expect(`2["x",1]`, `2["y"]`)
	plain := dial(t, addr)
	if s := srv.Socket(plain.connect("/", "")); s.Recovered() || s.ext.Load() != nil || srv.link != nil {
		t.Error("a server without recovery keeps something for it")
	}
	if st := srv.Stats(); st.NotRecovered != 0 || st.RecoveryPackets != 0 {
		t.Errorf("stats %+v", st)
	}
}

func TestSessionIsGivenBackOnce(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	r := visitor(t, addr)
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.lose(srv)
	auth, sid := r.auth(), r.sid
	r.back(true)
	thief := &returning{t: t, addr: addr, pid: r.pid}
	thief.arrive(auth)
	if thief.recovered || thief.sid == sid || len(srv.Sockets()) != 2 {
		t.Error("a session was given back twice")
	}
	if st := srv.Stats(); st.Recovered != 1 || st.NotRecovered != 1 {
		t.Errorf("stats %+v", st)
	}
}

func TestWhatIsNotRecoverable(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	_ = srv.Emit("x")
	for name, end := range map[string]func(r *returning){
		"client namespace disconnect": func(r *returning) { r.send("1") },
		"server namespace disconnect": func(r *returning) { srv.Socket(r.sid).Disconnect(false) },
		"with the connection":         func(r *returning) { srv.Socket(r.sid).Disconnect(true) },
		"parse error":                 func(r *returning) { r.write("9", false) },
	} {
		t.Run(name, func(t *testing.T) {
			r := visitor(t, addr)
			r.t = t
			_ = srv.Emit("x")
			r.events(`2["x"]`)
			s := srv.Socket(r.sid)
			end(r)
			eventually(t, "the socket is gone", func() bool { return s.state.Load() >= stateClosed && s.Rooms() == nil })
			if err := s.Emit("late"); !errors.Is(err, ErrDisconnected) {
				t.Errorf("Emit afterwards: %v", err)
			}
			if srv.link.memory.has(r.pid) {
				t.Error("the session is kept")
			}
			r.back(false)
		})
	}
}

func TestRecoverableReasons(t *testing.T) {
	for _, r := range reasons {
		want := r != ReasonParseError && r != ReasonClientDisconnect && r != ReasonServerDisconnect && r != "other"
		if recoverable(r) != want {
			t.Errorf("%s: %v", r, !want)
		}
	}
}

func TestForcedCloseIsRecoverable(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	r := visitor(t, addr)
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	r.send("2{}") // malformed
	r.expectClosed()
	eventually(t, "the session is kept", func() bool { return srv.Stats().RecoverySessions == 1 })
	r.back(true)
}

// TestRecoveryIsAllOrNothing: what a bound has dropped is never a silent hole.
func TestRecoveryIsAllOrNothing(t *testing.T) {
	for name, cfg := range map[string]Recovery{"packets": {MaxPackets: 8}, "bytes": {MaxBytes: 8 * (eventOverhead + 40)}} {
		t.Run(name, func(t *testing.T) {
			srv, addr := recovering(t, cfg)
			r := visitor(t, addr)
			for missed := 0; missed < 12; missed++ {
				_ = srv.Emit("x")
				r.events(`2["x"]`)
				r.lose(srv)
				var want []string
				for i := range missed {
					_ = srv.Emit("n", i)
					want = append(want, fmt.Sprintf(`2["n",%d]`, i))
				}
				st := srv.Stats()
				if st.RecoveryPackets > 9 || st.RecoveryBytes > 9*(eventOverhead+40) {
					t.Fatalf("%d events of %d bytes are kept", st.RecoveryPackets, st.RecoveryBytes)
				}
				if fits := missed <= st.RecoveryPackets; fits {
					r.back(true, want...)
				} else {
					r.back(false)
				}
			}
			if st := srv.Stats(); st.RecoveryDropped == 0 || st.NotRecovered < 3 || st.Recovered < 5 {
				t.Errorf("stats %+v", st)
			}
		})
	}
}

// TestMoreMissedThanMayBeQueued: it would close the connection again.
func TestMoreMissedThanMayBeQueued(t *testing.T) {
	srv, addr := serve(t, Config{ConnectionStateRecovery: &Recovery{}, Poller: poller.Config{MaxQueueBytes: 64 << 10}})
	r := visitor(t, addr)
	_ = srv.Emit("x")
	r.events(`2["x"]`)
	for _, n := range []int{30, 40} { // KiB: below and above half of the queue
		r.lose(srv)
		var want []string
		for range n {
			text := strings.Repeat("k", 1000)
			_ = srv.Emit("big", text)
			want = append(want, `2["big","`+text+`"]`)
		}
		if n == 30 {
			r.back(true, want...)
		} else {
			r.back(false)
		}
	}
}

func TestSessionsExpireAndAreBounded(t *testing.T) {
	srv, addr := serve(t, Config{ConnectionStateRecovery: &Recovery{MaxDisconnectionDuration: 200 * time.Millisecond, MaxSessions: 2}, PingInterval: time.Second})
	var all []*returning
	for range 3 {
		r := visitor(t, addr)
		_ = srv.Emit("x")
		r.events(`2["x"]`)
		all = append(all, r)
	}
	_ = all[0].conn.Close()
	eventually(t, "one socket is gone", func() bool { return srv.Stats().Disconnects[ReasonTransportClose] == 1 })
	for _, r := range all[1:] {
		_ = r.conn.Close()
	}
	eventually(t, "all are gone", func() bool {
		st := srv.Stats()
		if st.RecoverySessions > 2 {
			t.Errorf("%d sessions are kept", st.RecoverySessions)
		}
		return st.Disconnects[ReasonTransportClose] == 3 && st.Workers == 0
	})
	eventually(t, "the sessions have expired", func() bool { return srv.Stats().RecoverySessions == 0 })
	all[2].back(false)
}

// TestLogEmptiesByTime: also when nothing happens any more.
func TestLogEmptiesByTime(t *testing.T) {
	srv, addr := serve(t, Config{
		ConnectionStateRecovery: &Recovery{MaxDisconnectionDuration: time.Millisecond},
		PingInterval:            50 * time.Millisecond, PingTimeout: 100 * time.Millisecond,
	})
	_ = visitor(t, addr)
	for range 1000 {
		_ = srv.Emit("x")
	}
	eventually(t, "the log is empty", func() bool {
		st := srv.Stats()
		return st.RecoveryPackets == 0 && st.RecoveryBytes == 0
	})
	m := srv.link.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.log != nil || m.timer != nil {
		t.Error("the log keeps its memory, or looks at it for ever")
	}
}

func TestEventsWithoutOffset(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	r := visitor(t, addr)
	s := srv.Socket(r.sid)
	_ = srv.Volatile().Emit("volatile", 1)
	r.expect(`2["volatile",1]`)
	_ = s.Volatile().Emit("volatile", 2)
	r.expect(`2["volatile",2]`)
	_ = s.EmitAck("ack", func(Args, error) {}, 3)
	r.expect(`20["ack",3]`)
	_ = srv.EmitAck("acks", func([]Args, error) {}, 4)
	r.expect(`21["acks",4]`)
	if n := srv.Stats().RecoveryPackets; n != 0 {
		t.Errorf("%d events are kept", n)
	}
}

func TestOutgoingListenersSeeLoggedEventsOnce(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	r := visitor(t, addr)
	seen := make(chan string, 8)
	srv.Socket(r.sid).OnAnyOutgoing(func(event string, _ Args) { seen <- event })
	_ = srv.Socket(r.sid).Emit("one")
	_ = srv.Emit("two")
	r.events(`2["one"]`, `2["two"]`)
	if a, b := recv(t, seen), recv(t, seen); a != "one" || b != "two" || len(seen) != 0 {
		t.Errorf("seen %q, %q and %d more", a, b, len(seen))
	}
}

func TestRecoveryInOtherNamespaces(t *testing.T) {
	srv, addr := recovering(t, Recovery{})
	srv.OfPattern(regexp.MustCompile("^/dyn-[0-9]$"))
	for _, name := range []string{"/static", "/dyn-1"} {
		if name == "/static" {
			srv.Of(name)
		}
		r := &returning{t: t, addr: addr}
		r.testClient = dial(t, addr)
		r.send("0" + name + ",")
		first := r.next()
		var answer struct{ SID, PID string }
		if err := json.Unmarshal([]byte(strings.TrimPrefix(first, "0"+name+",")), &answer); err != nil || answer.PID == "" {
			t.Fatalf("answer %q, %v", first, err)
		}
		_ = srv.Of(name).Emit("x")
		_ = r.strip(r.next())
		r.lose(srv)
		_ = srv.Emit("elsewhere")
		_ = srv.Of(name).Emit("missed")
		r.testClient = dial(t, addr)
		r.send(fmt.Sprintf(`0%s,{"pid":%q,"offset":%q}`, name, answer.PID, r.offset))
		if got := r.strip(r.next()); got != "2"+name+`,["missed"]` {
			t.Errorf("got %q", got)
		}
		if got := r.next(); got != first {
			t.Errorf("got %q, want %q", got, first)
		}
	}
}
