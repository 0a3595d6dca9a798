package sio

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// names returns the names of namespaces, sorted.
func names(list []*Namespace) []string {
	all := []string{}
	for _, n := range list {
		all = append(all, n.Name())
	}
	slices.Sort(all)
	return all
}

// has reports whether the server has the namespace, without making it.
func (srv *Server) has(name string) bool {
	srv.dir.mu.Lock()
	defer srv.dir.mu.Unlock()
	return srv.dir.byName[name] != nil
}

func TestDynamicNamespaceByPattern(t *testing.T) {
	srv, addr := serve(t, Config{})
	sockets := make(chan *Socket, 4)
	parent := srv.OfPattern(regexp.MustCompile(`^/dynamic-\d+$`))
	parent.OnConnection(func(s *Socket) { sockets <- s })
	parent.Use(func(s *Socket) error { return s.Join("room") })
	On(parent, "echo", func(s *Socket, v string) error { return s.Emit("echo", v) })
	c := dial(t, addr)
	id := c.connect("/dynamic-101", `{"a":1}`)
	s := recv(t, sockets)
	n := s.Namespace()
	if s.ID() != id || n.Name() != "/dynamic-101" || n.Parent() != parent || srv.Of("dynamic-101") != n || string(s.Handshake().Auth) != `{"a":1}` {
		t.Errorf("socket of %q, parent %p, auth %s", n.Name(), n.Parent(), s.Handshake().Auth)
	}
	c.send(`2/dynamic-101,["echo","x"]`)
	c.expect(`2/dynamic-101,["echo","x"]`)
	_ = n.To("room").Emit("to the room", []byte{1})
	c.expect(`51-/dynamic-101,["to the room",{"_placeholder":true,"num":0}]`, "b:\x01")
	if srv.Parent() != nil || srv.Children() != nil || !slices.Equal(names(parent.Children()), []string{"/dynamic-101"}) {
		t.Errorf("children %v", names(parent.Children()))
	}
	for _, refused := range []string{"/dynamic-x", "/dynamic-101/", "/a/dynamic-1", "/_0"} {
		c.send("0" + refused + ",")
		c.expect(`4` + refused + `,{"message":"Invalid namespace"}`)
	}
	// A second client finds the namespace there.
	join(t, addr, "/dynamic-101")
	if recv(t, sockets).Namespace() != n {
		t.Error("the namespace was made twice")
	}
}

func TestPatternsMatchAnywhereUnlessAnchored(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OfPattern(regexp.MustCompile(`room`))
	join(t, addr, "/some/room/7")
	if !srv.has("/some/room/7") {
		t.Error("not made")
	}
}

func TestDynamicNamespaceByFunction(t *testing.T) {
	srv, addr := serve(t, Config{})
	asked := make(chan Handshake, 1)
	parent := srv.OfFunc(func(name string, h Handshake) bool {
		asked <- h
		var auth struct{ Tenant string }
		return h.BindAuth(&auth) == nil && name == "/"+auth.Tenant
	})
	sockets := make(chan *Socket, 1)
	parent.OnConnection(func(s *Socket) { sockets <- s })
	c := dial(t, addr)
	c.send(`0/acme,{"tenant":"other"}`)
	c.expect(`4/acme,{"message":"Invalid namespace"}`)
	recv(t, asked)
	c.connect("/acme", `{"tenant":"acme"}`)
	if h := recv(t, asked); h.Address != "127.0.0.1" || h.Query.Get("EIO") != "4" {
		t.Errorf("handshake %+v", h)
	}
	if s := recv(t, sockets); s.Namespace().Parent() != parent || string(s.Handshake().Auth) != `{"tenant":"acme"}` {
		t.Errorf("socket of %q with auth %s", s.Namespace().Name(), s.Handshake().Auth)
	}
	join(t, addr, "/acme") // exists: nobody is asked
	if len(asked) != 0 {
		t.Error("asked for a namespace that exists")
	}
	recv(t, sockets)
	c.send("0/none,")
	c.expect(`4/none,{"message":"Invalid namespace"}`)
	if h := recv(t, asked); string(h.Auth) != "{}" {
		t.Errorf("auth of a CONNECT without: %s", h.Auth)
	}
}

