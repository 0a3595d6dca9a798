package frame

import (
	"bytes"
	"testing"
)

func TestSealedForms(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65535, 65536, 70000} {
		f := New()
		f.B = append(f.B, bytes.Repeat([]byte{'x'}, n)...)
		f.SealText()
		if len(f.Payload()) != n {
			t.Errorf("payload of %d bytes has %d", n, len(f.Payload()))
		}
		head := 2
		if n > 125 {
			head = 4
		}
		if n > 65535 {
			head = 10
		}
		if got := len(f.Wire()) - n; got != head {
			t.Errorf("header of a %d byte message has %d bytes, want %d", n, got, head)
		}
		if f.Wire()[0] != 0x81 {
			t.Errorf("first byte %#x, want final text", f.Wire()[0])
		}
		if f.Size() != len(f.Wire()) {
			t.Errorf("Size %d, wire %d", f.Size(), len(f.Wire()))
		}
		f.Release()
	}
}

func TestRawHasNoHeader(t *testing.T) {
	f := New()
	f.B = append(f.B, "HTTP/1.1 200 OK\r\n"...)
	f.SealRaw()
	if string(f.Wire()) != "HTTP/1.1 200 OK\r\n" {
		t.Errorf("wire is %q", f.Wire())
	}
	f.Release()
}

func TestChainCountsAndReleasesAll(t *testing.T) {
	a, b := New(), New()
	a.B = append(a.B, "450-[]"...)
	b.B = append(b.B, 1, 2, 3)
	a.SealText()
	b.SealBinary()
	a.Chain(b)
	if a.Size() != len(a.Wire())+len(b.Wire()) {
		t.Errorf("size of the chain is %d", a.Size())
	}
	a.Retain(2)
	a.Release()
	a.Release()
	if b.refs.Load() != 1 {
		t.Errorf("the chained frame was released early")
	}
	a.Release()
	if b.refs.Load() != 0 {
		t.Errorf("the chained frame was not released")
	}
}

func TestReleaseTwicePanics(t *testing.T) {
	f := &Frame{B: make([]byte, headerRoom)}
	f.refs.Store(1)
	f.SealRaw()
	f.refs.Store(0)
	defer func() {
		if recover() == nil {
			t.Error("a second Release did not panic")
		}
	}()
	f.Release()
}
