package frame

import (
	"bytes"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// halver "compresses" a message of one letter to half its size, others not.
type halver struct{ calls atomic.Int64 }

func (h *halver) Deflate(dst, payload []byte, bits uint8) []byte {
	h.calls.Add(1)
	if len(payload) == 0 || bytes.Count(payload, payload[:1]) != len(payload) {
		return append(append(dst, payload...), bits)
	}
	return append(append(dst, payload[:len(payload)/2-1]...), bits)
}

func build(payloads ...string) *Frame {
	var f *Frame
	for i := len(payloads) - 1; i >= 0; i-- {
		g := New()
		g.B = append(g.B, payloads[i]...)
		if i == 0 {
			g.SealText()
		} else {
			g.SealBinary()
		}
		if f != nil {
			g.Chain(f)
		}
		f = g
	}
	return f
}

func TestDeflatedFormIsMadeOnce(t *testing.T) {
	h := new(halver)
	f := build(strings.Repeat("x", 1000))
	f.SetKey("price")
	f.SetPolicy(2)
	var all sync.WaitGroup
	forms := make([]*Frame, 16)
	for i := range forms {
		all.Go(func() { forms[i] = f.Deflated(h, 15, 100) })
	}
	all.Wait()
	for _, g := range forms {
		if g == nil || g != forms[0] {
			t.Fatalf("forms differ: %p and %p", g, forms[0])
		}
	}
	if n := h.calls.Load(); n != 1 {
		t.Errorf("compressed %d times", n)
	}
	g := forms[0].Retain(1)
	if want := strings.Repeat("x", 499) + "\x0f"; string(g.Payload()) != want || g.Wire()[0] != 0xc1 || !g.Compressed() || g.Size() != len(g.Wire()) {
		t.Errorf("form is %x", g.Wire())
	}
	if g.key != "price" || g.hash != f.hash || g.Policy() != 2 {
		t.Error("the form has other terms than its frame")
	}
	f.Release()
	if g.refs.Load() != 1 || len(g.Payload()) != 500 {
		t.Error("the form went with its frame, though it is still held")
	}
	g.Release()
}

func TestDeflatedFormsByWindow(t *testing.T) {
	h := new(halver)
	f := build(strings.Repeat("x", 1000))
	defer f.Release()
	small, same, large := f.Deflated(h, 9, 1), f.Deflated(h, 9, 1), f.Deflated(h, 15, 1)
	if small == large || small != same {
		t.Error("one form for two windows, or two for one")
	}
	// It is no longer than this window.
	if f.Deflated(h, 10, 1) != large || f.Deflated(h, 12, 1) != large {
		t.Error("a form of its own for a window that holds all")
	}
	if n := h.calls.Load(); n != 2 {
		t.Errorf("compressed %d times", n)
	}
}

func TestWhatIsNotDeflated(t *testing.T) {
	h := new(halver)
	for name, f := range map[string]*Frame{
		"below the threshold": build(strings.Repeat("x", 90)),
		"not to be":           build(strings.Repeat("x", 500)).Uncompressed(),
		"grows by it":         build(strings.Repeat("xy", 500)),
		"raw":                 New().SealRaw(),
	} {
		for range 2 {
			if g := f.Deflated(h, 15, 100); g != nil {
				t.Errorf("%s: got %x", name, g.Wire())
			}
		}
		f.Release()
	}
	if n := h.calls.Load(); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

func TestDeflatedChainStaysAChain(t *testing.T) {
	h := new(halver)
	parts := []string{strings.Repeat("a", 50), strings.Repeat("b", 200), strings.Repeat("cd", 200), strings.Repeat("e", 300)}
	f := build(parts...)
	defer f.Release()
	g := f.Deflated(h, 15, 100)
	if g == nil {
		t.Fatal("nothing is compressed")
	}
	var first []byte
	size := 0
	for p, k := g, 0; p != nil; p, k = p.Next(), k+1 {
		first = append(first, p.Wire()[0])
		if p.Size() != g.Size()-size {
			t.Errorf("part %d: size %d, %d of %d went before", k, p.Size(), size, g.Size())
		}
		size += len(p.Wire())
		if !p.Compressed() && string(p.Payload()) != parts[k] {
			t.Errorf("part %d: got %q", k, p.Payload())
		}
	}
	if want := []byte{0x81, 0xc2, 0x82, 0xc2}; !bytes.Equal(first, want) || size != g.Size() {
		t.Errorf("first bytes %x, want %x; %d bytes of %d", first, want, size, g.Size())
	}
}

// TestRecycledFramesHaveNoForms: what is built next starts anew.
func TestRecycledFramesHaveNoForms(t *testing.T) {
	h := new(halver)
	for range 100 {
		f := build(strings.Repeat("x", 300))
		if f.Deflated(h, 15, 100) == nil {
			t.Fatal("not compressed")
		}
		f.Release()
		f = build(strings.Repeat("y", 300)).Uncompressed()
		if g := f.Deflated(h, 15, 100); g != nil {
			t.Fatalf("a form of an earlier frame: %x", g.Wire())
		}
		f.Release()
	}
	if f := New(); f.plain || f.deflated.first.Load() != nil {
		t.Error("a new frame is marked")
	}
}
