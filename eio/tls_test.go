package eio

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/selfsigned"
)

// startTLS serves cfg by https on a free port, and returns a configuration for
// clients.
func startTLS(t *testing.T, cfg Config, secure *tls.Config, h Handler) (addr string, client *tls.Config) {
	t.Helper()
	cert, err := selfsigned.Certificate("127.0.0.1")
	require.NoError(t, err)
	secure.Certificates = []tls.Certificate{cert}
	srv, _ := start(t, cfg, h)
	a, err := srv.ListenTLS("tcp", "127.0.0.1:0", secure)
	require.NoError(t, err)
	return a.String(), &tls.Config{RootCAs: selfsigned.Pool(cert), ServerName: "127.0.0.1"}
}

// TestTLSNegotiatesHTTP11 has clients offer protocols: one that knows ours
// gets it, one that names others only is refused, as is h2 if the
// configuration would take it.
func TestTLSNegotiatesHTTP11(t *testing.T) {
	for name, secure := range map[string]*tls.Config{
		"nothing set": {},
		"h2 set":      {NextProtos: []string{"h2", "http/1.1"}},
		"per client": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := selfsigned.Certificate("127.0.0.1")
			return &tls.Config{NextProtos: []string{"h2"}, Certificates: []tls.Certificate{c}}, err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			addr, client := startTLS(t, Config{}, secure, newEcho())
			for _, tc := range []struct {
				offers []string
				want   string // "-": refused
			}{
				{nil, ""}, {[]string{"http/1.1"}, "http/1.1"}, {[]string{"h2", "http/1.1"}, "http/1.1"}, {[]string{"h2"}, "-"},
			} {
				cfg := client.Clone()
				cfg.NextProtos = tc.offers
				cfg.InsecureSkipVerify = name == "per client"
				got := "-"
				c, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", addr, cfg)
				if err == nil {
					got = c.ConnectionState().NegotiatedProtocol
					_ = c.Close()
				}
				if got != tc.want {
					t.Errorf("to a client of %v: %q, want %q (%v)", tc.offers, got, tc.want, err)
				}
			}
		})
	}
}

// TestTLSSession goes through polling and the upgrade, on connections of
// several loops, with a hook that sees the encryption.
func TestTLSSession(t *testing.T) {
	states := make(chan *tls.ConnectionState, 10)
	h := newEcho()
	h.open = func(s *Session) { states <- s.Handshake().TLS() }
	addr, client := startTLS(t, Config{
		AllowRequest: func(r *http.Request) error {
			states <- r.TLS
			return nil
		},
		HTTPHandler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { states <- r.TLS }),
	}, &tls.Config{}, h)
	get := func(method, target, body string) string {
		t.Helper()
		// A connection of its own for each request: they meet all loops.
		rt := &http.Transport{TLSClientConfig: client, DisableKeepAlives: true}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, "https://"+addr+target, strings.NewReader(body))
		require.NoError(t, err)
		res, err := rt.RoundTrip(r)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		b, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, 200, res.StatusCode, string(b))
		return string(b)
	}
	_, rest, ok := strings.Cut(get("GET", polls, ""), `0{"sid":"`)
	require.True(t, ok)
	sid, _, _ := strings.Cut(rest, `"`)
	for range 4 {
		get("POST", polls+"&sid="+sid, "4hello")
		if got := get("GET", polls+"&sid="+sid, ""); got != "4hello" {
			t.Errorf("polling: %q", got)
		}
	}
	get("GET", "/other", "")
	for _, who := range []string{"AllowRequest", "OnOpen", "HTTPHandler"} {
		if s := <-states; s == nil || s.Version != tls.VersionTLS13 {
			t.Errorf("%s: %v", who, s)
		}
	}

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, _, err := ws.Dialer{TLSConfig: client}.Dial(ctx, "wss://"+addr+"/engine.io/?EIO=4&transport=websocket&sid="+sid)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(patience)))
	for _, step := range [][2]string{{"2probe", "3probe"}, {"5", ""}, {"4over", "4over"}} {
		require.NoError(t, wsutil.WriteClientText(c, []byte(step[0])))
		if step[1] == "" {
			continue
		}
		if got, err := wsutil.ReadServerText(c); string(got) != step[1] || err != nil {
			t.Errorf("WebSocket: %q, %v", got, err)
		}
	}
}

// TestListenTLSIsChecked refuses a configuration that has no certificate.
func TestListenTLSIsChecked(t *testing.T) {
	srv, _ := start(t, Config{}, newEcho())
	for _, cfg := range []*tls.Config{nil, {}} {
		if _, err := srv.ListenTLS("tcp", "127.0.0.1:0", cfg); err == nil {
			t.Errorf("%v is accepted", cfg)
		}
	}
}
