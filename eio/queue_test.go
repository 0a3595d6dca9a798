package eio

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// packetOf returns a message packet with a key; "-" for none.
func packetOf(key string, n int) *frame.Frame {
	f := messageFrame(fmt.Appendf(nil, "%s%d", strings.Trim(key, "-"), n), false)
	f.SetKey(strings.Trim(key, "-"))
	return f
}

// TestLatestInThePollingBuffer is the table of the write queue's test, for what
// waits between two GETs.
func TestLatestInThePollingBuffer(t *testing.T) {
	for _, tt := range []struct{ name, keys, want string }{
		{"one key", "a a a", "4a2"},
		{"keys keep their places", "a b a b c a", "4a5 4b3 4c4"},
		{"one without a key is not overtaken", "a - a", "41 4a2"},
		{"nor by what stood in front of it", "a b - a b -", "42 4a3 4b4 45"},
		{"no keys", "- - -", "40 41 42"},
	} {
		var q sendQueue
		size := 0
		for i, key := range strings.Fields(tt.keys) {
			if o, dropped := q.push(packetOf(key, i), 1000, poller.OverflowDisconnect); o < poller.Queued || dropped != 0 {
				t.Errorf("%s: packet %d: outcome %d", tt.name, i, o)
			}
		}
		for _, u := range q.live() {
			size += u.F.Size() + entryBytes
		}
		if q.bytes != size {
			t.Errorf("%s: %d bytes counted, %d there", tt.name, q.bytes, size)
		}
		if got := strings.ReplaceAll(drain(&q), "\x1e", " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestPollingBufferAtTheLimit(t *testing.T) {
	one := packetOf("-", 0).Size() + entryBytes
	limit := 3 * one
	fill := func() (q sendQueue) {
		for i := range 3 {
			if o, _ := q.push(packetOf("-", i), limit, poller.OverflowDisconnect); o != poller.Queued {
				t.Fatalf("at the limit: outcome %d", o)
			}
		}
		return q
	}
	for _, tt := range []struct {
		name    string
		server  poller.Overflow
		own     uint8
		outcome poller.Outcome
		want    string
	}{
		{"disconnect", poller.OverflowDisconnect, 0, poller.Closed, "40 41 42"},
		{"drop newest", poller.OverflowDropNewest, 0, poller.Dropped, "40 41 42"},
		{"drop oldest", poller.OverflowDropOldest, 0, poller.MadeRoom, "41 42 49"},
		{"the frame's own policy", poller.OverflowDisconnect, poller.OverflowDropOldest.Term(), poller.MadeRoom, "41 42 49"},
		{"the frame's own, strict", poller.OverflowDropOldest, poller.OverflowDisconnect.Term(), poller.Closed, "40 41 42"},
	} {
		q := fill()
		f := packetOf("-", 9)
		f.SetPolicy(tt.own)
		if o, dropped := q.push(f, limit, tt.server); o != tt.outcome || (dropped == 1) != (o == poller.MadeRoom) {
			t.Errorf("%s: outcome %d, %d dropped", tt.name, o, dropped)
		}
		if q.bytes > limit {
			t.Errorf("%s: %d bytes queued", tt.name, q.bytes)
		}
		if got := strings.ReplaceAll(drain(&q), "\x1e", " "); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestUnitsOfThePollingBufferStayWhole: a packet goes with its attachments.
func TestUnitsOfThePollingBufferStayWhole(t *testing.T) {
	unit := func(n int) *frame.Frame {
		f := packetOf("-", n)
		f.Chain(messageFrame([]byte("x"), true))
		f.SetKey("k")
		return f
	}
	var q sendQueue
	q.push(unit(0), 1000, poller.OverflowDisconnect)
	q.push(unit(1), 1000, poller.OverflowDisconnect)
	if got := drain(&q); got != "41\x1ebeA==" {
		t.Errorf("%q", got)
	}
	limit := unit(0).Size() + entryBytes + 1
	q.push(unit(2), limit, poller.OverflowDropOldest)
	f := unit(3)
	f.SetKey("")
	q.push(f, limit, poller.OverflowDropOldest)
	if got := drain(&q); got != "43\x1ebeA==" {
		t.Errorf("%q", got)
	}
}

func TestControlPacketsHaveTwiceTheRoom(t *testing.T) {
	one := packetOf("-", 0).Size() + entryBytes
	var q sendQueue
	for i := range 4 {
		if !q.pushControl(packetOf("-", i), 2*one) {
			t.Errorf("packet %d was refused", i)
		}
	}
	if q.pushControl(packetOf("-", 5), 2*one) {
		t.Error("more than twice the limit was taken")
	}
	q.drop()
}

// drain empties the queue and returns what was in it, as a payload.
func drain(q *sendQueue) string {
	payload, _ := encodePayload(nil, q.live(), false)
	q.drop()
	return string(payload)
}
