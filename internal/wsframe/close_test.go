package wsframe

import (
	"errors"
	"strings"
	"testing"
)

func TestParseClose(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		code     int
		reason   string
		err      error
	}{
		{"empty", "", 1005, "", nil},
		{"one byte", "\x03", 0, "", ErrCloseLength},
		{"normal", "\x03\xe8", 1000, "", nil},
		{"reason", "\x03\xe8bye", 1000, "bye", nil},
		{"longest", "\x03\xe8" + strings.Repeat("x", 123), 1000, strings.Repeat("x", 123), nil},
		{"reason not UTF-8", "\x03\xe8\xc3", 0, "", ErrUTF8},
		{"code 0", "\x00\x00", 0, "", ErrCloseCode},
		{"code 1005", "\x03\xed", 0, "", ErrCloseCode},
		{"code 65535", "\xff\xff", 0, "", ErrCloseCode},
	} {
		code, reason, err := ParseClose([]byte(tc.in))
		if code != tc.code || string(reason) != tc.reason || !errors.Is(err, tc.err) {
			t.Errorf("%s: got %d %q %v, want %d %q %v", tc.name, code, reason, err, tc.code, tc.reason, tc.err)
		}
	}
}

func TestValidCloseCode(t *testing.T) {
	valid := map[int]bool{}
	for _, c := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014} {
		valid[c] = true
	}
	for c := 3000; c <= 4999; c++ {
		valid[c] = true
	}
	for c := -1; c <= 70000; c++ {
		if got := ValidCloseCode(c); got != valid[c] {
			t.Errorf("%d: got %t", c, got)
		}
	}
}

func TestAppendClose(t *testing.T) {
	for _, tc := range []struct {
		name   string
		code   int
		reason string
		want   string
	}{
		{"no code", 0, "ignored", ""},
		{"code not for the wire", 1006, "ignored", ""},
		{"code", 1001, "", "\x03\xe9"},
		{"reason", 1001, "away", "\x03\xe9away"},
		{"cut", 1000, strings.Repeat("x", 200), "\x03\xe8" + strings.Repeat("x", 123)},
		{"cut before a character", 1000, strings.Repeat("x", 122) + "é", "\x03\xe8" + strings.Repeat("x", 122)},
	} {
		if got := string(AppendClose([]byte("pre"), tc.code, tc.reason)); got != "pre"+tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestErrorsAreUsable(t *testing.T) {
	var e *Error
	if err := error(ErrTooLarge); !errors.As(err, &e) || e.Code != 1009 {
		t.Errorf("got %v", e)
	}
	if got := ErrUTF8.Error(); got != "websocket: invalid UTF-8" {
		t.Errorf("got %q", got)
	}
}
