package poller

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sirocco-io/sirocco/internal/sysio"
)

// order is an IO that notes whom something is sent to.
type order struct {
	sysio.Kernel
	sent []int
}

func (o *order) Send(fd int, p []byte) (int, sysio.Errno) {
	if len(o.sent) > 0 && o.sent[len(o.sent)-1] == fd {
		return 0, unix.EPIPE // nobody has more than one frame
	}
	o.sent = append(o.sent, fd)
	return len(p), 0
}

// TestManyMarked: connections beyond what one turn may write follow in later
// ones, each once and in their order, with others that are marked meanwhile
// behind them.
func TestManyMarked(t *testing.T) {
	io := &order{}
	p := &Poller{cfg: Config{MaxQueueBytes: 1 << 20}}
	l := &Loop{p: p, io: io}
	const n = 5*maxFlushes + 7
	send := func(from, to int) {
		for i := from; i < to; i++ {
			c := l.slab.get(l)
			c.fd, c.limit, c.reg = int32(i), 1<<20, wantRead
			c.Send(raw([]byte("x")))
		}
	}
	send(0, n)
	turns := 0
	for ; len(l.dirty) > 0; turns++ {
		if turns == 2 {
			send(n, n+3)
		}
		l.flushes = maxFlushes
		l.flushMarked()
	}
	if turns != 6 || l.dirtyPos != 0 || l.busy() {
		t.Errorf("%d turns, position %d, busy %v", turns, l.dirtyPos, l.busy())
	}
	var want []int
	for i := range n + 3 {
		want = append(want, i)
	}
	if !slices.Equal(io.sent, want) {
		t.Errorf("%d sends, want %d in their order", len(io.sent), len(want))
	}
}
