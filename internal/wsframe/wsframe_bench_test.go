package wsframe

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

var sizes = []int{16, 64, 1024, 65536}

func BenchmarkParseHeader(b *testing.B) {
	frame := AppendMasked(nil, Fin|First(Text), 7, make([]byte, 64))
	b.ReportAllocs()
	for b.Loop() {
		if _, n, err := ParseHeader(frame, 0, 1<<20); n == 0 || err != nil {
			b.Fatal(n, err)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range sizes {
		p := make([]byte, size)
		b.Run("ours/"+strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				Mask(p, 0x3d21fa37)
			}
		})
		b.Run("ours-ascii/"+strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				MaskASCII(p, 0x3d21fa37)
			}
		})
		b.Run("gobwas/"+strconv.Itoa(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			for b.Loop() {
				ws.Cipher(p, [4]byte{0x37, 0xfa, 0x21, 0x3d}, 0)
			}
		})
	}
}

func BenchmarkUTF8(b *testing.B) {
	for name, text := range map[string]string{
		"ascii": strings.Repeat("a", 4096),
		"greek": strings.Repeat("κόσμε ", 400),
		"mixed": strings.Repeat("naïve text with few accents ", 150),
	} {
		p := []byte(text)
		b.Run("ours/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				var u UTF8
				if u.Write(p) >= 0 {
					b.Fatal("refused")
				}
			}
		})
		b.Run("std/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				if !utf8.Valid(p) {
					b.Fatal("refused")
				}
			}
		})
	}
}

func BenchmarkReader(b *testing.B) {
	frame := AppendMasked(nil, Fin|First(Text), 0, []byte(strings.Repeat("a", 64)))
	var r Reader
	r.Reset(0, Limits{MaxMessageBytes: 1 << 20, MaxFragments: 100})
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		if _, ev, err := r.Next(frame); !ev.Final || err != nil {
			b.Fatal(err)
		}
	}
}
