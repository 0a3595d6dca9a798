package web

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/poller"
)

func (s *wsServer) rawDial(t *testing.T) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", s.addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(testWait)))
	return nc
}

// wsRequest builds a handshake; each change is "old|new" in the text of it.
func wsRequest(changes ...string) []byte {
	head := "GET /path?x=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Key: " + wsTestKey + "\r\nSec-WebSocket-Version: 13\r\n\r\n"
	for _, c := range changes {
		from, to, _ := strings.Cut(c, "|")
		head = strings.Replace(head, from, to, 1)
	}
	return []byte(head)
}

func TestUpgradeRefused(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{})
	key := "Sec-WebSocket-Key: " + wsTestKey + "\r\n"
	for _, tc := range []struct {
		name, change string
		want         *HandshakeError
	}{
		{"POST", "GET|POST", ErrHandshakeMethod},
		{"HTTP/1.0", "HTTP/1.1|HTTP/1.0", ErrHandshakeUpgrade},
		{"no Upgrade", "Upgrade: websocket\r\n|", ErrHandshakeUpgrade},
		{"other Upgrade", "Upgrade: websocket|Upgrade: h2c", ErrHandshakeUpgrade},
		{"no Connection", "Connection: Upgrade\r\n|", ErrHandshakeUpgrade},
		{"other Connection", "Connection: Upgrade|Connection: keep-alive", ErrHandshakeUpgrade},
		{"no key", key + "|", ErrHandshakeKey},
		{"short key", wsTestKey + "|AAAA", ErrHandshakeKey},
		{"15 bytes", wsTestKey + "|AAAAAAAAAAAAAAAAAAAA", ErrHandshakeKey},
		{"17 bytes", wsTestKey + "|AAAAAAAAAAAAAAAAAAAAAAA=", ErrHandshakeKey},
		{"not base64", wsTestKey + "|dGhlIHNhbXBsZSBub25jZ*==", ErrHandshakeKey},
		{"no version", "Sec-WebSocket-Version: 13\r\n|", ErrHandshakeVersion},
		{"version 7", "Version: 13|Version: 7", ErrHandshakeVersion},
		{"version 14", "Version: 13|Version: 14", ErrHandshakeVersion},
		{"version list", "Version: 13|Version: 13, 8", ErrHandshakeVersion},
		{"body", "\r\n\r\n|\r\nContent-Length: 5\r\n\r\nhello", ErrHandshakeBody},
		{"empty protocol", "\r\n\r\n|\r\nSec-WebSocket-Protocol: a,,b\r\n\r\n", ErrHandshakeProtocol},
		{"bad protocol", "\r\n\r\n|\r\nSec-WebSocket-Protocol: a b\r\n\r\n", ErrHandshakeProtocol},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc := s.rawDial(t)
			_, err := nc.Write(wsRequest(tc.change))
			require.NoError(t, err)
			resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
			require.NoError(t, err)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			if resp.StatusCode != tc.want.Status || string(body) != tc.want.Reason || !resp.Close {
				t.Errorf("got %d %q, close %t; want %+v", resp.StatusCode, body, resp.Close, tc.want)
			}
			versions := resp.Header.Get("Sec-WebSocket-Version")
			if want := map[bool]string{true: "13, 8"}[tc.want == ErrHandshakeVersion]; versions != want {
				t.Errorf("versions: got %q, want %q", versions, want)
			}
			select {
			case err := <-s.errs:
				require.ErrorIs(t, err, tc.want)
			case <-time.After(testWait):
				t.Error("Upgrade returned no error")
			}
		})
	}
	if n := s.opened.Load(); n != 0 {
		t.Errorf("%d WebSockets opened", n)
	}
}

func TestUpgradeAccepted(t *testing.T) {
	for _, tc := range []struct {
		name, change string
		o            WSOptions
		want         string // lines behind the accept
	}{
		{"plain", "", WSOptions{}, ""},
		{"token lists", "Connection: Upgrade|Connection: keep-alive, uPGRADE", WSOptions{}, ""},
		{"case", "Upgrade: websocket|uPgRaDe: WebSocket", WSOptions{}, ""},
		{"version 8", "Version: 13|Version: 8", WSOptions{}, ""},
		{"header", "", WSOptions{Header: []byte("Set-Cookie: io=1\r\nX-A: b\r\n")}, "Set-Cookie: io=1\r\nX-A: b\r\n"},
		{"protocol not wanted", "\r\n\r\n|\r\nSec-WebSocket-Protocol: a, b\r\n\r\n", WSOptions{}, ""},
		{"protocol", "\r\n\r\n|\r\nSec-WebSocket-Protocol: a, b ,c\r\n\r\n", WSOptions{Protocols: []string{"c", "b"}}, "Sec-WebSocket-Protocol: b\r\n"},
		{"any protocol", "\r\n\r\n|\r\nSec-WebSocket-Protocol: \ta, b\r\n\r\n", WSOptions{AnyProtocol: true}, "Sec-WebSocket-Protocol: a\r\n"},
		{"protocols in two lines", "\r\n\r\n|\r\nSec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: b\r\n\r\n", WSOptions{Protocols: []string{"b"}}, "Sec-WebSocket-Protocol: b\r\n"},
		{"extension not negotiated", "\r\n\r\n|\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", WSOptions{}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startWS(t, poller.Config{}, tc.o, wsFuncs{message: echo})
			nc := s.rawDial(t)
			_, err := nc.Write(append(wsRequest(tc.change), m(fin|text, "hi")...))
			require.NoError(t, err)
			want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
				"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" + tc.want + "\r\n\x81\x02hi"
			got := make([]byte, len(want))
			n, err := io.ReadFull(nc, got)
			if string(got[:n]) != want {
				t.Errorf("got %q, %v; want %q", got[:n], err, want)
			}
		})
	}
}

// parkedUpgrader upgrades later, from a post.
type parkedUpgrader struct{ h WSHandler }

func (u *parkedUpgrader) OnRequest(*Exchange) {}
func (u *parkedUpgrader) OnBody(x *Exchange, _ []byte) {
	time.AfterFunc(20*time.Millisecond, func() {
		x.Loop().Post(func(a, b any) { _ = a.(*Exchange).Upgrade(b.(WSHandler), WSOptions{}) }, x, u.h)
	})
}
func (u *parkedUpgrader) OnAbort(*Exchange) {}

// TestUpgradeParked: frames that arrive while the upgrade is being decided are
// not lost.
func TestUpgradeParked(t *testing.T) {
	p, err := poller.New(poller.Config{Loops: 1})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	web := NewServer(Config{Handler: &parkedUpgrader{&wsFuncs{message: echo}}})
	l, err := p.Listen("tcp", "127.0.0.1:0", web.Accept)
	require.NoError(t, err)
	s := &wsServer{addr: l.Addr().String()}
	peer := s.dial(t, join(m(fin|text, "early"), m(text, "cut "))...)
	peer.write(t, m(fin|cont, "in two"))
	for _, want := range []string{`text "early"`, `text "cut in two"`} {
		if got, err := peer.next(); got != want {
			t.Errorf("got %s, %v; want %s", got, err, want)
		}
	}
}

func TestAppendAccept(t *testing.T) {
	got := appendAccept([]byte("x"), []byte(wsTestKey))
	if !bytes.Equal(got, []byte("xs3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
		t.Errorf("got %s", got)
	}
}
