package poller_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/poller"
)

// shout answers in capitals. It holds no state, so one value serves all
// connections.
type shout struct{}

func (shout) OnOpen(*poller.Conn) {}

func (shout) OnData(c *poller.Conn, b []byte) {
	f := frame.New()
	for _, x := range b {
		if 'a' <= x && x <= 'z' {
			x -= 'a' - 'A'
		}
		f.B = append(f.B, x)
	}
	c.Send(f.SealRaw()) // leaves at the end of the turn
}

func (shout) OnDrain(*poller.Conn) {}

func (shout) OnClose(_ *poller.Conn, err error) { fmt.Println("closed:", err) }

func Example() {
	p, err := poller.New(poller.Config{Loops: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	ln, err := p.Listen("tcp", "127.0.0.1:0", func(*poller.Conn) poller.Handler { return shout{} })
	if err != nil {
		fmt.Println(err)
		return
	}

	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	_, _ = io.WriteString(c, "hello")
	answer := make([]byte, 5)
	_, _ = io.ReadFull(c, answer)
	fmt.Printf("%s\n", answer)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println("shutdown:", p.Shutdown(ctx))
	// Output:
	// HELLO
	// closed: poller: closed
	// shutdown: <nil>
}

// Other goroutines have no access to a loop's state: they post to it.
func ExampleLoop_Post() {
	p, err := poller.New(poller.Config{Loops: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	sum := new(int) // belongs to the loop
	add := func(a, b any) { *a.(*int) += b.(int) }
	l := p.Loops()[0]
	for i := range 10 {
		l.Post(add, sum, i)
	}
	_ = p.Close() // what was posted is called before the loop ends
	fmt.Println(*sum, l.Post(add, sum, 1))
	// Output: 45 false
}

// heartbeat is a timer in what it belongs to: arming it allocates nothing.
type heartbeat struct {
	timer poller.Timer
	loop  *poller.Loop
	beats int
	done  chan struct{}
}

func (h *heartbeat) OnTimer(t *poller.Timer) {
	if h.beats++; h.beats == 3 {
		close(h.done)
		return
	}
	h.loop.Arm(t, h, 10*time.Millisecond)
}

func ExampleLoop_Arm() {
	p, err := poller.New(poller.Config{Loops: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	h := &heartbeat{loop: p.Loops()[0], done: make(chan struct{})}
	h.loop.Post(func(a, _ any) {
		h := a.(*heartbeat)
		h.loop.Arm(&h.timer, h, 10*time.Millisecond)
	}, h, nil)
	<-h.done
	_ = p.Close()
	fmt.Println(h.beats)
	// Output: 3
}
