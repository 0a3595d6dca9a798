package eio

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// The machine of a session without kernel, HTTP and time: a simulated loop, transports that remember what
// they were sent, and a client that plays by the rules or does not.

// simLoop is a clock whose time stands still until somebody moves it.
type simLoop struct {
	now    time.Duration
	posts  []func()
	timers map[*poller.Timer]simTimer
	armed  int // in order of arming
}

type simTimer struct {
	h    poller.TimerHandler
	at   time.Duration
	turn int
}

func (l *simLoop) Post(fn func(a, b any), a, b any) bool {
	l.posts = append(l.posts, func() { fn(a, b) })
	return true
}

func (l *simLoop) Arm(t *poller.Timer, h poller.TimerHandler, d time.Duration) {
	l.armed++
	l.timers[t] = simTimer{h, l.now + d, l.armed}
}

func (l *simLoop) Disarm(t *poller.Timer) { delete(l.timers, t) }

// settle runs what was posted: the end of a turn.
func (l *simLoop) settle() {
	for len(l.posts) > 0 {
		fn := l.posts[0]
		l.posts = l.posts[1:]
		fn()
	}
}

// pass lets time go by.
func (l *simLoop) pass(d time.Duration) {
	end := l.now + d
	for {
		l.settle()
		var first *poller.Timer
		for t, x := range l.timers {
			if f, ok := l.timers[first]; !ok || x.at < f.at || x.at == f.at && x.turn < f.turn {
				first = t
			}
		}
		if first == nil || l.timers[first].at > end {
			l.now = end
			return
		}
		x := l.timers[first]
		l.now = x.at
		delete(l.timers, first)
		x.h.OnTimer(first)
	}
}

// simHandler logs what a session tells.
type simHandler struct {
	log   []string // messages
	opens int
	ends  []string
	late  int // calls behind OnClose
}

func (h *simHandler) note() {
	if len(h.ends) > 0 {
		h.late++
	}
}
func (h *simHandler) OnOpen(*Session)    { h.note(); h.opens++ }
func (h *simHandler) OnUpgrade(*Session) { h.note() }
func (h *simHandler) OnDrain(*Session)   { h.note() }
func (h *simHandler) OnMessage(_ *Session, b []byte, _ bool) {
	h.note()
	h.log = append(h.log, string(b))
}

func (h *simHandler) OnClose(_ *Session, r Reason, err error) {
	h.ends = append(h.ends, fmt.Sprintf("%v: %v", r, err))
}

// simRequest is an HTTP request of the client.
type simRequest struct {
	status int    // 0: pending
	body   string // of the answer
	cut    bool
	more   int // answers behind the first
}

func (x *simRequest) Respond(status int, _ string, _, body []byte) {
	if x.over() {
		x.more++
	}
	x.status, x.body = status, string(body)
}

func (x *simRequest) Cut(error) {
	if x.over() {
		x.more++
	}
	x.cut = true
}
func (x *simRequest) over() bool { return x != nil && (x.status != 0 || x.cut) }

// simSocket is a WebSocket of the client, as the session sees it.
type simSocket struct {
	s      *Session
	got    []string // packets that the client has not looked at
	full   bool     // the kernel takes nothing
	closed bool
}

func (w *simSocket) kind() transportKind { return websocket }
func (w *simSocket) attach(s *Session)   { w.s = s }
func (w *simSocket) writable() bool      { return !w.full }
func (w *simSocket) queued() int         { return 0 }
func (w *simSocket) pause()              {}
func (w *simSocket) resume()             {}
func (w *simSocket) abandon(bool)        { w.closed = true }

func (w *simSocket) setLimit(int, poller.Overflow) {}

func (w *simSocket) close(bool) bool {
	w.closed = true
	return true
}

func (w *simSocket) send(f *frame.Frame, _ bool) poller.Outcome {
	defer f.Release()
	if w.closed {
		return poller.Closed
	}
	for g := f; g != nil; g = g.Next() {
		w.got = append(w.got, string(g.Payload()))
	}
	return poller.Queued
}

// sim is one session with its client.
type sim struct {
	t    *testing.T
	loop *simLoop
	h    *simHandler
	srv  *Server
	s    *Session
	poll *longPoll

	get, post *simRequest   // pending or answered, not looked at
	done      []*simRequest // all requests
	ws        *simSocket    // of the upgrade, or after it
	up        *upgrade

	broken    bool     // the client left an answer unread: it may miss messages
	received  []string // messages, in order
	other     []string // other packets since somebody looked
	sentUp    int      // messages that the client sent
	sentDown  int      // messages that the server sent
	clientEnd string   // how the client saw the end
}

