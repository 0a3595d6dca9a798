package wsframe

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// naive is the algorithm as RFC 6455 section 5.3 writes it.
func naive(b []byte, key uint32) {
	for i := range b {
		b[i] ^= byte(key >> (8 * (i % 4)))
	}
}

func TestMask(t *testing.T) {
	src := make([]byte, 300)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	const key = 0x3d21fa37
	for start := range 9 {
		for n := 0; start+n < len(src); n++ {
			want := bytes.Clone(src)
			naive(want[start:start+n], key)
			got := bytes.Clone(src)
			Mask(got[start:start+n], key)
			if !bytes.Equal(got, want) {
				t.Fatalf("Mask of %d bytes at %d differs", n, start)
			}
			got = bytes.Clone(src)
			MaskASCII(got[start:start+n], key)
			if !bytes.Equal(got, want) {
				t.Fatalf("MaskASCII of %d bytes at %d differs", n, start)
			}
		}
	}
}

func TestMaskContinues(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789"), 20)
	want := bytes.Clone(src)
	naive(want, 0x01020304)
	for i := range src {
		for _, j := range []int{i, i + 1, i + 7, len(src)} {
			j = min(j, len(src))
			got := bytes.Clone(src)
			key := Mask(got[:i], 0x01020304)
			key = Mask(got[i:j], key)
			Mask(got[j:], key)
			if !bytes.Equal(got, want) {
				t.Fatalf("cut at %d and %d: differs", i, j)
			}
		}
	}
}

func TestMaskASCIITells(t *testing.T) {
	for n := range 100 {
		text := bytes.Repeat([]byte{'~'}, n)
		Mask(text, 0xa5a5a5a5)
		if !MaskASCII(bytes.Clone(text), 0xa5a5a5a5) {
			t.Errorf("%d bytes of ASCII: got false", n)
		}
		for i := range n {
			b := bytes.Clone(text)
			b[i] ^= 0x80
			if MaskASCII(b, 0xa5a5a5a5) {
				t.Errorf("byte %d of %d is not ASCII: got true", i, n)
			}
		}
	}
}
