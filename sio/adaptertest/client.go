package adaptertest

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

const (
	// patience is how long what must come is waited for: plenty, so that a
	// slow machine fails no test.
	patience = 30 * time.Second
	// quiet is how long what must not come is waited for.
	quiet = 150 * time.Millisecond
)

// client is a Socket.IO client over WebSocket with one namespace.
type client struct {
	t      *testing.T
	conn   net.Conn
	nsp    string      // in front of a packet's payload: "" or "/name,"
	id     string      // of the socket
	pid    string      // of its session
	offset string      // of the last event that had one
	in     chan string // packets without the engine's digit; binary ones behind "b:"
}

// dial connects a client and joins the namespace with the JSON auth.
func dial(t *testing.T, addr, namespace, auth string) *client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, br, _, err := ws.Dial(ctx, "ws://"+addr+"/socket.io/?EIO=4&transport=websocket&from=adaptertest")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn, in: make(chan string, 1<<14)}
	if namespace != "/" {
		c.nsp = namespace + ","
	}
	var r io.Reader = conn
	if br != nil {
		r = br
	}
	go c.read(r) // ends when the connection is closed, by the cleanup at the latest
	t.Cleanup(func() { _ = conn.Close() })
	c.send("40" + c.nsp + auth)
	return c
}

// join is dial that waits for the answer.
func join(t *testing.T, n *node, namespace string) *client {
	t.Helper()
	c := dial(t, n.addr, namespace, "")
	c.connected()
	return c
}

// connected takes the answer to the CONNECT.
func (c *client) connected() {
	c.t.Helper()
	text, ok := strings.CutPrefix(c.next(), "0"+c.nsp)
	var answer struct{ SID, PID string }
	if err := json.Unmarshal([]byte(text), &answer); !ok || err != nil || answer.SID == "" {
		c.t.Fatalf("answer to CONNECT: %q, %v", text, err)
	}
	c.id, c.pid = answer.SID, answer.PID
}

// read takes in what the server sends, and answers its pings.
func (c *client) read(r io.Reader) {
	defer close(c.in)
	rw := struct {
		io.Reader
		io.Writer
	}{r, c.conn}
	for {
		b, op, err := wsutil.ReadServerData(rw)
		switch {
		case err != nil:
			return
		case op == ws.OpBinary:
			c.in <- "b:" + string(b)
		case string(b) == "2":
			c.send("3")
		case len(b) > 1 && b[0] == '4':
			c.in <- string(b[1:])
		}
	}
}

// send sends an Engine.IO packet; that the connection is closed shows when
// reading.
func (c *client) send(packet string) {
	_ = wsutil.WriteClientText(c.conn, []byte(packet))
}

// answer acknowledges the event with the JSON arguments.
func (c *client) answer(event, args string) {
	c.t.Helper()
	got := c.next()
	head, rest, _ := strings.Cut(got, "[")
	id, ok := strings.CutPrefix(head, "2")
	if !ok {
		id, ok = strings.CutPrefix(head, "51-") // with one attachment
	}
	id = strings.TrimPrefix(id, c.nsp)
	if !ok || id == "" || !strings.HasPrefix(rest, `"`+event+`"`) {
		c.t.Fatalf("got %q, want the event %q with an id", got, event)
	}
	c.send("43" + c.nsp + id + "[" + args + "]")
}

// next returns the next packet.
func (c *client) next() string {
	c.t.Helper()
	select {
	case m, ok := <-c.in:
		if !ok {
			c.t.Fatal("the connection was closed")
		}
		return m
	case <-time.After(patience):
		c.t.Fatal("no packet came")
	}
	return ""
}

// expect checks the next packets: the JSON of events, or attachments.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := strings.TrimPrefix(c.next(), "2"+c.nsp); got != w {
			c.t.Fatalf("got %q, want %q", got, w)
		}
	}
}

// expectNothing checks that no packet comes.
func (c *client) expectNothing() {
	c.t.Helper()
	select {
	case m, ok := <-c.in:
		c.t.Fatalf("got %q, %v, want nothing", m, ok)
	case <-time.After(quiet):
	}
}

// expectClosed checks that the server closes the connection.
func (c *client) expectClosed() {
	c.t.Helper()
	for end := time.After(patience); ; {
		select {
		case _, ok := <-c.in:
			if !ok {
				return
			}
		case <-end:
			c.t.Fatal("the connection was not closed")
		}
	}
}
