package load

import (
	"context"
	"errors"
	"fmt"
	"slices"

	hdr "github.com/HdrHistogram/hdrhistogram-go"
)

// ring is how many messages of one stream may be in flight.
const ring = 256

// stream is the messages of one sender to one audience, numbered from 1. When
// the sender is another process's client, from is nil, and the audience is the
// part of it that this process has.
type stream struct {
	from  *client
	msg   *message
	sent  uint32
	done  uint32       // all up to this number reached everybody
	seen  [ring]uint32 // deliveries of a number in flight to our part of the audience
	parts [ring]uint32 // processes whose part has it
	at    [ring]int64  // when the last of these had it
	due   [ring]int64  // when it was sent, or should have been
}

// castLoad is everything that one client sends and many receive: broadcast,
// the latency of a broadcast, mixed, rooms and shootout. Loop only.
//
// In a closed loop a message that reached its whole audience makes the next
// one go; with a rate the schedule does.
type castLoad struct {
	f        *fleet
	msg      *message // the answer is the same on all streams
	streams  []stream
	members  []*client            // who receives, when all streams have one audience
	mine     []int                // the streams that our clients send
	audience func(stream int) int // our part of it
	parts    func(stream int) int // how many processes have a part
	pace     *pacer
	turn     int // rooms: the stream that sends next, of mine
	spread   bool
	latency  *hdr.Histogram // every delivery; nil in a closed loop
	last     *hdr.Histogram // the whole audience
	out      int
	stopped  bool
}

var (
	_          traffic = (*castLoad)(nil)
	errFlooded         = errors.New("load: the server is slower than the rate: too many messages in flight")
)

func newCastLoad(f *fleet) *castLoad {
	l := &castLoad{f: f, last: newHistogram()}
	if f.cfg.Scenario == "latency" || f.cfg.Scenario == "mixed" {
		l.pace = newPacer(f, f.cfg.Rate)
		l.latency = newHistogram()
	}
	return l
}

func (l *castLoad) ready(*client) {}

// prepare joins the rooms.
func (l *castLoad) prepare(ctx context.Context) error {
	if l.f.cfg.Scenario == "rooms" {
		return l.prepareRooms(ctx)
	}
	return l.prepareOne(ctx, l.f.clients)
}

// prepareOne makes one audience that all streams reach.
func (l *castLoad) prepareOne(ctx context.Context, clients []*client) error {
	cfg := &l.f.cfg
	l.members = clients
	all := cfg.Clients
	if cfg.Scenario == "mixed" { // one in ten reads, one in a hundred talks
		all = max(cfg.Clients/10, cfg.Senders)
		l.members = clients[:cfg.count(all)]
	}
	l.msg = newMessage(l.f.dialect.words(cfg.Event, "r1"), cfg.Payload)
	l.streams = make([]stream, cfg.Senders)
	for i := cfg.Part; i < cfg.Senders; i += cfg.Procs {
		l.streams[i].from, l.streams[i].msg = l.members[i/cfg.Procs], l.msg
		l.mine = append(l.mine, i)
	}
	l.audience = func(int) int { return len(l.members) }
	l.parts = func(int) int { return min(all, cfg.Procs) }
	return l.f.fenceAll(ctx, l.members, func(c *client) {
		c.last = make([]uint32, len(l.streams))
		if cfg.Event == "room" && !c.inside {
			c.inside = true
			l.f.dialect.join(c, "r1")
		}
	})
}

// start sends the first messages.
func (l *castLoad) start(at int64) {
	if l.pace != nil {
		l.pace.start(at, l.scheduled)
		return
	}
	first := 0
	for i := range l.f.cfg.InFlight {
		if i %= len(l.streams); l.streams[i].from != nil {
			l.say(i, l.f.now())
			first++
		}
	}
	l.turn = first % max(len(l.mine), 1)
}

// scheduled sends one message of the schedule, if its sender is ours.
func (l *castLoad) scheduled(n uint64) bool {
	i := int(n % uint64(len(l.streams)))
	if l.streams[i].from == nil {
		return false
	}
	l.say(i, l.pace.at(n))
	return true
}

// say sends the next message of stream i.
func (l *castLoad) say(i int, due int64) {
	s := &l.streams[i]
	if s.sent-s.done >= ring {
		if l.f.err == nil {
			l.f.err = errFlooded
		}
		return
	}
	s.sent++
	slot := s.sent % ring
	s.seen[slot], s.parts[slot], s.at[slot], s.due[slot] = 0, 0, 0, due
	l.out++
	s.from.emit(s.msg, uint32(i), s.sent)
}