func TestParentsAreAskedInOrder(t *testing.T) {
	srv, addr := serve(t, Config{})
	var log journal
	ask := func(who string, yes bool) func(string, Handshake) bool {
		return func(string, Handshake) bool { log.add(who); return yes }
	}
	srv.OfPattern(regexp.MustCompile(`^/other`))
	srv.OfFunc(ask("no", false))
	want := srv.OfFunc(ask("yes", true))
	srv.OfPattern(regexp.MustCompile(`.`))
	srv.OfFunc(ask("too late", true))
	join(t, addr, "/x")
	if p := srv.Of("/x").Parent(); p != want {
		t.Errorf("parent %v", p)
	}
	log.expect(t, "no", "yes")
}

func TestAFunctionMayBlock(t *testing.T) {
	srv, addr := serve(t, Config{Poller: poller.Config{Loops: 1}, MaxNamespaces: 3})
	enter, leave := make(chan string, 4), map[string]chan bool{"/slow": make(chan bool), "/slow2": make(chan bool)}
	srv.OfFunc(func(name string, _ Handshake) bool { enter <- name; return <-leave[name] })
	srv.OnRaw("echo", func(e *RawEvent) { _ = e.Ack(nil) }, Inline)
	c := join(t, addr, "/")
	c.send("0/slow,")
	recv(t, enter)
	c.send(`20["echo"]`) // of the same connection: the loop is free
	c.expect("30[]")
	// What waits counts for the limit of namespaces of the connection.
	c.send("0/slow2,", "0/slow3,")
	c.expect(`4/slow3,{"message":"too many namespaces"}`)
	// Before the answer an event is a violation.
	leave["/slow"] <- true
	if got := c.next(); !strings.HasPrefix(got, `0/slow,{"sid":`) {
		t.Errorf("got %q", got)
	}
	c.send(`2/slow2,["x"]`)
	c.expectClosed()
	recv(t, enter)
	leave["/slow2"] <- true
	eventually(t, "the workers end", func() bool { return srv.Stats().Workers == 0 })
}

func TestConnectTwiceWhileANamespaceIsLookedUp(t *testing.T) {
	srv, addr := serve(t, Config{})
	enter, leave := make(chan bool), make(chan bool)
	srv.OfFunc(func(string, Handshake) bool { enter <- true; return <-leave })
	ended := make(chan gone, 1)
	srv.OnDisconnect(func(_ *Socket, r Reason, err error) { ended <- goneOf(r, err) })
	c := join(t, addr, "/")
	c.send("0/x,", "0/x,")
	recv(t, enter)
	recv(t, enter)
	leave <- true
	leave <- true
	if got := recv(t, ended); got != (gone{ReasonForcedClose, errInvalidState.Text}) {
		t.Errorf("ended with %+v", got)
	}
	c.expectClosed()
}

func TestAFunctionThatPanicsEndsTheConnection(t *testing.T) {
	errs := make(chan error, 1)
	srv, addr := serve(t, Config{OnError: func(err error) { errs <- err }})
	srv.OfFunc(func(string, Handshake) bool { panic("x") })
	c := dial(t, addr)
	c.send("0/x,")
	c.expectClosed()
	var pe *PanicError
	if err := recv(t, errs); !errors.As(err, &pe) || pe.Event != "namespace" || pe.Value != "x" {
		t.Errorf("OnError got %v", err)
	}
}

func TestNewNamespaceHook(t *testing.T) {
	srv, addr := serve(t, Config{})
	made := make(chan string, 8)
	srv.OnNewNamespace(func(n *Namespace) {
		if srv.Of(n.Name()) != n {
			t.Error("the hook can't find the namespace")
		}
		time.Sleep(20 * time.Millisecond)
		n.OnConnection(func(s *Socket) { _ = s.Emit("hello") })
		made <- n.Name()
	})
	srv.Of("/static")
	srv.Of("/static")
	srv.Of("/")
	srv.OfPattern(regexp.MustCompile(`^/d`))
	var clients []*testClient
	for range 3 { // at the same time: none of them is connected before the hook is done
		c := dial(t, addr)
		c.send("0/d1,")
		clients = append(clients, c)
	}
	for _, c := range clients {
		if got := c.next(); !strings.HasPrefix(got, `0/d1,{"sid"`) {
			t.Errorf("got %q", got)
		}
		c.expect(`2/d1,["hello"]`)
	}
	for _, want := range []string{"/static", "/d1"} {
		if got := recv(t, made); got != want {
			t.Errorf("hook was told of %q, want %q", got, want)
		}
	}
	if len(made) != 0 {
		t.Errorf("hook was told of %q too", <-made)
	}
}

