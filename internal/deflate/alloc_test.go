//go:build !race

package deflate

import "testing"

func TestMessagesAllocateNothing(t *testing.T) {
	message := samples()[14]
	d := NewDeflater(DefaultLevel)
	e := NewEncoder(DefaultLevel)
	packed := d.Append(nil, message, nil, MaxBits)
	dst := make([]byte, 0, 2*len(message))
	for name, f := range map[string]func(){
		"deflate":            func() { d.Append(dst, message, nil, MaxBits) },
		"deflate in context": func() { d.Append(dst, message, message, MaxBits) },
		"gzip":               func() { e.Append(dst, message, Gzip) },
		"zlib":               func() { e.Append(dst, message, Deflate) },
		"inflate": func() {
			z := NewInflater()
			if z.Inflate(packed, nil, 1<<20, 200) != nil {
				t.Fatal("not inflated")
			}
			z.Release()
		},
		"negotiate": func() {
			if _, ok, _ := (Policy{}).Negotiate([]byte("permessage-deflate; client_max_window_bits")); !ok {
				t.Fatal("not accepted")
			}
		},
	} {
		f()
		// The pools are emptied by the collector now and then.
		if n := testing.AllocsPerRun(200, f); n > 0.5 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
