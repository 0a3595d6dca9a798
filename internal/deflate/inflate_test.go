package deflate

import (
	"bytes"
	"compress/flate"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// vector is a line of testdata/messages.txt.
type vector struct {
	name, says, context string
	payload             []byte
	fails               bool
}

func vectors(t testing.TB) (all []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/messages.txt")
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		part := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if strings.HasPrefix(line, "#") {
			continue
		}
		v := vector{name: strings.TrimSpace(part[0]), says: strings.TrimSpace(part[2])}
		v.payload, err = hex.DecodeString(strings.ReplaceAll(part[1], " ", ""))
		require.NoError(t, err, v.name)
		if len(part) > 3 {
			v.context = strings.TrimPrefix(strings.TrimSpace(part[3]), "context ")
		}
		v.fails = v.says == "error"
		all = append(all, v)
	}
	return all
}

func TestGoldenMessagesInflate(t *testing.T) {
	for _, v := range vectors(t) {
		z := NewInflater()
		err := z.Inflate(v.payload, []byte(v.context), 100, 0)
		switch {
		case v.fails && !errors.Is(err, ErrCorrupt):
			t.Errorf("%s: got %q, %v, want %v", v.name, z.Out, err, ErrCorrupt)
		case !v.fails && (err != nil || string(z.Out) != v.says):
			t.Errorf("%s: got %q, %v, want %q", v.name, z.Out, err, v.says)
		}
		z.Release()
	}
}

// TestInflateStopsAtTheLimit: what fits exactly passes, one byte more does not,
// and no more than that is inflated.
func TestInflateStopsAtTheLimit(t *testing.T) {
	for _, n := range []int{0, 1, 1000, firstBytes, 4096, 32 << 10, 100_000, 1_000_000} {
		message := NewDeflater(1).Append(nil, make([]byte, n), nil, MaxBits)
		z := NewInflater()
		if err := z.Inflate(message, nil, n, 0); err != nil || len(z.Out) != n {
			t.Errorf("%d bytes at the limit: got %d, %v", n, len(z.Out), err)
		}
		if n > 0 {
			if err := z.Inflate(message, nil, n-1, 0); !errors.Is(err, ErrTooLarge) || len(z.Out) != n {
				t.Errorf("%d bytes above the limit: got %d, %v", n, len(z.Out), err)
			}
		}
		z.Release()
	}
}

func TestRatioBoundsWhatIsLargerThanAMegabyte(t *testing.T) {
	zeros := func(n int) []byte { return NewDeflater(9).Append(nil, make([]byte, n), nil, MaxBits) }
	for _, test := range []struct {
		n, limit, ratio int
		want            error
	}{
		{ratioFrom, 10 << 20, 200, nil},
		{ratioFrom + 1, 10 << 20, 200, ErrRatio},
		{ratioFrom + 1, 10 << 20, 0, nil},
		{ratioFrom + 1, 10 << 20, 1100, nil},
		{ratioFrom, ratioFrom, 1, nil},
		{ratioFrom + 1, ratioFrom, 200, ErrTooLarge},
	} {
		z := NewInflater()
		if err := z.Inflate(zeros(test.n), nil, test.limit, test.ratio); !errors.Is(err, test.want) {
			t.Errorf("%+v: got %v", test, err)
		}
		z.Release()
	}
}

// TestBombsCostNoMoreThanTheLimit (NATS GHSA-qrvq-68c2-7grw, undici
// CVE-2026-1526, CVE-2018-1000518): what would become a gigabyte, and what is
// nothing but blocks, allocates no more than the limit and 64 KiB, for all
// tries together.
func TestBombsCostNoMoreThanTheLimit(t *testing.T) {
	const limit = 1_000_000
	final := bytes.Repeat([]byte{0x03, 0x00}, 1000) // an empty final block
	bombs := map[string][]byte{
		"a megabyte that becomes a gigabyte": gigabyte(t),
		"a kilobyte of one of these":         gigabyte(t)[:1024],
		"empty stored blocks":                bytes.Repeat([]byte{0, 0, 0, 0xff, 0xff}, limit/5),
		"empty final blocks":                 final,
	}
	for name, bomb := range bombs {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for range 5 {
			z := NewInflater()
			err := z.Inflate(bomb, nil, limit, 0)
			if err == nil || len(z.Out) > limit+1 || cap(z.Out) > limit+1 {
				t.Errorf("%s: inflated to %d of %d bytes, %v", name, len(z.Out), cap(z.Out), err)
			}
			z.Release()
			runtime.GC()
			runtime.ReadMemStats(&after)
			if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > limit+64<<10 {
				t.Fatalf("%s: %d bytes held", name, held)
			}
		}
	}
}

