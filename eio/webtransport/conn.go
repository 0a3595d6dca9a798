package webtransport

import (
	"net"
	"os"
	"sync"
	"time"

	wt "github.com/quic-go/webtransport-go"
)

// linger is how long what was written last may take to leave, and the client to
// end the session itself, before the session is cut: closing it drops what is
// on its way.
const linger = time.Second

// conn is the first stream that the client of a session opens, as a connection.
// Reading waits for it.
type conn struct {
	session *wt.Session
	first   chan struct{} // closed when stream and err are set

	mu     sync.Mutex
	stream *wt.Stream // guarded by mu until first is closed: nil when there is none
	err    error      // as stream
	until  time.Time  // guarded by mu: deadline of reading
	once   sync.Once
}

var _ net.Conn = (*conn)(nil)

// await returns the stream, once there is one.
func (c *conn) await() (*wt.Stream, error) {
	c.mu.Lock()
	until := c.until
	c.mu.Unlock()
	if until.IsZero() {
		<-c.first
		return c.stream, c.err
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-c.first:
		return c.stream, c.err
	case <-timer.C:
		return nil, os.ErrDeadlineExceeded
	}
}

// Read reads from the stream. Ownership: b is only written to until it returns.
func (c *conn) Read(b []byte) (int, error) {
	stream, err := c.await()
	if err != nil {
		return 0, err
	}
	return stream.Read(b)
}

// Write writes to the stream. Ownership: b is only read until it returns.
func (c *conn) Write(b []byte) (int, error) {
	stream, err := c.await()
	if err != nil {
		return 0, err
	}
	return stream.Write(b)
}

// Close ends the stream behind what was written, and soon the session.
func (c *conn) Close() error {
	c.once.Do(func() {
		select {
		case <-c.first:
			if c.stream != nil {
				_ = c.stream.Close() // the session may be over
				c.stream.CancelRead(0)
				// Ends with the session, at the latest after linger.
				go c.end()
				return
			}
		default:
		}
		_ = c.session.CloseWithError(0, "")
	})
	return nil
}

func (c *conn) end() {
	timer := time.NewTimer(linger)
	defer timer.Stop()
	select {
	case <-c.session.Context().Done():
	case <-timer.C:
	}
	_ = c.session.CloseWithError(0, "") // it may be over
}

// LocalAddr returns the UDP address of the server.
func (c *conn) LocalAddr() net.Addr { return c.session.LocalAddr() }

// RemoteAddr returns the UDP address of the client.
func (c *conn) RemoteAddr() net.Addr { return c.session.RemoteAddr() }

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds reading, and the wait for the stream.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until = t
	if c.stream == nil {
		return nil
	}
	return c.stream.SetReadDeadline(t)
}

// SetWriteDeadline bounds writing.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == nil {
		return nil
	}
	return c.stream.SetWriteDeadline(t)
}
