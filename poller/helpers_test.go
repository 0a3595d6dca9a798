package poller

import (
	"net"
	"testing"
	"time"
)

// soon is how long something may take on a slow machine.
const soon = 20 * time.Second

// within fails the test unless ch delivers soon.
func within[T any](t *testing.T, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(soon):
		t.Fatalf("%s: nothing happened", what)
	}
	return v
}

// eventually fails the test unless ok becomes true soon.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: did not become true", what)
}

// on runs f on the loop and waits for it.
func on(t *testing.T, l *Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func(a, _ any) { defer close(done); a.(func())() }, f, nil) {
		t.Fatal("Post: the loop is closed")
	}
	within(t, done, "posted call")
}

// stalled is a server connection whose client does not read: its kernel
// buffers are full.
func stalled(t *testing.T, p *Poller, h Handler) (*Conn, net.Conn) {
	t.Helper()
	opened := make(chan *Conn, 1)
	a := listen(t, p, func(c *Conn) Handler {
		opened <- c
		return h
	})
	client := dial(t, a)
	c := within(t, opened, "open")
	on(t, c.Loop(), func() { c.SetLimit(-1, OverflowDisconnect) })
	for range 1000 {
		blocked := false
		on(t, c.Loop(), func() {
			blocked = c.flags&fBlocked != 0
			if !blocked {
				c.Send(raw(make([]byte, 1<<20)))
			}
		})
		if blocked {
			return c, client
		}
	}
	t.Fatal("the kernel's buffer does not fill up")
	return nil, nil
}