func newSim(t *testing.T, cfg Config) *sim {
	m := &sim{t: t, loop: &simLoop{timers: map[*poller.Timer]simTimer{}}, h: &simHandler{}}
	var err error
	m.srv, err = NewServer(cfg, m.h)
	require.NoError(t, err)
	m.s = &Session{shard: newShard(m.srv, m.loop, nil), dialect: revision4, tr: gone{}}
	require.True(t, m.srv.register(m.s, nil))
	return m
}

// startPolling makes the handshake by a GET.
func (m *sim) startPolling() {
	m.get = m.request()
	m.poll = &longPoll{s: m.s, get: m.get}
	m.s.open(m.poll, m.poll.flush)
	m.loop.settle()
}

// startWebSocket makes the handshake by WebSocket.
func (m *sim) startWebSocket() {
	m.ws = &simSocket{}
	m.s.open(m.ws, nil)
	m.loop.settle()
}

func (m *sim) request() *simRequest {
	x := &simRequest{}
	m.done = append(m.done, x)
	return x
}

// read looks at what the client was sent.
func (m *sim) read() {
	if m.get.over() {
		x := m.get
		m.get = nil
		if x.status == 200 {
			m.packets(strings.Split(x.body, "\x1e"))
		} else {
			m.clientEnd = "poll error"
		}
	}
	if m.post.over() {
		if m.post.status != 200 {
			m.clientEnd = "post error"
		}
		m.post = nil
	}
	if m.ws != nil {
		got := m.ws.got
		m.ws.got = nil
		m.packets(got)
	}
}

func (m *sim) packets(list []string) {
	for _, p := range list {
		switch {
		case p != "" && p[0] == '4':
			m.received = append(m.received, p[1:])
		case p == "1":
			m.clientEnd = "close packet"
		default:
			m.other = append(m.other, p)
		}
	}
}

// take reports whether the client got the packet, and forgets the others.
func (m *sim) take(packet string) bool {
	ok := slices.Contains(m.other, packet)
	m.other = nil
	return ok
}

// sendGet begins a poll.
func (m *sim) sendGet() {
	if m.get.over() {
		m.read()
	}
	m.broken = m.broken || m.get != nil
	x := m.request()
	if m.s.tr != transport(m.poll) { // door.go: the session is on WebSocket, or over
		x.Respond(400, "", nil, nil)
		m.get = x
		return
	}
	if m.poll.poll(x, nil, 0) {
		m.get = x
	} else {
		x.Respond(400, "", nil, nil)
	}
}

// sendPost sends a payload, in two steps when slow.
func (m *sim) sendPost(body string) {
	x := m.request()
	m.post = x
	if m.s.tr != transport(m.poll) {
		x.Respond(400, "", nil, nil)
		return
	}
	if m.poll.begin(x, false) {
		m.poll.payload(nil, []byte(body))
	} else {
		x.Respond(400, "", nil, nil)
	}
}

// openWebSocket begins an upgrade.
func (m *sim) openWebSocket() {
	w := &simSocket{}
	u := &upgrade{s: m.s}
	if u.begin(w) {
		m.ws, m.up = w, u
	}
}

// sendWebSocket sends one packet on the WebSocket, wherever that leads.
func (m *sim) sendWebSocket(p string) {
	switch {
	case m.ws == nil || m.ws.closed:
	case m.s.tr == transport(m.ws):
		m.s.receive([]byte(p), false)
	case m.up != nil:
		m.up.receive([]byte(p), false)
	}
}

// upward returns the next message of the client as a packet, downward sends the server's next.
func (m *sim) upward() string {
	m.sentUp++
	return "4" + strconv.Itoa(m.sentUp)
}

func (m *sim) downward() {
	if m.s.state == Open {
		m.sentDown++
		m.s.Send(messageFrame([]byte(strconv.Itoa(m.sentDown)), false))
	}
}

// rising reports whether list holds numbers in rising order, without gaps if whole.
func rising(list []string, whole bool) bool {
	last := 0
	for _, s := range list {
		n, err := strconv.Atoi(s)
		if err != nil || n <= last || whole && n != last+1 {
			return false
		}
		last = n
	}
	return true
}

