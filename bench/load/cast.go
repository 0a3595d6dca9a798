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

// stream is the messages of one sender to one audience, numbered from 1.
type stream struct {
	from *client
	msg  *message
	sent uint32
	done uint32       // all up to this number reached everybody
	seen [ring]uint32 // deliveries of a number in flight
	due  [ring]int64  // when it was sent, or should have been
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
	members  []*client // who receives, when all streams have one audience
	audience func(stream int) int
	pace     *pacer
	turn     int // rooms: the stream that sends next
	spread   bool
	latency  *hdr.Histogram // every delivery; nil in a closed loop
	last     *hdr.Histogram // the whole audience
	out      int
	stopped  bool
}

var (
	_          scenario = (*castLoad)(nil)
	errFlooded          = errors.New("load: the server is slower than the rate: too many messages in flight")
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
	if cfg.Scenario == "mixed" { // one in ten reads, one in a hundred talks
		l.members = clients[:max(len(clients)/10, cfg.Senders)]
	}
	l.msg = newMessage(l.f.dialect.words(cfg.Event, "r1"), cfg.Payload)
	l.streams = make([]stream, cfg.Senders)
	for i := range l.streams {
		l.streams[i].from, l.streams[i].msg = l.members[i], l.msg
	}
	l.audience = func(int) int { return len(l.members) }
	return l.f.fenceAll(ctx, l.members, func(c *client) {
		c.last = make([]uint32, len(l.streams))
		if cfg.Event == "room" && !c.inside {
			c.inside = true
			l.f.dialect.join(c, "r1")
		}
	})
}

// prepareRooms puts client i into rooms i*each, i*each+1, ... so that all
// rooms are of nearly one size. Stream k is room k, sent by its first member.
func (l *castLoad) prepareRooms(ctx context.Context) error {
	cfg := &l.f.cfg
	l.spread = true
	l.msg = newMessage(l.f.dialect.words("room", "r00000"), cfg.Payload)
	l.streams = make([]stream, cfg.Rooms)
	sizes := make([]int, cfg.Rooms)
	l.audience = func(s int) int { return sizes[s] }
	err := l.f.fenceAll(ctx, l.f.clients, func(c *client) {
		for j := range cfg.RoomsEach {
			room := (int(c.index)*cfg.RoomsEach + j) % cfg.Rooms
			if slices.Contains(c.rooms, uint32(room)) {
				continue
			}
			c.rooms = append(c.rooms, uint32(room))
			sizes[room]++
			if s := &l.streams[room]; s.from == nil {
				s.from = c
				s.msg = newMessage(l.f.dialect.words("room", fmt.Sprintf("r%05d", room)), cfg.Payload)
			}
			l.f.dialect.join(c, fmt.Sprintf("r%05d", room))
		}
		c.last = make([]uint32, len(c.rooms))
	})
	l.streams = slices.DeleteFunc(l.streams, func(s stream) bool { return s.from == nil })
	return err
}

// start sends the first messages.
func (l *castLoad) start() {
	if l.pace != nil {
		l.pace.start(func(n uint64) { l.say(int(n%uint64(len(l.streams))), l.pace.at(n)) })
		return
	}
	for i := range l.f.cfg.InFlight {
		l.say(i%len(l.streams), l.f.now())
	}
	l.turn = l.f.cfg.InFlight % len(l.streams)
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
	s.seen[s.sent%ring], s.due[s.sent%ring] = 0, due
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
	if number != c.last[at]+1 || number > s.sent {
		return fmt.Errorf("load: stream %d: want delivery %d of %d, got %d", i, c.last[at]+1, s.sent, number)
	}
	c.last[at] = number
	l.f.count.ops++
	slot := number % ring
	if l.pace != nil {
		now := l.f.now()
		if s.due[slot] >= l.pace.recordFrom {
			record(l.latency, now-s.due[slot])
		}
		l.pace.poll(now)
	}
	if s.seen[slot]++; int(s.seen[slot]) == l.audience(int(i)) {
		l.complete(int(i), number)
	}
	return nil
}

// complete notes that a message reached its whole audience.
func (l *castLoad) complete(i int, number uint32) {
	s := &l.streams[i]
	s.done = number
	l.out--
	now := l.f.now()
	due := s.due[number%ring]
	if l.pace == nil && l.f.measuring || l.pace != nil && due >= l.pace.recordFrom {
		record(l.last, now-due)
	}
	if l.pace != nil || l.stopped {
		return
	}
	if l.spread {
		i, l.turn = l.turn, (l.turn+1)%len(l.streams)
	}
	l.say(i, now)
}

func (l *castLoad) stop() {
	l.stopped = true
	if l.pace != nil {
		l.pace.stop()
	}
}

func (l *castLoad) drained() bool { return l.out == 0 && l.f.owed == 0 }

// finish fills in what this load was.
func (l *castLoad) finish(r *Result) {
	cfg := &l.f.cfg
	r.Event, r.Payload, r.InFlight, r.Senders = cfg.Event, cfg.Payload, cfg.InFlight, len(l.streams)
	if r.Members = len(l.members); l.spread {
		r.Members = l.audience(0)
	}
	r.Latency, r.Last = latencyOf(l.latency), latencyOf(l.last)
	if l.pace != nil {
		r.Rate, r.InFlight = cfg.Rate, 0
		r.SendLag = latencyOf(l.pace.lag)
	}
}

func (l *castLoad) histogram() *hdr.Histogram { return l.latency }