func TestChildrenShareWhatTheParentHadWhenTheyWereMade(t *testing.T) {
	srv, addr := serve(t, Config{})
	parent := srv.OfPattern(regexp.MustCompile(`^/p`))
	answer := func(text string) func(e *RawEvent) {
		return func(e *RawEvent) { _ = e.Ack([]byte(`"` + text + `"`)) }
	}
	parent.OnRaw("a", answer("early"), Inline)
	var once atomic.Int32
	parent.OnRaw("once", func(*RawEvent) { once.Add(1) }, Once, Inline)
	c := dial(t, addr)
	c.connect("/p1", "")
	c.connect("/p2", "")
	parent.OnRaw("b", answer("late"), Inline)
	parent.Use(func(*Socket) error { return errors.New("no more") })
	srv.Of("/p1").OnRaw("c", answer("own"), Inline)
	c.connect("/", "")
	c.send(`2/p1,1["a"]`, `2/p1,2["b"]`, `2/p1,3["c"]`)
	c.expect(`3/p1,1["early"]`, `3/p1,3["own"]`)
	c.send(`2/p1,["once"]`, `2/p2,["once"]`, `2/p2,4["a"]`)
	c.expect(`3/p2,4["early"]`)
	if n := once.Load(); n != 1 || parent.reg.load().find([]byte("once")) != nil {
		t.Errorf("a handler for one call was called %d times, or is still there", n)
	}
}

