package web

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/frame"
	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

// testWait bounds everything that a test waits for.
const testWait = 20 * time.Second

const wsTestKey = "dGhlIHNhbXBsZSBub25jZQ==" // RFC 6455 section 1.3

// wsFuncs is a WSHandler made of functions; nil ones do nothing.
type wsFuncs struct {
	open    func(c *WSConn)
	message func(c *WSConn, b []byte, binary bool)
	drain   func(c *WSConn)
	closed  func(c *WSConn, code int, err error)
}

func (h *wsFuncs) OnWSOpen(c *WSConn) {
	if h.open != nil {
		h.open(c)
	}
}

func (h *wsFuncs) OnWSMessage(c *WSConn, b []byte, binary bool) {
	if h.message != nil {
		h.message(c, b, binary)
	}
}

func (h *wsFuncs) OnWSDrain(c *WSConn) {
	if h.drain != nil {
		h.drain(c)
	}
}

func (h *wsFuncs) OnWSClose(c *WSConn, code int, err error) {
	if h.closed != nil {
		h.closed(c, code, err)
	}
}

// echo sends a message back.
func echo(c *WSConn, b []byte, binary bool) {
	f := frame.New()
	f.B = append(f.B, b...)
	if binary {
		c.Send(f.SealBinary())
	} else {
		c.Send(f.SealText())
	}
}

// wsEnd is what OnWSClose was told.
type wsEnd struct {
	code int
	err  error
}

// wsServer is a server whose every request becomes a WebSocket.
type wsServer struct {
	poller *poller.Poller
	addr   string
	ends   chan wsEnd   // one for each OnWSClose
	opened atomic.Int64 // WebSockets opened
	closed atomic.Int64 // OnWSClose calls
	errs   chan error   // what Upgrade returned, if not nil
}

func startWS(t *testing.T, cfg poller.Config, o WSOptions, h wsFuncs) *wsServer {
	t.Helper()
	if cfg.Loops == 0 {
		cfg.Loops = 1
	}
	p, err := poller.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	s := &wsServer{poller: p, ends: make(chan wsEnd, 100), errs: make(chan error, 100)}
	open, closed := h.open, h.closed
	h.open = func(c *WSConn) {
		s.opened.Add(1)
		if open != nil {
			open(c)
		}
	}
	h.closed = func(c *WSConn, code int, err error) {
		if closed != nil {
			closed(c, code, err)
		}
		s.closed.Add(1)
		select {
		case s.ends <- wsEnd{code, err}:
		default: // the test counts only
		}
	}
	web := NewServer(Config{Handler: &wsUpgrader{s, &h, o}})
	l, err := p.Listen("tcp", "127.0.0.1:0", web.Accept)
	require.NoError(t, err)
	s.addr = l.Addr().String()
	return s
}

type wsUpgrader struct {
	s *wsServer
	h WSHandler
	o WSOptions
}

func (u *wsUpgrader) OnRequest(x *Exchange) {
	if err := x.Upgrade(u.h, u.o); err != nil {
		u.s.errs <- err
	}
}
func (u *wsUpgrader) OnBody(*Exchange, []byte) {}
func (u *wsUpgrader) OnAbort(*Exchange)        {}

// end waits for the next OnWSClose.
func (s *wsServer) end(t *testing.T) wsEnd {
	t.Helper()
	select {
	case e := <-s.ends:
		return e
	case <-time.After(testWait):
		t.Fatal("OnWSClose was not called")
		return wsEnd{}
	}
}

// noMoreEnds wants OnWSClose not to have been called again.
func (s *wsServer) noMoreEnds(t *testing.T) {
	t.Helper()
	require.NoError(t, s.poller.Close())
	select {
	case e := <-s.ends:
		t.Errorf("OnWSClose was called again: %+v", e)
	default:
	}
}

// wsPeer is a client that can misbehave.
type wsPeer struct {
	net.Conn
	r *bufio.Reader
}

func (s *wsServer) dial(t *testing.T, more ...byte) *wsPeer {
	t.Helper()
	p, _ := s.dialOffering(t, "", more...)
	return p
}

