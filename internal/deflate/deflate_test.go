package deflate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// samples are messages of many sizes: text, and noise.
func samples() (all [][]byte) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 5, 31, 255, 256, 257, 1024, 4000, 33_000, 70_000, 200_000} {
		var b strings.Builder
		for b.Len() < n {
			fmt.Fprintf(&b, `{"symbol":"%c%c","price":%d},`, 'A'+r.IntN(26), 'A'+r.IntN(26), r.IntN(1000))
		}
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		all = append(all, []byte(b.String()[:n]), noise)
	}
	return all
}

// TestMessagesComeBack: for each kind of level and of window, with context and
// without.
func TestMessagesComeBack(t *testing.T) {
	for _, level := range []int{1, DefaultLevel, 9} {
		d := NewDeflater(level)
		for _, bits := range []uint8{MinBits, 9, 12, MaxBits} {
			var said, heard []byte
			for i, message := range samples() {
				alone := d.Append([]byte("front"), message, nil, bits)
				behind := d.Append(nil, message, said, bits)
				check(t, fmt.Sprint("level ", level, ", window ", bits, ", sample ", i), alone[len("front"):], nil, message)
				check(t, fmt.Sprint("level ", level, ", window ", bits, ", sample ", i, " in context"), behind, heard, message)
				said = AppendContext(said, message, min(MaxContext, 1<<bits))
				heard = AppendContext(heard, message, 1<<bits)
			}
		}
	}
}

func check(t *testing.T, name string, payload, context, want []byte) {
	t.Helper()
	if bytes.HasSuffix(payload, []byte{0, 0, 0xff, 0xff}) {
		t.Errorf("%s: the end of the flush is still there", name)
	}
	z := NewInflater()
	defer z.Release()
	if err := z.Inflate(payload, context, len(want), 0); err != nil || !bytes.Equal(z.Out, want) {
		t.Errorf("%s: %d bytes, want %d; %v", name, len(z.Out), len(want), err)
	}
}

// TestWindowIsKept: what repeats within the window is found, what repeats only
// further back is not.
func TestWindowIsKept(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 1<<MaxBits)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	d := NewDeflater(DefaultLevel)
	for bits := uint8(MinBits); bits < MaxBits; bits++ {
		window := 1 << bits
		within := bytes.Repeat(noise[:window/2], 8)
		beyond := bytes.Repeat(noise[:window+window/8], 8)
		if n := len(d.Append(nil, within, nil, bits)); n > len(within)/2 {
			t.Errorf("window %d: %d bytes of %d, though they repeat within it", bits, n, len(within))
		}
		if n := len(d.Append(nil, beyond, nil, bits)); n < len(beyond) {
			t.Errorf("window %d: %d bytes of %d, which repeat only beyond it", bits, n, len(beyond))
		}
	}
}

// TestContextPays: a second message like the first is a few bytes.
func TestContextPays(t *testing.T) {
	message := samples()[12] // a kilobyte of text
	d := NewDeflater(DefaultLevel)
	alone, behind := d.Append(nil, message, nil, MaxBits), d.Append(nil, message, message, MaxBits)
	if len(behind) > len(alone)/4 {
		t.Errorf("%d bytes behind its like, %d alone", len(behind), len(alone))
	}
}

func FuzzDeflate(f *testing.F) {
	f.Add([]byte("Hello"), []byte("Hello"), uint8(0))
	f.Add([]byte(nil), []byte(nil), uint8(7))
	d := NewDeflater(DefaultLevel)
	f.Fuzz(func(t *testing.T, message, context []byte, window uint8) {
		bits := MinBits + window%8
		context = AppendContext(nil, context, 1<<bits)
		check(t, "message", d.Append(nil, message, context, bits), context, message)
	})
}

func BenchmarkDeflate(b *testing.B) {
	for _, message := range [][]byte{samples()[12], samples()[16], samples()[20]} {
		for _, level := range []int{1, DefaultLevel, 6} {
			b.Run(fmt.Sprintf("level=%d/bytes=%d", level, len(message)), func(b *testing.B) {
				d := NewDeflater(level)
				var out []byte
				b.SetBytes(int64(len(message)))
				b.ReportAllocs()
				for b.Loop() {
					out = d.Append(out[:0], message, nil, MaxBits)
				}
				b.ReportMetric(float64(len(message))/float64(len(out)), "ratio")
			})
		}
	}
}
