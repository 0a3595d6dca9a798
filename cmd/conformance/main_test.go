package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"
)

// serve starts the endpoints, and returns how to connect to them.
func serve(t *testing.T, eio3 bool) (dial func(target string) talk, base string) {
	s, err := start("127.0.0.1:0", eio3, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.close()) })
	base = s.addr.String()
	return func(target string) talk {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		conn, br, _, err := ws.Dial(ctx, "ws://"+base+target)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		rw := struct {
			io.Reader
			io.Writer
		}{conn, conn}
		if br != nil {
			rw.Reader = br
		}
		return func(send string, want ...string) {
			t.Helper()
			require.NoError(t, wsutil.WriteClientText(conn, []byte(send)))
			for len(want) > 0 {
				b, op, err := wsutil.ReadServerData(rw)
				require.NoError(t, err)
				got := string(b)
				if op == ws.OpBinary {
					got = "binary " + got
				}
				switch {
				case got == "2": // a ping between
					require.NoError(t, wsutil.WriteClientText(conn, []byte("3")))
					continue
				case strings.HasPrefix(got, "0{") && !strings.HasPrefix(want[0], "0{"):
					continue
				case !strings.HasPrefix(got, want[0]):
					t.Errorf("%s: got %q, want %q", target, got, want[0])
				}
				want = want[1:]
			}
		}
	}, base
}

// talk sends a packet and compares the beginnings of the answers.
type talk func(send string, want ...string)

func TestEcho(t *testing.T) {
	dial, _ := serve(t, false)
	big := strings.Repeat("x", maxEchoBytes)
	dial("/echo")(big, big)
}

func TestEngine(t *testing.T) {
	dial, base := serve(t, false)
	say := dial("/engine.io/?EIO=4&transport=websocket")
	say("4hello", "4hello")
	say("bAQ==", "binary \x01")
	res, err := http.Get("http://" + base + "/engine.io/?EIO=4&transport=polling")
	require.NoError(t, err)
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	if want := `"upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":1000000}`; !strings.HasSuffix(string(b), want) {
		t.Errorf("open packet %q, want its end %q", b, want)
	}
	if got := res.Header.Get("Access-Control-Allow-Origin"); got != "*" {
		t.Errorf("CORS %q", got)
	}
}

func TestSocketIO(t *testing.T) {
	dial, _ := serve(t, false)
	say := dial("/socket.io/?EIO=4&transport=websocket")
	say(`40{"token":"123"}`, `40{"sid":"`, `42["auth",{"token":"123"}]`)
	say(`40/custom,`, `40/custom,{"sid":"`, `42/custom,["auth",{}]`)
	say(`40/random`, `44/random,{"message":"Invalid namespace"}`)
	say(`42["message",1,"2",{"3":[true]}]`, `42["message-back",1,"2",{"3":[true]}]`)
	say(`42456["message-with-ack",1,"2",{"3":[false]}]`, `43456[1,"2",{"3":[false]}]`)
}

// TestBothProtocols: with -eio3 each endpoint takes both, without it only 4.
func TestBothProtocols(t *testing.T) {
	dial, base := serve(t, true)
	dial("/engine.io/?EIO=4&transport=websocket")("4hello", "4hello")
	dial("/engine.io/?EIO=3&transport=websocket")("4hello", "4hello")
	dial("/engine.io/?EIO=3&transport=websocket")("2", "3")
	// The second and the third come in any order.
	dial("/socket.io/?EIO=3&transport=websocket")(`42["message",1]`, "40", `42["`, `42["`)
	dial("/socket.io/?EIO=4&transport=websocket")("40", `40{"sid":"`)
	for _, eio3 := range []bool{true, false} {
		if !eio3 {
			_, base = serve(t, false)
		}
		res, err := http.Get("http://" + base + "/engine.io/?EIO=3&transport=polling")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		if ok := res.StatusCode == http.StatusOK; ok != eio3 {
			t.Errorf("eio3 %v: status %d", eio3, res.StatusCode)
		}
	}
}
