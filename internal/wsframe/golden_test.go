package wsframe

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the expectations in testdata")

const goldenFile = "testdata/frames.txt"

type goldenCase struct {
	name   string
	rules  Rules
	limits Limits
	in     []byte
	want   string
}

// readGolden reads the cases; lines are those of the file, for an update.
func readGolden(t *testing.T) (cases []goldenCase, lines []string) {
	t.Helper()
	raw, err := os.ReadFile(goldenFile)
	require.NoError(t, err)
	lines = strings.Split(strings.TrimRight(string(raw), "\n"), "\n")
	var c *goldenCase
	for i, line := range lines {
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "case "):
			cases = append(cases, goldenCase{name: line[5:], limits: Limits{MaxMessageBytes: 1 << 16, MaxFragments: 100}})
			c = &cases[len(cases)-1]
		case line[0] == '=':
			c.want = strings.TrimSpace(line[1:])
		default:
			require.NotNil(t, c, "line %d", i+1)
			readGoldenLine(t, c, line)
		}
	}
	return cases, lines
}

func readGoldenLine(t *testing.T, c *goldenCase, line string) {
	t.Helper()
	for _, word := range strings.Fields(line) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "client":
			c.rules |= Client
		case "rsv1":
			c.rules |= AllowRSV1
		case "max":
			c.limits.MaxMessageBytes = uint64(number(t, value))
		case "frags":
			c.limits.MaxFragments = uint32(number(t, value))
		default:
			digits, times, _ := strings.Cut(word, "*")
			b, err := hex.DecodeString(digits)
			require.NoError(t, err, c.name)
			if times != "" {
				b = bytes.Repeat(b, number(t, times))
			}
			c.in = append(c.in, b...)
		}
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	require.NoError(t, err)
	return n
}

// transcript collects what a Reader finds, in a form that does not depend on
// how the input was split.
type transcript struct {
	out     []string
	message []byte
}

// feed gives b to r. It reports whether r is still of use.
func (tr *transcript) feed(r *Reader, b []byte) bool {
	b = bytes.Clone(b) // the reader unmasks in place
	for len(b) > 0 {
		n, ev, err := r.Next(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				panic("not an *Error: " + err.Error())
			}
			tr.out = append(tr.out, fmt.Sprintf("error %d %s", e.Code, e.Reason))
			return false
		}
		if n == 0 {
			panic("the reader stands still")
		}
		b = b[n:]
		switch ev.Kind {
		case Control:
			tr.out = append(tr.out, fmt.Sprintf("op%d %s", ev.Opcode, short(ev.Payload)))
		case Data:
			tr.message = append(tr.message, ev.Payload...)
			if ev.Final {
				kind := map[Opcode]string{Text: "text", Binary: "binary"}[ev.Opcode]
				if ev.Compressed {
					kind = "compressed " + kind
				}
				tr.out = append(tr.out, kind+" "+short(tr.message))
				tr.message = nil
			}
		}
	}
	return true
}

func (tr *transcript) end(r *Reader) string {
	if !r.Idle() && (len(tr.out) == 0 || !strings.HasPrefix(tr.out[len(tr.out)-1], "error")) {
		tr.out = append(tr.out, "unfinished")
	}
	return strings.Join(tr.out, "; ")
}

func short(b []byte) string {
	if len(b) > 24 {
		return fmt.Sprintf("%q... (%d bytes)", b[:4], len(b))
	}
	return fmt.Sprintf("%q", b)
}

func (c *goldenCase) read(pieces ...[]byte) string {
	var r Reader
	var tr transcript
	r.Reset(c.rules, c.limits)
	for _, p := range pieces {
		if !tr.feed(&r, p) {
			break
		}
	}
	return tr.end(&r)
}

func TestGolden(t *testing.T) {
	cases, lines := readGolden(t)
	if *update {
		updateGolden(t, cases, lines)
		return
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.read(c.in); got != c.want {
				t.Fatalf("whole: got %s, want %s", got, c.want)
			}
			single := make([][]byte, len(c.in))
			for i := range c.in {
				single[i] = c.in[i : i+1]
			}
			if got := c.read(single...); got != c.want {
				t.Errorf("byte by byte: got %s, want %s", got, c.want)
			}
			for i := range c.in {
				if i > 300 && i < len(c.in)-300 {
					continue // the middle of a long payload is all alike
				}
				if got := c.read(c.in[:i], c.in[i:]); got != c.want {
					t.Errorf("split at %d: got %s, want %s", i, got, c.want)
				}
			}
		})
	}
}

func updateGolden(t *testing.T, cases []goldenCase, lines []string) {
	next := 0
	for i, line := range lines {
		if strings.HasPrefix(line, "=") {
			lines[i] = "= " + cases[next].read(cases[next].in)
			next++
		}
	}
	require.NoError(t, os.WriteFile(goldenFile, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
}

// TestFailFast wants the error with the very byte that shows it, in frames of
// which more would have to come.
func TestFailFast(t *testing.T) {
	for _, tc := range []struct {
		name, in string // the last byte is the bad one
		want     error
	}{
		{"reserved bit", "\xc1", ErrReservedBits},
		{"opcode", "\x83", ErrReservedOpcode},
		{"fragmented ping", "\x09", ErrFragmentedControl},
		{"orphan", "\x80", ErrOrphan},
		{"interleaved", "\x01\x80\x00\x00\x00\x00\x81", ErrInterleaved},
		{"not masked", "\x81\x05", ErrNotMasked},
		{"long ping", "\x89\xfe", ErrControlTooLong},
		{"length sign", "\x81\xff\x80", ErrLengthSign},
		{"length form", "\x81\xfe\x00\x7d", ErrLengthForm},
		{"too large", "\x81\xff\x00\x00\x00\x00\x00\x01\x00\x01", ErrTooLarge},
		{"utf8", "\x81\x8a\x00\x00\x00\x00ab\xed\xa0", ErrUTF8},
		{"utf8 in a fragment", "\x01\x81\x00\x00\x00\x00\xf4\x80\x84\x00\x00\x00\x00\x90", ErrUTF8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var r Reader
			r.Reset(0, Limits{MaxMessageBytes: 1 << 16, MaxFragments: 10})
			for i := range len(tc.in) {
				b := []byte{tc.in[i]}
				_, _, err := r.Next(b)
				switch last := i == len(tc.in)-1; {
				case last && !errors.Is(err, tc.want):
					t.Errorf("last byte: got %v, want %v", err, tc.want)
				case !last && err != nil:
					t.Fatalf("byte %d: got %v too early", i, err)
				}
			}
		})
	}
}
