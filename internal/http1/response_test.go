package http1

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/quick"

	"github.com/stretchr/testify/require"
)

// TestResponseInjection: whatever is put into a value, net/http reads exactly
// our headers back, or the value was refused.
func TestResponseInjection(t *testing.T) {
	check := func(value []byte) bool {
		b := AppendStatus(nil, 200)
		b, err := AppendField(b, "X-Reflected", value)
		b = AppendContentLength(b, 2)
		b = append(b, "\r\nok"...)
		res, rerr := http.ReadResponse(bufio.NewReader(strings.NewReader(string(b))), nil)
		if rerr != nil {
			t.Errorf("value %q: %v", value, rerr)
			return false
		}
		want := 2
		if err != nil {
			want = 1
		}
		return len(res.Header) == want && res.ContentLength == 2 &&
			(err != nil || res.Header.Get("X-Reflected") == strings.Trim(string(value), " \t"))
	}
	if err := quick.Check(check, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
	for _, v := range []string{"a\r\nSet-Cookie: x=1", "a\nb", "a\rb", "a\x00b", "\r\n\r\nbody", "12345678\n"} {
		if _, err := AppendField(nil, "A", v); !errors.Is(err, ErrFieldValue) {
			t.Errorf("AppendField of %q: got %v, want ErrFieldValue", v, err)
		}
	}
	for _, name := range []string{"", "a b", "a:", "a\r\n", "é"} {
		if _, err := AppendField(nil, name, "v"); !errors.Is(err, ErrFieldName) {
			t.Errorf("AppendField with name %q: got %v, want ErrFieldName", name, err)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{string(AppendStatus(nil, 200)), "HTTP/1.1 200 OK\r\n"},
		{string(AppendStatus(nil, 101)), "HTTP/1.1 101 Switching Protocols\r\n"},
		{string(AppendStatus(nil, 431)), "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
		{string(AppendStatus(nil, 299)), "HTTP/1.1 299 \r\n"},
		{string(AppendContentLength([]byte("x"), 1<<40)), "xContent-Length: 1099511627776\r\n"},
		{string(AppendChunkSize(nil, 255)), "ff\r\n"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	b, err := AppendField([]byte("1"), "A", "b\tc\xff")
	require.NoError(t, err)
	if got, want := string(b), "1A: b\tc\xff\r\n"; got != want {
		t.Errorf("AppendField: got %q, want %q", got, want)
	}
}

func TestHasToken(t *testing.T) {
	for _, tt := range []struct {
		list, token string
		want        bool
	}{
		{"websocket", "websocket", true}, {"WebSocket", "websocket", true}, {" a ,\twebsocket ", "websocket", true},
		{"websockets", "websocket", false}, {"", "websocket", false}, {",,", "websocket", false},
		{"ſebsocket", "sebsocket", false},
	} {
		if got := HasToken([]byte(tt.list), tt.token); got != tt.want {
			t.Errorf("HasToken(%q, %q) = %t, want %t", tt.list, tt.token, got, tt.want)
		}
	}
}

// TestValidValue compares the eight-at-a-time test with the plain one, with
// each byte at each place.
func TestValidValue(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			b := []byte("abcdefghijklmnopqrs")
			b[at] = byte(c)
			if got, want := validValue(b), validBytes(b); got != want {
				t.Errorf("byte %#x at %d: got %t, want %t", c, at, got, want)
			}
		}
	}
}
