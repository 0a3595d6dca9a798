package contract

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gate is a connection whose writes wait until they are let through.
type gate struct {
	plain
	pass   chan error // the answer to one write
	mu     sync.Mutex
	got    []string
	inside int
	worst  int // most writers at a time
	closed chan struct{}
	once   sync.Once
}

func newGate() *gate { return &gate{pass: make(chan error), closed: make(chan struct{})} }

func (g *gate) Write(packet []byte) error { return g.WritePrepared(string(packet)) }

func (g *gate) WritePrepared(m string) error {
	g.mu.Lock()
	g.inside++
	g.worst = max(g.worst, g.inside)
	g.mu.Unlock()
	var err error
	select {
	case err = <-g.pass:
	case <-g.closed:
		err = errors.New("closed")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if err == nil {
		g.got = append(g.got, m)
	}
	return err
}

func (g *gate) Close() { g.once.Do(func() { close(g.closed) }) }

func (g *gate) written() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got)
}

// TestOutboxKeepsOrder: a delivery never waits, one goroutine writes at a time,
// and all that was queued is written in its order.
func TestOutboxKeepsOrder(t *testing.T) {
	const n = 100
	g := newGate()
	var o Outbox[string]
	o.Bind(g)
	var want []string
	for i := range n {
		want = append(want, strconv.Itoa(i))
		if i%10 == 3 {
			o.Reply([]byte(want[i])) // somebody writes already: it must not wait either
		} else {
			o.Deliver(want[i])
		}
	}
	for range n {
		g.pass <- nil
	}
	require.Eventually(t, func() bool { return len(g.written()) == n }, time.Minute, time.Millisecond)
	if got := g.written(); !slices.Equal(got, want) {
		t.Errorf("written %q", got)
	}
	if g.worst != 1 {
		t.Errorf("%d goroutines wrote at a time", g.worst)
	}
	require.Eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return !o.busy && cap(o.waiting) <= keepWaiting
	}, time.Minute, time.Millisecond, "an idle outbox keeps its writer or its queue")
	direct := make(chan struct{})
	go func() { // ends when the write was let through
		defer close(direct)
		o.Reply([]byte("last"))
	}()
	g.pass <- nil
	<-direct
	if got := g.written(); got[len(got)-1] != "last" {
		t.Errorf("a reply with nobody writing: %q is last", got[len(got)-1])
	}
}

func TestOutboxClosesWhoIsTooSlow(t *testing.T) {
	g := newGate()
	var o Outbox[string]
	o.Bind(g)
	o.Deliver("first")
	require.Eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.waiting) == 0
	}, time.Minute, time.Millisecond, "nobody writes the first")
	for range maxWaiting {
		o.Deliver("more")
	}
	select {
	case <-g.closed:
		t.Fatal("closed at the limit")
	default:
	}
	o.Deliver("one too many")
	<-g.closed
	o.Deliver("afterwards")
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) != 0 {
		t.Errorf("%d messages wait for a client that is gone", len(o.waiting))
	}
}

func TestOutboxEndsWithItsConnection(t *testing.T) {
	g := newGate()
	var o Outbox[string]
	o.Bind(g)
	o.Deliver("one")
	o.Deliver("two")
	g.pass <- errors.New("broken pipe")
	<-g.closed
	o.Reply([]byte("three"))
	if got := g.written(); len(got) != 0 {
		t.Errorf("written %q", got)
	}
}
