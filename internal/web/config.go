package web

import (
	"time"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// Config says how a Server treats its connections.
type Config struct {
	// Handler gets the requests. Required.
	Handler Handler
	// MaxHeaderBytes bounds a request head; 0 means 16 KiB.
	MaxHeaderBytes int
	// MaxHeaders bounds the header lines of a request; 0 means 100.
	MaxHeaders int
	// MaxTargetBytes bounds a request target; 0 means 8 KiB.
	MaxTargetBytes int
	// MaxBodyBytes bounds a request body; 0 means 1,000,000. A handler may
	// set another limit for one exchange.
	MaxBodyBytes int64
	// HeaderTimeout bounds the time from the first byte of a request, or from
	// the opening of the connection, to the end of its head; 0 means 10 s.
	HeaderTimeout time.Duration
	// RequestTimeout bounds the time for a body; 0 means 2 minutes.
	RequestTimeout time.Duration
	// KeepAliveTimeout is how long a connection may wait for its next
	// request; 0 means 60 s.
	KeepAliveTimeout time.Duration
	// OnError is told of panics in bridged handlers; nil drops them. It is
	// called on the goroutine of the handler.
	OnError func(error)
}

// Tuning. None of these numbers is visible to a client that behaves.
const (
	// bodyWindow is how often the progress of a body is looked at, and
	// minBodyRate what has to arrive meanwhile, in bytes per second of the
	// window: 10 KiB in 10 s is below any modem.
	bodyWindow  = 10 * time.Second
	minBodyRate = 1 << 10
	// maxDrainBytes is how much of a body nobody wants is read so that the
	// connection can be used again; a longer one ends the connection.
	maxDrainBytes = 4 << 20
	// maxStashBytes is how much a client may send ahead of an answer before
	// the connection is no longer read. One more read may come on top.
	maxStashBytes = 4 << 10
	// maxAnswerBytes is how much may lie in the write queue when another
	// request is looked at: beyond, a client that pipelines and does not read
	// has to read first.
	maxAnswerBytes = 64 << 10
	// throttleTick is how soon a full write queue is looked at again, should
	// it have been written in one go: then nothing reports it empty.
	throttleTick = 5 * time.Millisecond
	// sendTimeout is how long a client may take no byte of an answer.
	sendTimeout = 30 * time.Second
	// lingerTimeout is how long a connection is kept to let the last answer
	// arrive.
	lingerTimeout = 2 * time.Second
	// maxResponseQueueBytes replaces the poller's limit on the write queue of
	// a connection that speaks HTTP: the size of an answer is the choice of
	// the application, and there is never more than one beyond
	// maxAnswerBytes.
	maxResponseQueueBytes = 1 << 30
)

// withDefaults returns c with the zero fields filled in.
func (c Config) withDefaults() Config {
	if c.MaxBodyBytes == 0 {
		c.MaxBodyBytes = 1e6
	}
	setDuration(&c.HeaderTimeout, 10*time.Second)
	setDuration(&c.RequestTimeout, 2*time.Minute)
	setDuration(&c.KeepAliveTimeout, time.Minute)
	return c
}

func setDuration(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

// limits are the bounds of a head.
func (c *Config) limits() http1.Limits {
	return http1.Limits{MaxHeaderBytes: c.MaxHeaderBytes, MaxHeaders: c.MaxHeaders, MaxTargetBytes: c.MaxTargetBytes}
}