// dialOffering dials with extensions, if any, and returns which were accepted.
func (s *wsServer) dialOffering(t *testing.T, extensions string, more ...byte) (*wsPeer, string) {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(testWait)))
	p := &wsPeer{nc, bufio.NewReader(nc)}
	head := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + wsTestKey + "\r\nSec-WebSocket-Version: 13\r\n"
	if extensions != "" {
		head += "Sec-WebSocket-Extensions: " + extensions + "\r\n"
	}
	head += "\r\n"
	_, err = nc.Write(append([]byte(head), more...))
	require.NoError(t, err)
	resp, err := http.ReadResponse(p.r, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
	require.Equal(t, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", resp.Header.Get("Sec-WebSocket-Accept"))
	return p, resp.Header.Get("Sec-WebSocket-Extensions")
}

// next reads a frame, and describes it, the way of wsFrame.String.
func (p *wsPeer) next() (string, error) {
	f, err := p.frame()
	if err != nil {
		return "", err
	}
	return f.String(), nil
}

type wsFrame struct {
	first   byte
	payload []byte
}

// frame reads a frame with a reader of its own, that is not wsframe's.
func (p *wsPeer) frame() (f wsFrame, err error) {
	var head [10]byte
	if _, err = io.ReadFull(p.r, head[:2]); err != nil {
		return f, err
	}
	f.first = head[0]
	size := uint64(head[1])
	switch head[1] {
	case 126:
		_, err = io.ReadFull(p.r, head[:2])
		size = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(p.r, head[:8])
		size = binary.BigEndian.Uint64(head[:])
	}
	if err != nil || size > 1<<26 {
		return f, fmt.Errorf("frame of %d bytes: %w", size, err)
	}
	f.payload = make([]byte, size)
	_, err = io.ReadFull(p.r, f.payload)
	return f, err
}

func (f wsFrame) String() string {
	switch f.first {
	case 0x81:
		return "text " + short(f.payload)
	case 0x82:
		return "binary " + short(f.payload)
	case 0x8a:
		return "pong " + short(f.payload)
	case 0x88:
		if len(f.payload) < 2 {
			return fmt.Sprintf("close %q", f.payload)
		}
		return fmt.Sprintf("close %d", binary.BigEndian.Uint16(f.payload))
	}
	return fmt.Sprintf("frame %x %s", f.first, short(f.payload))
}

func short(b []byte) string {
	if len(b) > 40 {
		return fmt.Sprintf("%q... (%d bytes)", b[:8], len(b))
	}
	return fmt.Sprintf("%q", b)
}

// all reads frames until the connection ends, and how it ended.
func (p *wsPeer) all() string {
	var out []string
	for {
		s, err := p.next()
		switch {
		case err == nil:
			out = append(out, s)
			continue
		case errors.Is(err, io.EOF):
			out = append(out, "eof")
		case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
			out = append(out, "reset")
		case errors.Is(err, os.ErrDeadlineExceeded):
			out = append(out, "deadline")
		default:
			out = append(out, err.Error())
		}
		return strings.Join(out, "; ")
	}
}

func (p *wsPeer) write(t *testing.T, b []byte) {
	t.Helper()
	_, err := p.Write(b)
	require.NoError(t, err)
}

// m builds a masked frame.
func m(first wsframe.First, payload string) []byte {
	return wsframe.AppendMasked(nil, first, 0x3d21fa37, []byte(payload))
}

const (
	fin  = wsframe.Fin
	text = wsframe.First(wsframe.Text)
	bin  = wsframe.First(wsframe.Binary)
	cont = wsframe.First(wsframe.Continuation)
	ping = fin | wsframe.First(wsframe.Ping)
	pong = fin | wsframe.First(wsframe.Pong)
	shut = fin | wsframe.First(wsframe.Close)
)

// join concatenates frames.
func join(frames ...[]byte) []byte { return bytes.Join(frames, nil) }

// closeWith is a close frame with a code.
func closeWith(code int, reason string) []byte {
	return m(shut, string(binary.BigEndian.AppendUint16(nil, uint16(code)))+reason)
}
