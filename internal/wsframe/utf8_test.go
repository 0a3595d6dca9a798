package wsframe

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"
)

// firstBad finds the first byte that makes b wrong, by asking the standard
// library about every prefix with every possible end.
func firstBad(b []byte) int {
	for i := range b {
		if !viable(b[:i+1]) {
			return i
		}
	}
	return -1
}

// viable reports whether b can be the start of valid text.
func viable(b []byte) bool {
	if utf8.Valid(b) {
		return true
	}
	for cut := 1; cut <= min(3, len(b)); cut++ {
		tail := b[len(b)-cut:]
		if utf8.Valid(b[:len(b)-cut]) && !utf8.FullRune(tail) {
			return true
		}
	}
	return false
}

func TestUTF8EveryTwoBytes(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			checkUTF8(t, []byte{byte(a), byte(b)})
			checkUTF8(t, []byte{0xf0, byte(a), byte(b)})
			checkUTF8(t, []byte{'x', byte(a), byte(b), 0x80, 0xbf})
		}
	}
}

func TestUTF8EveryRune(t *testing.T) {
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		var u UTF8
		if i := u.Write(utf8.AppendRune(nil, r)); i >= 0 || !u.Complete() {
			t.Fatalf("U+%04X: got bad byte %d", r, i)
		}
	}
}

func TestUTF8Random(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	alphabet := []byte{'a', 0x80, 0xbf, 0xc1, 0xc3, 0xe0, 0xa0, 0x9f, 0xed, 0xf0, 0x90, 0xf4, 0x8f, 0xf5}
	for range 20000 {
		b := make([]byte, rng.IntN(60))
		for i := range b {
			if b[i] = 'a'; rng.IntN(4) == 0 {
				b[i] = alphabet[rng.IntN(len(alphabet))]
			}
		}
		checkUTF8(t, b)
	}
}

// checkUTF8 compares with the standard library, whole and in two pieces.
func checkUTF8(t *testing.T, b []byte) {
	t.Helper()
	want := firstBad(b)
	for cut := range len(b) + 1 {
		var u UTF8
		got := u.Write(b[:cut])
		if got < 0 {
			if got = u.Write(b[cut:]); got >= 0 {
				got += cut
			}
		}
		if got != want {
			t.Fatalf("%x cut at %d: got first bad byte %d, want %d", b, cut, got, want)
		}
		if got < 0 && u.Complete() != utf8.Valid(b) {
			t.Fatalf("%x cut at %d: Complete is %t", b, cut, u.Complete())
		}
	}
}
