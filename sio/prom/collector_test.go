package prom_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/sirocco-io/sirocco/sio/prom"
)

const patience = 20 * time.Second

// TestScrape counts one of the usual things and scrapes it over HTTP.
func TestScrape(t *testing.T) {
	server, addr := serve(t)
	server.Of("/empty")
	acked := make(chan error, 1)
	server.OnConnection(func(s *sio.Socket) {
		_ = s.EmitAck("question", func(_ sio.Args, err error) { acked <- err })
	})
	server.OnRaw("x", func(e *sio.RawEvent) { _ = e.Ack(nil) })

	conn, _, _, err := ws.Dial(t.Context(), "ws://"+addr+"/socket.io/?EIO=4&transport=websocket")
	require.NoError(t, err)
	defer conn.Close()
	for _, step := range [][2]string{{"40", `420["question"]`}, {"430[]", ""}, {`421["x"]`, "431[]"}} {
		require.NoError(t, wsutil.WriteClientText(conn, []byte(step[0])))
		for got := []byte("?"); step[1] != "" && string(got) != step[1]; {
			got, err = wsutil.ReadServerText(conn)
			require.NoError(t, err)
		}
	}
	require.NoError(t, <-acked)

	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(prom.NewCollector(server, prometheus.Labels{"node": "a"})))
	page := httptest.NewServer(promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError}))
	defer page.Close()
	for _, want := range []string{
		`socketio_connections{node="a",transport="websocket"} 1`,
		`socketio_connected_sockets{namespace="/",node="a"} 1`,
		`socketio_connected_sockets{namespace="/empty",node="a"} 0`,
		`socketio_events_received_total{node="a"} 1`,
		`socketio_acks_received_total{node="a"} 1`,
		`socketio_ack_round_trip_seconds_count{node="a"} 1`,
		`socketio_ack_round_trip_seconds_bucket{node="a",le="+Inf"} 1`,
		`socketio_refused_connections_total{limit="address",node="a"} 0`,
		`socketio_handshakes_total{node="a"} 1`,
	} {
		if text := scrape(t, page.URL); !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
}

// TestNamesAreAsTheyShouldBe runs Prometheus' own check of names and help texts.
func TestNamesAreAsTheyShouldBe(t *testing.T) {
	server, _ := serve(t)
	problems, err := testutil.CollectAndLint(prom.NewCollector(server, nil))
	require.NoError(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n := testutil.CollectAndCount(prom.NewCollector(server, nil)); n < 20 {
		t.Errorf("%d metrics", n)
	}
}

func serve(t *testing.T) (*sio.Server, string) {
	t.Helper()
	server, err := sio.NewServer(sio.Config{})
	require.NoError(t, err)
	addr, err := server.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Close() })
	return server, addr.String()
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, string(text))
	return string(text)
}

func ExampleNewCollector() {
	server, err := sio.NewServer(sio.Config{})
	if err != nil {
		panic(err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(prom.NewCollector(server, nil))
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(page.Body.String()) {
		if strings.HasPrefix(line, "socketio_connected_sockets") {
			fmt.Print(line)
		}
	}
	// Output: socketio_connected_sockets{namespace="/"} 0
}
