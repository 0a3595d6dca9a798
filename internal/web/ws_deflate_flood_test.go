//go:build !race

package web

import (
	"bytes"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/internal/deflate"
)

// TestWSDeflateTinyMessages: a hundred thousand of them cost no memory. (Under the
// race detector pools forget at random, and each inflater would be a new one.)
func TestWSDeflateTinyMessages(t *testing.T) {
	got := make(chan int, 1)
	n := 0
	s, d := startDeflate(t, WSDeflateOptions{Policy: both, Threshold: 1024}, 0, wsFuncs{message: func(_ *WSConn, b []byte, _ bool) {
		if n += len(b); n == 100_000 {
			got <- n
		}
	}})
	p, _ := s.dialOffering(t, pmd)
	one := m(fin|rsv1|text, string(deflate.NewDeflater(1).Append(nil, []byte("x"), nil, 15)))
	p.write(t, one)
	s.settled(t)
	before := heapInUse()
	many := bytes.Repeat(one, 99_999/9)
	for range 9 {
		p.write(t, many)
	}
	select {
	case <-got:
	case <-time.After(testWait):
		t.Fatal("they did not all arrive")
	}
	if grown := heapInUse() - before; grown > 1_000_000+64<<10 {
		t.Errorf("grown by %d bytes", grown)
	}
	if _, inflated := d.Counts(); inflated != 100_000 {
		t.Errorf("%d messages inflated", inflated)
	}
}