// message checks one delivery.
func (l *castLoad) message(c *client, p []byte) error {
	i, number, ok := l.msg.match(p)
	at := int(i)
	if l.spread {
		at = slices.Index(c.rooms, i)
	}
	if !ok || int(i) >= len(l.streams) || at < 0 || at >= len(c.last) {
		return fmt.Errorf("load: a delivery that nobody sent: %.120q", p)
	}
	s := &l.streams[i]
	most := s.sent
	if s.from == nil { // its sender knows how many: audit asks
		most = s.done + ring
	}
	if number != c.last[at]+1 || number > most {
		return fmt.Errorf("load: stream %d: want delivery %d of %d, got %d", i, c.last[at]+1, most, number)
	}
	c.last[at] = number
	l.f.count.ops++
	slot := number % ring
	if l.pace != nil {
		now := l.f.now()
		if due := l.due(i, number); due >= l.pace.recordFrom {
			record(l.latency, now-due)
		}
		l.pace.poll(now)
	}
	if s.seen[slot]++; int(s.seen[slot]) == l.audience(int(i)) {
		return l.reached(i, number)
	}
	return nil
}

// due is when a message of the schedule was to be sent, by whatever process.
func (l *castLoad) due(i, number uint32) int64 {
	return l.pace.at(uint64(number-1)*uint64(len(l.streams)) + uint64(i))
}

// reached notes that our part of the audience has a message.
func (l *castLoad) reached(i, number uint32) error {
	m := mark{int64(i), int64(number), l.f.now()}
	s := &l.streams[i]
	if s.from != nil {
		return l.heard(m)
	}
	s.done, s.seen[number%ring] = number, 0
	l.f.up.mark(m)
	return nil
}

// heard notes that some process's part of the audience has a message of ours.
// The last part makes it complete.
func (l *castLoad) heard(m mark) error {
	if m.stream() >= len(l.streams) || m.stream() < 0 {
		return fmt.Errorf("load: a mark of stream %d, which nobody sends", m.stream())
	}
	s := &l.streams[m.stream()]
	if m.number() > s.sent || m.number() <= s.done || s.from == nil {
		return fmt.Errorf("load: stream %d: another process was delivered %d of %d", m.stream(), m.number(), s.sent)
	}
	slot := m.number() % ring
	s.at[slot] = max(s.at[slot], m.at())
	if s.parts[slot]++; int(s.parts[slot]) == l.parts(m.stream()) {
		l.complete(m.stream(), m.number())
	}
	return nil
}

// complete notes that a message reached its whole audience.
func (l *castLoad) complete(i int, number uint32) {
	s := &l.streams[i]
	s.done = number
	l.out--
	due, at := s.due[number%ring], s.at[number%ring]
	if l.pace == nil && l.f.measuring || l.pace != nil && due >= l.pace.recordFrom {
		record(l.last, at-due)
	}
	if l.pace != nil || l.stopped {
		return
	}
	if l.spread {
		i, l.turn = l.mine[l.turn], (l.turn+1)%len(l.mine)
	}
	l.say(i, l.f.now())
}

func (l *castLoad) stop() {
	l.stopped = true
	if l.pace != nil {
		l.pace.stop()
	}
}

func (l *castLoad) drained() bool { return l.out == 0 && l.f.owed == 0 }

func (l *castLoad) sent() []mark {
	var out []mark
	for _, i := range l.mine {
		out = append(out, mark{int64(i), int64(l.streams[i].sent)})
	}
	return out
}

// audit holds what every client got against what all processes sent.
func (l *castLoad) audit(sent []mark) error {
	want := make([]uint32, len(l.streams))
	for _, m := range sent {
		want[m.stream()] = m.number()
	}
	for _, c := range l.members {
		for at, got := range c.last {
			i := at
			if l.spread {
				i = int(c.rooms[at])
			}
			if got != want[i] {
				return fmt.Errorf("load: stream %d: client %d got %d of %d messages", i, c.index, got, want[i])
			}
		}
	}
	return nil
}

// finish fills in what this load was.
func (l *castLoad) finish(r *Result) {
	cfg := &l.f.cfg
	r.Event, r.Payload, r.InFlight, r.Senders = cfg.Event, cfg.Payload, cfg.InFlight, len(l.streams)
	if r.Members = len(l.members); l.spread {
		r.Members = l.audience(0)
	}
	r.hist = histograms{each: l.latency, last: l.last}
	if l.pace != nil {
		r.Rate, r.InFlight = cfg.Rate, 0
		r.hist.lag = l.pace.lag
	}
	r.summarize()
}
