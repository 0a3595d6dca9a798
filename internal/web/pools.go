package web

import (
	"sync"

	"github.com/valyala/bytebufferpool"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// maxPooledBytes is the largest buffer that goes back to a pool.
const maxPooledBytes = 256 << 10

// work is what a connection needs while a request is being read, and only
// then.
type work struct {
	parser   http1.Parser
	decoder  http1.Body
	head     *bytebufferpool.ByteBuffer // an incomplete head, or one that is kept; nil while it lies in the loop's buffer
	body     *bytebufferpool.ByteBuffer // an incomplete body, or nil
	received int64                      // bytes of data of the body
	window   int64                      // bytes of the body since the last look at the clock
	deadline int64                      // when the body has to be there, on the loop's clock
}

var (
	workPool = sync.Pool{New: func() any { return new(work) }}
	connPool = sync.Pool{New: func() any { return new(conn) }}
	// Heads and bodies have pools of their own: the sizes that a pool learns
	// to hand out must not make every half head as large as a body.
	headPool, bodyPool, stashPool bytebufferpool.Pool
)

func getWork(s *Server) *work {
	w := workPool.Get().(*work)
	w.parser.Init(s.cfg.limits())
	return w
}

// putWork returns w and its buffers: nobody may have a view into them.
func putWork(w *work) {
	w.parser.Reset()
	w.decoder = http1.Body{}
	putBuffer(&headPool, &w.head)
	putBuffer(&bodyPool, &w.body)
	w.received, w.window, w.deadline = 0, 0, 0
	workPool.Put(w)
}

// putBuffer returns *b, if there is one, and forgets it.
func putBuffer(p *bytebufferpool.Pool, b **bytebufferpool.ByteBuffer) {
	if *b != nil && cap((*b).B) <= maxPooledBytes {
		p.Put(*b)
	}
	*b = nil
}

func newConn(s *Server) *conn {
	c := connPool.Get().(*conn)
	c.srv = s
	c.x.c = c
	c.flags = flagFresh
	return c
}

// release returns c to the pool: the connection is closed, or someone else's. It
// waits for a post that is under way.
func (c *conn) release() {
	c.dropWork()
	putBuffer(&stashPool, &c.stash)
	c.state = stateClosing
	c.pc, c.next, c.front, c.moveTo = nil, nil, nil, nil
	c.x = Exchange{}
	if c.flags&flagPosted != 0 {
		c.flags = flagPosted | flagReleased
		return
	}
	*c = conn{}
	connPool.Put(c)
}

func (c *conn) dropWork() {
	if c.work != nil {
		putWork(c.work)
		c.work = nil
	}
}