// TestEveryInterleaving plays random moves of client and server against the machine, lawful ones and
// others. Whatever happens: order is kept in both directions and nothing comes twice, each request is
// answered at most once and none is left, OnOpen and OnClose come in pairs, and nothing comes behind.
func TestEveryInterleaving(t *testing.T) {
	seeds := uint64(20_000)
	if testing.Short() {
		seeds = 2_000
	}
	ends := map[string]int{}
	upgrades := 0
	for seed := range seeds {
		m := newSim(t, Config{})
		m.startPolling()
		r := rand.New(rand.NewPCG(seed, 1))
		var trace []string
		for range 5 + r.IntN(60) {
			trace = append(trace, m.move(r))
			m.loop.settle()
			if r.IntN(3) > 0 {
				m.read()
			}
		}
		if m.s.Upgraded() {
			upgrades++
		}
		m.finish()
		ends[m.h.ends[0]]++
		if fault := m.fault(); fault != "" {
			t.Fatalf("seed %d: %s\nmoves %q\nserver got %q of %d, end %q\nclient got %q of %d", seed, fault, trace, m.h.log, m.sentUp, m.h.ends, m.received, m.sentDown)
		}
	}
	if upgrades < int(seeds)/50 || len(ends) < 6 {
		t.Errorf("%d upgrades of %d, ends %v: the moves do not reach enough", upgrades, seeds, ends)
	}
}

// move makes one move, and says which.
func (m *sim) move(r *rand.Rand) string {
	n := r.IntN(120)
	switch {
	case n < 25:
		if m.get == nil {
			m.sendGet()
			return "get"
		}
	case n < 45:
		if m.post == nil && (m.ws == nil || m.up == nil) {
			m.sendPost(m.upward() + "\x1e" + m.upward())
			return "post"
		}
	case n < 70:
		m.downward()
		return "down"
	case n < 78:
		m.openWebSocket()
		return "open"
	case n < 90:
		m.sendWebSocket("2probe")
		return "probe"
	case n < 100:
		m.sendWebSocket("5")
		return "upgrade"
	case n < 108:
		if m.s.via == websocket {
			m.sendWebSocket(m.upward())
			return "up"
		}
	case n < 114:
		d := time.Duration(r.IntN(12_000)) * time.Millisecond
		m.loop.pass(d)
		return "pass " + d.String()
	case n < 120:
		return m.breakRules(r)
	}
	return "-"
}

// breakRules does what no official client does.
func (m *sim) breakRules(r *rand.Rand) string {
	switch r.IntN(9) {
	case 0:
		m.sendGet()
		return "another get"
	case 1:
		if m.get != nil && !m.get.over() {
			x := m.get
			m.get = nil
			x.cut = true
			m.broken = true
			if p, ok := m.s.tr.(*longPoll); ok {
				p.aborted(x)
			}
			return "abort"
		}
	case 2:
		m.sendPost("9")
		return "garbage"
	case 3:
		m.sendPost("1")
		return "close"
	case 4:
		m.sendWebSocket("2")
		return "ping"
	case 5:
		m.sendWebSocket(m.upward())
		return "early message"
	case 6:
		if m.ws != nil && !m.ws.closed {
			m.ws.closed = true
			if m.s.tr == transport(m.ws) {
				m.s.lost(TransportClose, nil)
			} else if m.up != nil {
				m.up.lost()
			}
			return "ws lost"
		}
	case 7:
		m.s.CloseNow()
		return "server closes"
	case 8:
		m.s.shut(true)
		return "server discards"
	}
	return "-"
}

// finish ends the session, if nothing did, and lets everything come to rest.
func (m *sim) finish() {
	m.loop.settle()
	m.read()
	m.s.CloseNow()
	m.loop.pass(2 * time.Minute)
	m.read()
}

// fault names what must not be.
func (m *sim) fault() string {
	switch {
	case m.h.opens != 1 || len(m.h.ends) != 1:
		return fmt.Sprintf("%d OnOpen, %d OnClose", m.h.opens, len(m.h.ends))
	case m.h.late > 0:
		return "calls behind OnClose"
	case !rising(m.h.log, false):
		return "the server got messages out of order"
	case !rising(m.received, !m.broken):
		return "the client got messages out of order, or missed one"
	case len(m.loop.timers) > 0:
		return "a timer is left"
	case m.s.up != nil:
		return "an upgrade is left"
	}
	for _, x := range m.done {
		if !x.over() {
			return "a request is left without an answer"
		}
		if x.more > 0 {
			return "a request was answered twice"
		}
	}
	return ""
}