// gigabyte returns zeros that become a gigabyte, as a message.
func gigabyte(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	require.NoError(t, err)
	zeros := make([]byte, 1<<20)
	for range 2 {
		b.Reset() // the second megabyte is as good for all that follow
		_, err = w.Write(zeros)
		require.NoError(t, err)
		require.NoError(t, w.Flush())
	}
	first := NewDeflater(9).Append(nil, zeros, nil, MaxBits)
	more := bytes.Repeat(b.Bytes(), 1<<10-1)
	return append(append(first, tail[:trailerBytes]...), more[:len(more)-trailerBytes]...)
}

// TestHollowMessagesAreRefused: large ones that are nothing but blocks.
func TestHollowMessagesAreRefused(t *testing.T) {
	empty, hello := []byte{0, 0, 0, 0xff, 0xff}, []byte{0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}
	for n, want := range map[int]error{1000: nil, hollowFrom/5 - 10: nil, hollowFrom / 5: ErrCorrupt, 200_000: ErrCorrupt} {
		z := NewInflater()
		if err := z.Inflate(append(bytes.Repeat(empty, n), hello...), nil, 1_000_000, 0); !errors.Is(err, want) {
			t.Errorf("%d empty blocks: %v, want %v", n, err, want)
		}
		z.Release()
	}
	// What is stored as it is says nearly all of its bytes.
	z := NewInflater()
	defer z.Release()
	stored := NewDeflater(1).Append(nil, samples()[len(samples())-1], nil, MaxBits)
	if err := z.Inflate(stored, nil, 1_000_000, 0); err != nil {
		t.Errorf("noise: %v", err)
	}
}

func TestFinalBlocksAreBounded(t *testing.T) {
	one := []byte{0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00}
	for n, want := range map[int]error{maxFinals: nil, maxFinals + 1: ErrCorrupt} {
		z := NewInflater()
		if err := z.Inflate(bytes.Repeat(one, n), nil, 1<<20, 0); !errors.Is(err, want) {
			t.Errorf("%d final blocks: %v", n, err)
		}
		z.Release()
	}
}

func TestFailedInflatersAreNotReused(t *testing.T) {
	for range 100 {
		z := NewInflater()
		if z.failed {
			t.Fatal("an inflater that failed came back")
		}
		if err := z.Inflate([]byte{0x06}, nil, 10, 0); err == nil || !z.failed {
			t.Fatalf("error %v, failed %v", err, z.failed)
		}
		z.Release()
	}
}

func TestContextKeepsTheEnd(t *testing.T) {
	var context, all []byte
	for i := range 300 {
		said := bytes.Repeat([]byte{byte(i)}, i%97)
		all = append(all, said...)
		context = AppendContext(context, said, 256)
		if want := all[max(0, len(all)-256):]; !bytes.Equal(context, want) {
			t.Fatalf("after %d: %d bytes, want %d", i, len(context), len(want))
		}
	}
}

// FuzzInflate compares with the standard library, and holds the limit.
func FuzzInflate(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.payload, []byte(v.context), uint16(100))
	}
	f.Add(NewDeflater(9).Append(nil, make([]byte, 100_000), nil, MaxBits), []byte(nil), uint16(5000))
	f.Fuzz(func(t *testing.T, message, context []byte, limit uint16) {
		z := NewInflater()
		defer z.Release()
		err := z.Inflate(message, context, int(limit), 0)
		if len(z.Out) > int(limit)+1 {
			t.Fatalf("%d bytes at a limit of %d", len(z.Out), limit)
		}
		if err == nil && len(z.Out) > int(limit) {
			t.Fatalf("accepted %d bytes at a limit of %d", len(z.Out), limit)
		}
		if len(message) == 0 {
			return
		}
		r := flate.NewReaderDict(io.MultiReader(bytes.NewReader(message), strings.NewReader(tail)), context)
		want, peer := io.ReadAll(io.LimitReader(r, int64(limit)+1))
		if errors.Is(err, ErrCorrupt) || len(want) > int(limit) || peer != nil {
			// What is more than one stream is ours alone to judge.
			if err == nil && !bytes.HasPrefix(z.Out, want) {
				t.Fatalf("got %q, the standard library %q, %v", z.Out, want, peer)
			}
			return
		}
		if !bytes.HasPrefix(z.Out, want) {
			t.Fatalf("got %q, %v, the standard library %q", z.Out, err, want)
		}
	})
}
