package web

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/sirocco-io/sirocco/poller"
)

// Server serves HTTP on the connections that it accepts. All its methods may be
// called from any goroutine.
type Server struct {
	cfg       Config
	keepAlive string // header lines of an answer that keeps the connection
	date      atomic.Pointer[dateLine]
}

// NewServer returns a server. It needs no closing: it ends with the poller.
func NewServer(cfg Config) *Server {
	s := &Server{cfg: cfg.withDefaults()}
	// Node's clients read the hint and give a connection up a second before
	// we do, instead of sending into its end.
	secs := max(1, int64(s.cfg.KeepAliveTimeout/time.Second))
	s.keepAlive = "Connection: keep-alive\r\nKeep-Alive: timeout=" + strconv.FormatInt(secs, 10) + "\r\n"
	return s
}

// Accept takes over a new connection: pass it to poller.Listen.
func (s *Server) Accept(*poller.Conn) poller.Handler { return newConn(s) }

// report tells Config.OnError, if there is one.
func (s *Server) report(err error) {
	if s.cfg.OnError != nil {
		s.cfg.OnError(err)
	}
}

// dateLine is a Date header and the second, of the loop's clock, it is for.
type dateLine struct {
	second int64
	line   string
}

// appendDate appends the Date header. The wall clock is asked once a second:
// now is the time of the loop.
func (s *Server) appendDate(dst []byte, now int64) []byte {
	second := now / int64(time.Second)
	d := s.date.Load()
	if d == nil || second > d.second {
		d = &dateLine{second, dateHeader(time.Now())}
		s.date.Store(d)
	}
	return append(dst, d.line...)
}

func dateHeader(t time.Time) string {
	return t.UTC().Format("Date: Mon, 02 Jan 2006 15:04:05 GMT\r\n")
}