func TestParentBroadcastReachesAllChildren(t *testing.T) {
	srv, addr := serve(t, Config{})
	parent := srv.OfPattern(regexp.MustCompile(`^/p`))
	sockets := make(chan *Socket, 3)
	parent.OnConnection(func(s *Socket) { sockets <- s })
	a, b := join(t, addr, "/p1"), join(t, addr, "/p2")
	sa, sb := recv(t, sockets), recv(t, sockets)
	if sa.Namespace().Name() != "/p1" {
		sa, sb = sb, sa
	}
	other := join(t, addr, "/")
	_ = sb.Join("r")
	for _, err := range []error{
		parent.Emit("all", []byte{7}), parent.EmitRaw("raw", []byte("1")), parent.To("r").Emit("room"),
		parent.Except("r").Emit("rest"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	a.expect(`51-/p1,["all",{"_placeholder":true,"num":0}]`, "b:\x07", `2/p1,["raw",1]`, `2/p1,["rest"]`)
	b.expect(`51-/p2,["all",{"_placeholder":true,"num":0}]`, "b:\x07", `2/p2,["raw",1]`, `2/p2,["room"]`)
	if err := parent.Volatile().Send("m"); err != nil { // to clients that have taken everything
		t.Error(err)
	}
	a.expect(`2/p1,["message","m"]`)
	b.expect(`2/p2,["message","m"]`)
	other.expectNothing()
	if err := parent.Emit("disconnect"); !errors.Is(err, ErrReservedEvent) {
		t.Errorf("reserved event: %v", err)
	}
	ctx := t.Context()
	if _, err := parent.EmitWithAck(ctx, "x"); !errors.Is(err, errParentAck) {
		t.Errorf("EmitWithAck: %v", err)
	}
	if err := errors.Join(parent.SocketsJoin("all"), parent.To("r").SocketsLeave("all")); err != nil {
		t.Error(err)
	}
	if all, err := parent.In("all").FetchSockets(ctx); err != nil || len(all) != 1 || all[0].ID != sa.ID() {
		t.Errorf("FetchSockets: %v, %v", all, err)
	}
	if len(parent.Sockets()) != 2 || parent.Socket(sa.ID()) != sa || parent.Socket("x") != nil {
		t.Errorf("%d sockets", len(parent.Sockets()))
	}
	if err := parent.To("r").DisconnectSockets(false); err != nil {
		t.Error(err)
	}
	b.expect("1/p2,")
	a.expectNothing()
}

// slowAdapter is an adapter whose making and end are slow.
type slowAdapter struct {
	Adapter
	closed chan string
	name   string
}

func (a slowAdapter) Close() error {
	a.closed <- a.name
	return nil
}

// TestAdapterOfADynamicNamespace has adapters made off the loop, and without
// holding up who asks for another namespace, and closed with their namespaces.
func TestAdapterOfADynamicNamespace(t *testing.T) {
	enter, leave, closed := make(chan bool), make(chan bool), make(chan string, 4)
	srv, addr := serve(t, Config{
		Poller:                      poller.Config{Loops: 1},
		CleanupEmptyChildNamespaces: true,
		Adapter: func(n *Node) Adapter {
			if n.Namespace().Name() == "/slow" {
				enter <- true
				<-leave
			}
			return slowAdapter{closed: closed, name: n.Namespace().Name()}
		},
	})
	srv.OfPattern(regexp.MustCompile(`.`))
	c, c2 := dial(t, addr), dial(t, addr)
	c.send("0/slow,")
	recv(t, enter)
	c2.connect("/quick", "")
	c2.send("0/slow,") // waits as well
	leave <- true
	for _, x := range []*testClient{c, c2} {
		if got := x.next(); !strings.HasPrefix(got, `0/slow,{"sid"`) {
			t.Errorf("got %q", got)
		}
	}
	if srv.Of("/slow").link == nil {
		t.Error("no adapter")
	}
	c2.send("1/slow,", "1/quick,")
	if got := recv(t, closed); got != "/quick" {
		t.Errorf("closed %q", got)
	}
	c.send("1/slow,")
	if got := recv(t, closed); got != "/slow" {
		t.Errorf("closed %q", got)
	}
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if got := recv(t, closed); got != "/" {
		t.Errorf("closed %q", got)
	}
}

func TestOfAttachesAChildToItsParent(t *testing.T) {
	srv, addr := serve(t, Config{})
	before := srv.Of("/d0")
	srv.OfFunc(func(string, Handshake) bool { return true }) // functions are for clients only
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	child := srv.Of("/d1")
	if child.Parent() != parent || before.Parent() != nil || srv.Of("/x").Parent() != nil || !slices.Equal(names(parent.Children()), []string{"/d1"}) {
		t.Errorf("children %v", names(parent.Children()))
	}
	c := join(t, addr, "/d1")
	_ = parent.Emit("x")
	c.expect(`2/d1,["x"]`)
}

// TestConcurrentConnectsMakeOneNamespace is the reference's #4136.
func TestConcurrentConnectsMakeOneNamespace(t *testing.T) {
	for _, cleanup := range []bool{false, true} {
		srv, addr := serve(t, Config{CleanupEmptyChildNamespaces: cleanup})
		var gate sync.WaitGroup
		gate.Add(6)
		parent := srv.OfFunc(func(string, Handshake) bool { gate.Done(); gate.Wait(); return true })
		sockets := make(chan *Socket, 6)
		parent.OnConnection(func(s *Socket) { sockets <- s })
		for range 6 {
			c := dial(t, addr)
			c.send("0/race,")
		}
		n := recv(t, sockets).Namespace()
		for range 5 {
			if recv(t, sockets).Namespace() != n {
				t.Error("the namespace was made twice")
			}
		}
		if srv.Of("/race") != n {
			t.Error("the server knows another")
		}
	}
}

func TestCleanupEmptyChildNamespaces(t *testing.T) {
	srv, addr := serve(t, Config{CleanupEmptyChildNamespaces: true})
	sockets := make(chan *Socket, 1)
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	parent.Use(func(s *Socket) error {
		if string(s.Handshake().Auth) == `{"refuse":1}` {
			return errors.New("refused")
		}
		return nil
	})
	parent.OnConnection(func(s *Socket) { sockets <- s })
	srv.Of("/static")
	goneNow := func(name string) {
		t.Helper()
		eventually(t, name+" is gone", func() bool { return !srv.has(name) })
	}
	// The last socket leaves.
	c, c2 := join(t, addr, "/d1"), join(t, addr, "/d1")
	first := recv(t, sockets).Namespace()
	recv(t, sockets)
	c.send("1/d1,")
	c.connect("/", "")
	if !srv.has("/d1") {
		t.Error("cleaned up with a socket in it")
	}
	_ = c2.conn.Close()
	goneNow("/d1")
	if len(parent.Children()) != 0 {
		t.Errorf("children %v", names(parent.Children()))
	}
	// It is made again.
	c.connect("/d1", "")
	s := recv(t, sockets)
	if s.Namespace() == first {
		t.Error("a namespace that was cleaned up is used again")
	}
	// A refused client does not matter while another is there.
	c3 := dial(t, addr)
	c3.send(`0/d1,{"refuse":1}`)
	c3.expect(`4/d1,{"message":"refused"}`)
	if srv.Of("/d1") != s.Namespace() {
		t.Error("cleaned up because a client was refused")
	}
	s.Disconnect(false)
	goneNow("/d1")
	// A refused client that is the only one.
	c3.send(`0/d2,{"refuse":1}`)
	c3.expect(`4/d2,{"message":"refused"}`)
	goneNow("/d2")
	// A namespace that was made by hand is a child too, once it was used.
	srv.Of("/d3")
	if !srv.has("/d3") {
		t.Error("cleaned up before it was used")
	}
	join(t, addr, "/d3").send("1/d3,")
	recv(t, sockets)
	goneNow("/d3")
	// Others stay.
	join(t, addr, "/static").send("1/static,")
	c3.connect("/", "")
	c3.send("1")
	c3.connect("/static", "")
	if !srv.has("/static") || !srv.has("/") {
		t.Error("a static namespace was cleaned up")
	}
}

func TestNoCleanupByDefault(t *testing.T) {
	srv, addr := serve(t, Config{})
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	c := join(t, addr, "/d1")
	n := srv.Of("/d1")
	c.send("1/d1,")
	parent.Use(func(*Socket) error { return errors.New("refused") })
	c.send("0/d2,")
	c.expect(`4/d2,{"message":"refused"}`)
	c.connect("/", "") // behind the end of both
	if srv.Of("/d1") != n || !srv.has("/d2") {
		t.Error("cleaned up")
	}
}

// TestCleanupUnderConcurrency lets clients come and go at once: each gets a
// namespace that the server knows while it is in it.
func TestCleanupUnderConcurrency(t *testing.T) {
	srv, addr := serve(t, Config{CleanupEmptyChildNamespaces: true})
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	parent.OnRaw("check", func(e *RawEvent) {
		n := e.Socket().Namespace()
		if srv.Of(n.Name()) != n {
			t.Error("a socket is in a namespace that was cleaned up")
		}
		_ = e.Ack(nil)
	})
	var wg sync.WaitGroup
	for range 6 {
		c := dial(t, addr)
		wg.Go(func() {
			for range 60 {
				c.send("0/d,")
				if got := c.next(); !strings.HasPrefix(got, `0/d,{"sid"`) {
					t.Errorf("got %q", got)
				}
				c.send(`2/d,0["check"]`)
				c.expect(`3/d,0[]`)
				c.send("1/d,")
			}
		})
	}
	wg.Wait()
	eventually(t, "it is gone", func() bool { return !srv.has("/d") && len(parent.Children()) == 0 })
}

func TestDynamicNamespacesAreBounded(t *testing.T) {
	srv, addr := serve(t, Config{MaxDynamicNamespaces: 2, CleanupEmptyChildNamespaces: true})
	srv.OfPattern(regexp.MustCompile(`^/d`))
	c := dial(t, addr)
	c.connect("/d1", "")
	c.connect("/d2", "")
	c.send("0/d3,")
	c.expect(`4/d3,{"message":"too many namespaces"}`)
	if st := srv.Stats(); st.Limits["DynamicNamespaces"] != 1 || st.SocketsByNamespace["/_0"] != 2 {
		t.Errorf("limits %v, sockets %v", st.Limits, st.SocketsByNamespace)
	}
	c.send("1/d1,")
	c.connect("/d3", "")
}

// TestCONNECTsToUnknownNamespacesLeaveNothing is the attack on a server that
// makes namespaces on demand.
func TestCONNECTsToUnknownNamespacesLeaveNothing(t *testing.T) {
	srv, addr := serve(t, Config{})
	srv.OfPattern(regexp.MustCompile(`^/d\d+$`))
	srv.OfFunc(func(string, Handshake) bool { return false })
	c := join(t, addr, "/")
	for round := range 20 {
		for i := range 20 {
			c.send(fmt.Sprintf("0/unknown-%d-%d,", round, i))
		}
		for range 20 {
			if got := c.next(); !strings.HasSuffix(got, `{"message":"Invalid namespace"}`) {
				t.Fatal(got)
			}
		}
	}
	if st := srv.Stats(); st.Namespaces != 1 || st.Sockets != 1 {
		t.Errorf("left: %+v", st)
	}
	s := srv.Sockets()[0]
	onLoopOf(t, s, func() {
		if cl := clientOf(s.sess); cl.lookups != 0 || len(cl.more) != 0 {
			t.Errorf("left: %d lookups, %d sockets", cl.lookups, len(cl.more))
		}
	})
}

// onLoopOf runs f on the loop of s and waits for it.
func onLoopOf(t *testing.T, s *Socket, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !s.loop.loop.Post(func(a, _ any) { a.(func())(); close(done) }, f, nil) {
		t.Fatal("the loop is closed")
	}
	recv(t, done)
}

// TestCleanupFreesMemory makes many children and lets them go.
func TestCleanupFreesMemory(t *testing.T) {
	srv, err := NewServer(Config{CleanupEmptyChildNamespaces: true})
	if err != nil {
		t.Fatal(err)
	}
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	const many = 50_000
	before := heap()
	for i := range many {
		srv.Of(fmt.Sprintf("/d%d", i))
	}
	if full := heap() - before; full < many*100 {
		t.Fatalf("%d children take %d bytes: nothing to free", many, full)
	}
	for i := range many {
		srv.enter(fmt.Appendf(nil, "/d%d", i)).leave()
	}
	if left := heap() - before; left > many*5 {
		t.Errorf("%d bytes are left of %d children", left, many)
	}
	if len(parent.Children()) != 0 || srv.dir.children != 0 {
		t.Errorf("%d children left", srv.dir.children)
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestAClientThatGoesDuringALookupLeavesNothing(t *testing.T) {
	srv, addr := serve(t, Config{CleanupEmptyChildNamespaces: true})
	enter, leave := make(chan bool), make(chan bool)
	parent := srv.OfFunc(func(string, Handshake) bool { enter <- true; return <-leave })
	parent.OnConnection(func(*Socket) { t.Error("connection of a client that has gone") })
	c := dial(t, addr)
	c.send("0/x,")
	recv(t, enter)
	_ = c.conn.Close()
	eventually(t, "the session ends", func() bool { return srv.Stats().Connections == 0 })
	leave <- true
	eventually(t, "the namespace is gone", func() bool { return srv.Stats().Workers == 0 && !srv.has("/x") })
}

// TestCleanupWithRecovery: what a child could have recovered goes with it, and a client that comes back is a new one.
func TestCleanupWithRecovery(t *testing.T) {
	srv, addr := serve(t, Config{CleanupEmptyChildNamespaces: true, ConnectionStateRecovery: &Recovery{}})
	parent := srv.OfPattern(regexp.MustCompile(`^/d`))
	parent.OnConnection(func(s *Socket) { _ = s.Emit("hello", s.Recovered()) })
	for range 3 {
		c := dial(t, addr)
		c.send(`0/d,{"pid":"unknown","offset":"unknown"}`)
		if got := c.next(); !strings.HasPrefix(got, `0/d,{"sid":"`) || !strings.Contains(got, `"pid":"`) {
			t.Fatalf("got %q", got)
		}
		if got := c.next(); !strings.HasPrefix(got, `2/d,["hello",false,"`) {
			t.Errorf("got %q", got)
		}
		_ = c.conn.Close()
		eventually(t, "the child is gone", func() bool { return !srv.has("/d") })
	}
}
