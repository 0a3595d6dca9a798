package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/stretchr/testify/require"

	"github.com/sirocco-io/sirocco/internal/deflate"
)

// TestEchoDeflates answers every offer that a suite makes, and echoes through it: messages that are
// compressed alone and in context, in one frame and in several.
func TestEchoDeflates(t *testing.T) {
	_, addr := serve(t, false)
	const name = "permessage-deflate"
	offers := map[string]string{
		name:                              name,
		name + "; client_max_window_bits": name,
		name + "; client_no_context_takeover; client_max_window_bits":     name + "; client_no_context_takeover",
		name + "; server_no_context_takeover; client_no_context_takeover": name + "; server_no_context_takeover; client_no_context_takeover",
		name + "; server_no_context_takeover; server_max_window_bits=9":   name + "; server_no_context_takeover; server_max_window_bits=9",
		name + "; server_max_window_bits=7, " + name:                      name,
	}
	for bits := deflate.MinBits; bits <= deflate.MaxBits; bits++ {
		offers[fmt.Sprintf("%s; server_max_window_bits=%d; client_max_window_bits", name, bits)] = fmt.Sprintf("%s; server_max_window_bits=%d", name, bits)
		offers[fmt.Sprintf("%s; client_max_window_bits=%d", name, bits)] = fmt.Sprintf("%s; client_max_window_bits=%d", name, bits)
	}
	for offer, want := range offers {
		conn, answer := dialOffering(t, addr, offer)
		if answer != want {
			t.Errorf("%q: answered %q, want %q", offer, answer, want)
		}
		echoThrough(t, offer, conn, !strings.Contains(answer, "server_no_context"), !strings.Contains(answer, "client_no_context"))
		_ = conn.Close()
	}
	// Without an offer nothing is compressed.
	if _, answer := dialOffering(t, addr, ""); answer != "" {
		t.Errorf("answered %q to no offer", answer)
	}
}

// stream is a connection with what was read ahead.
type stream struct {
	io.Reader
	io.WriteCloser
}

func dialOffering(t *testing.T, addr, offer string) (conn stream, answer string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(20*time.Second)))
	head := "GET /echo HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	if offer != "" {
		head += "Sec-WebSocket-Extensions: " + offer + "\r\n"
	}
	_, err = io.WriteString(c, head+"\r\n")
	require.NoError(t, err)
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	return stream{r, c}, res.Header.Get("Sec-WebSocket-Extensions")
}

// echoThrough sends messages and wants them back, with the contexts that were agreed on.
func echoThrough(t *testing.T, offer string, conn stream, fromServer, fromClient bool) {
	t.Helper()
	d := deflate.NewDeflater(deflate.DefaultLevel)
	var said, heard []byte
	for i, n := range []int{0, 16, 200, 200, 5000, 5000, 70_000} {
		message := []byte(strings.Repeat("Autobahn ", n/9+1)[:n])
		var context []byte
		if fromClient {
			context = said
		}
		payload := d.Append(nil, message, context, deflate.MinBits)
		said = deflate.AppendContext(said, message, 1<<deflate.MinBits)
		first := ws.NewFrame(ws.OpText, false, payload[:len(payload)/2])
		first.Header.Rsv = ws.Rsv(true, false, false)
		require.NoError(t, ws.WriteFrame(conn, ws.MaskFrame(first)))
		require.NoError(t, ws.WriteFrame(conn, ws.MaskFrame(ws.NewFrame(ws.OpContinuation, true, payload[len(payload)/2:]))))

		h, err := ws.ReadHeader(conn)
		require.NoError(t, err, offer)
		got := make([]byte, h.Length)
		_, err = io.ReadFull(conn, got)
		require.NoError(t, err, offer)
		if h.Rsv1() {
			z := deflate.NewInflater()
			require.NoError(t, z.Inflate(got, heard, len(message), 0), "%s: message %d", offer, i)
			got = append([]byte(nil), z.Out...)
			z.Release()
			if fromServer {
				heard = deflate.AppendContext(heard, got, 1<<deflate.MaxBits)
			}
		}
		if string(got) != string(message) || n >= 200 && !h.Rsv1() {
			t.Errorf("%s, message %d: got %d bytes of %d, compressed %v", offer, i, len(got), n, h.Rsv1())
		}
	}
}
