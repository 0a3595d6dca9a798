package web

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/wsframe"
	"github.com/sirocco-io/sirocco/poller"
)

type protocolCase struct {
	name string
	in   []byte
	want string // as wsPeer.all tells it; cases that do not end get a close 1000
}

// protocolCases follow the chapters of the public protocol suite.
func protocolCases() []protocolCase {
	var cases []protocolCase
	add := func(name, want string, frames ...[]byte) {
		cases = append(cases, protocolCase{name, join(frames...), want})
	}
	normal := closeWith(1000, "")
	const bye = "close 1000; eof"

	// 1 framing
	for _, n := range []int{0, 1, 125, 126, 127, 128, 65535, 65536, 200000} {
		s := strings.Repeat("*", n)
		add(fmt.Sprint("1 text ", n), "text "+short([]byte(s))+"; "+bye, m(fin|text, s), normal)
		s = strings.Repeat("\xfe", n)
		add(fmt.Sprint("1 binary ", n), "binary "+short([]byte(s))+"; "+bye, m(fin|bin, s), normal)
	}

	// 2 pings
	add("2 ping empty", `pong ""; `+bye, m(ping, ""), normal)
	add("2 ping text", `pong "Hello, world!"; `+bye, m(ping, "Hello, world!"), normal)
	add("2 ping binary", `pong "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"; `+bye, m(ping, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"), normal)
	add("2 ping 125", "pong "+short(bytes.Repeat([]byte{0xfe}, 125))+"; "+bye, m(ping, strings.Repeat("\xfe", 125)), normal)
	add("2 ping 126", "close 1002; eof", m(ping, strings.Repeat("\xfe", 126)))
	add("2 pong unasked", bye, m(pong, ""), normal)
	add("2 pong unasked, ping", `pong "ping"; `+bye, m(pong, "unsolicited"), m(ping, "ping"), normal)
	var pings, pongs []string
	for i := range 10 {
		pings = append(pings, string(m(ping, fmt.Sprint("payload-", i))))
		pongs = append(pongs, fmt.Sprintf("pong %q; ", fmt.Sprint("payload-", i)))
	}
	add("2 ten pings", strings.Join(pongs, "")+bye, []byte(strings.Join(pings, "")), normal)

	// 3 reserved bits
	add("3 rsv3", "close 1002; eof", m(fin|text|0x10, "Hello"))
	add("3 rsv2 after text", `text "Hello"; close 1002; eof`, m(fin|text, "Hello"), m(fin|text|0x20, "x"), m(ping, ""))
	add("3 rsv1", "close 1002; eof", m(fin|text|0x40, "Hello"))
	add("3 all on ping", "close 1002; eof", m(ping|0x70, ""))
	add("3 all on close", "close 1002; eof", m(shut|0x70, ""))

	// 4 opcodes
	for op := wsframe.First(3); op < 16; op++ {
		if op >= 8 && op <= 10 {
			continue
		}
		add(fmt.Sprint("4 opcode ", op), `text "Hello"; close 1002; eof`, m(fin|text, "Hello"), m(fin|op, "x"), m(ping, ""))
	}

	// 5 fragmentation
	add("5 ping fragmented", "close 1002; eof", m(ping&^fin, "fragment1"), m(fin|cont, "fragment2"))
	add("5 pong fragmented", "close 1002; eof", m(pong&^fin, "fragment1"), m(fin|cont, "fragment2"))
	add("5 two fragments", `text "ab"; `+bye, m(text, "a"), m(fin|cont, "b"), normal)
	add("5 ping between", `pong "ping"; text "ab"; `+bye, m(text, "a"), m(ping, "ping"), m(fin|cont, "b"), normal)
	add("5 continuation of nothing", "close 1002; eof", m(fin|cont, "x"), m(fin|text, "Hello"))
	add("5 continuation of nothing, unfinished", "close 1002; eof", m(cont, "x"), m(fin|text, "Hello"))
	add("5 text in text", "close 1002; eof", m(text, "a"), m(fin|text, "b"))
	add("5 five fragments and pings", `pong "p1"; pong "p2"; text "abcde"; `+bye,
		m(text, "a"), m(cont, "b"), m(ping, "p1"), m(cont, "c"), m(cont, "d"), m(ping, "p2"), m(fin|cont, "e"), normal)

	// 6 UTF-8
	add("6 empty fragments", `text ""; `+bye, m(text, ""), m(cont, ""), m(fin|cont, ""), normal)
	add("6 middle", `text "m"; `+bye, m(text, ""), m(cont, "m"), m(fin|cont, ""), normal)
	add("6 valid", `text "Hello-µ@ßöäüàá-UTF-8!!"; `+bye, m(fin|text, "Hello-µ@ßöäüàá-UTF-8!!"), normal)
	var letters [][]byte
	s := "κόσμε"
	for i := range len(s) {
		first := cont
		if i == 0 {
			first = text
		}
		letters = append(letters, m(first, s[i:i+1]))
	}
	add("6 byte by byte", `text "κόσμε"; `+bye, append(letters, m(fin|cont, ""), normal)...)
	for _, bad := range []string{
		"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64", "\x80", "\xbf", "\xfe", "\xc0\xaf", "\xe0\x80\xaf",
		"\xf0\x80\x80\xaf", "\xed\xad\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "ok\xc3", strings.Repeat("x", 300) + "\xe2\x82",
	} {
		add(fmt.Sprintf("6 bad %.20q", bad), "close 1007; eof", m(fin|text, bad), m(fin|text, "after"))
	}
	add("6 bad in second fragment", "close 1007; eof", m(text, "κόσμε"), m(cont, "\xf4\x90"))
	add("6 fail fast in a frame", "close 1007; eof", m(fin|text, "\xf4\x90"+strings.Repeat("x", 100))[:8])
	for _, good := range []string{"\ufffe", "\uffff", "\U0010ffff", "\ud7ff", "\x00\x7f", "\ufffd"} {
		add(fmt.Sprintf("6 good %q", good), fmt.Sprintf("text %q; ", good)+bye, m(fin|text, good), normal)
	}
	return append(cases, closeCases()...)
}

// closeCases are chapter 7.
func closeCases() []protocolCase {
	var cases []protocolCase
	add := func(name, want string, frames ...[]byte) {
		cases = append(cases, protocolCase{name, join(frames...), want})
	}
	add("7 message then close", `text "Hello"; close 1000; eof`, m(fin|text, "Hello"), closeWith(1000, ""))
	add("7 two closes", "close 1000; eof", closeWith(1000, ""), closeWith(1000, ""))
	add("7 ping after close", "close 1000; eof", closeWith(1000, ""), m(ping, "late"))
	add("7 text after close", "close 1000; eof", closeWith(1000, ""), m(fin|text, "late"))
	add("7 close inside a message", "close 1000; eof", m(text, "a"), closeWith(1000, ""), m(fin|cont, "b"))
	add("7 garbage after close", "close 1000; eof", closeWith(1000, ""), []byte(strings.Repeat("\xff", 10000)))
	add("7 empty close", `close ""; eof`, m(shut, ""))
	add("7 one byte", "close 1002; eof", m(shut, "\x03"))
	add("7 code and reason", "close 1000; eof", closeWith(1000, "Hello World!"))
	add("7 longest reason", "close 1000; eof", closeWith(1000, strings.Repeat("*", 123)))
	add("7 reason too long", "close 1002; eof", closeWith(1000, strings.Repeat("*", 124)))
	add("7 reason not UTF-8", "close 1007; eof", closeWith(1000, "\xce\xba\xed\xa0\x80"))
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		add(fmt.Sprint("7 code ", code), fmt.Sprintf("close %d; eof", code), closeWith(code, ""))
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535} {
		add(fmt.Sprint("7 bad code ", code), "close 1002; eof", closeWith(code, ""))
	}
	add("7 not masked", "close 1002; eof", []byte("\x81\x05Hello"))
	add("7 length form", "close 1002; eof", []byte("\x82\xfe\x00\x05\x00\x00\x00\x00Hello"))
	add("7 bit 63", "close 1002; eof", []byte("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00"))
	add("7 announced too much", "close 1009; eof", []byte("\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff"))
	return cases
}

func TestWSProtocol(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
	runProtocol(t, s, false, 1<<20)
}

// TestWSProtocolSplit has the client send in small pieces, at its own pace.
func TestWSProtocolSplit(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
	runProtocol(t, s, true, 2000)
}

// TestWSProtocolBehindHead sends the frames together with the request.
func TestWSProtocolBehindHead(t *testing.T) {
	s := startWS(t, poller.Config{}, WSOptions{}, wsFuncs{message: echo})
	for _, tc := range protocolCases() {
		if got := s.dial(t, tc.in...).all(); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
		s.end(t)
	}
}

// runProtocol runs the cases of at most limit bytes.
func runProtocol(t *testing.T, s *wsServer, split bool, limit int) {
	for _, tc := range protocolCases() {
		if len(tc.in) > limit {
			continue
		}
		p := s.dial(t)
		if split {
			for i := range tc.in {
				if _, err := p.Write(tc.in[i : i+1]); err != nil {
					break // refused already
				}
				if i%8 == 0 {
					time.Sleep(50 * time.Microsecond)
				}
			}
		} else {
			p.write(t, tc.in)
		}
		if got := p.all(); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.name, got, tc.want)
		}
		s.end(t)
		_ = p.Close()
	}
	s.noMoreEnds(t)
}
