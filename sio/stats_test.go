package sio

import (
	"context"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"
)

// TestStatsCount drives one of everything and looks for it in the snapshot.
func TestStatsCount(t *testing.T) {
	srv, addr := serve(t, Config{MaxNamespaces: 2, MaxRooms: 1, MaxPendingAcks: 1, MaxAttachments: 1})
	srv.Of("/b")
	srv.Of("/c")
	sockets := make(chan *Socket, 10)
	srv.OnConnection(func(s *Socket) { sockets <- s })
	answered := make(chan struct{}, 1)
	srv.OnRaw("ping", func(e *RawEvent) {
		_ = e.Ack(nil)
		answered <- struct{}{}
	})
	c := join(t, addr, "/")
	s := recv(t, sockets)
	c.connect("/b", "")
	c.send("0/c,")
	c.expect(`4/c,{"message":"too many namespaces"}`)
	c.send(`20["ping"]`)
	recv(t, answered)
	c.expect("30[]")

	if err := s.Join("a", "b"); err != ErrTooManyRooms {
		t.Fatal(err)
	}
	acked := make(chan error, 1)
	if err := s.EmitAck("q", func(_ Args, err error) { acked <- err }); err != nil {
		t.Fatal(err)
	}
	if err := s.EmitAck("q", func(Args, error) {}); err != ErrTooManyAcks {
		t.Fatal(err)
	}
	c.expect(`20["q"]`)
	time.Sleep(5 * time.Millisecond) // a round trip that takes some time
	c.send("30[]")
	if err := recv(t, acked); err != nil {
		t.Fatal(err)
	}
	_ = srv.Emit("all")
	c.expect(`2["all"]`)
	bad := join(t, addr, "/")
	bad.send(`52-["a"]`)
	bad.expectClosed()
	refuse(t, addr)

	var st Stats
	eventually(t, "the second connection has gone", func() bool {
		st = srv.Stats()
		return st.Connections == 1 && st.Disconnects[ReasonForcedClose] == 1 && st.BytesOut > 0 && st.Workers == 0
	})
	for what, n := range map[string][2]uint64{
		"WebSockets":                 {uint64(st.ConnectionsByTransport["websocket"]), 1},
		"sockets":                    {uint64(st.Sockets), 2},
		"sockets of /":               {uint64(st.SocketsByNamespace["/"]), 1},
		"sockets of /b":              {uint64(st.SocketsByNamespace["/b"]), 1},
		"sockets of /c":              {uint64(st.SocketsByNamespace["/c"]), 0},
		"namespaces":                 {uint64(st.Namespaces), 3},
		"rooms":                      {uint64(st.Rooms), 1},
		"events in":                  {st.EventsIn, 1},
		"acks in":                    {st.AcksIn, 1},
		"acks timed":                 {st.AckRoundTrip.Count, 1},
		"handshakes":                 {st.Handshakes, 2},
		"refused: unknown transport": {st.HandshakesRefused[0], 1},
		"limit of namespaces":        {st.Limits["Namespaces"], 1},
		"limit of rooms":             {st.Limits["Rooms"], 1},
		"limit of acks":              {st.Limits["PendingAcks"], 1},
		"limit of attachments":       {st.Limits["Attachments"], 1},
		"violations":                 {st.Violations, 1},
	} {
		if n[0] != n[1] {
			t.Errorf("%s: %d, want %d", what, n[0], n[1])
		}
	}
	if h := st.AckRoundTrip; h.Sum < 5*time.Millisecond || h.Max != h.Sum {
		t.Errorf("round trip of %v at most, %v in all", h.Max, h.Sum)
	}
	if st.BytesIn == 0 || st.LoopLag <= 0 || st.LoopLagMean < 0 {
		t.Errorf("%d bytes in, lag %v, %v on average", st.BytesIn, st.LoopLag, st.LoopLagMean)
	}
}

// refuse makes a request that the server refuses.
func refuse(t *testing.T, addr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/socket.io/?EIO=4&transport=constructor", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusBadRequest {
		t.Fatalf("status %d", res.StatusCode)
	}
}

func TestEveryReasonIsCounted(t *testing.T) {
	var c counters
	for _, r := range append(reasons[:], "of an adapter") {
		c.disconnected(r)
	}
	for i := range reasons {
		if n, want := c.disconnects[i].Load(), uint64(1+i/(len(reasons)-1)); n != want {
			t.Errorf("%q: %d, want %d", reasons[i], n, want)
		}
	}
}

func TestHistogramBuckets(t *testing.T) {
	var d durations
	for _, v := range []time.Duration{0, time.Millisecond, time.Millisecond + 1, 10 * time.Second, 11 * time.Second} {
		d.observe(v)
	}
	h := newHistogram()
	d.addTo(&h)
	want := make([]uint64, len(h.Bounds)+1)
	want[0], want[1], want[len(want)-2], want[len(want)-1] = 2, 1, 1, 1
	if !slices.Equal(h.Counts, want) || h.Count != 5 || h.Max != 11*time.Second {
		t.Errorf("%v of %d, at most %v, want %v", h.Counts, h.Count, h.Max, want)
	}
}
