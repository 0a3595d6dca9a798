//go:build !race

package id

import "testing"

func TestGetAllocatesNothing(t *testing.T) {
	tab := newTable()
	o := new(owner)
	d, _ := tab.Add(o)
	text := d.String()
	if n := testing.AllocsPerRun(100, func() {
		if tab.Get(text) != o {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("Get allocates %v times", n)
	}
}

func BenchmarkGet(b *testing.B) {
	tab := newTable()
	d, _ := tab.Add(new(owner))
	text := d.String()
	b.ReportAllocs()
	for b.Loop() {
		tab.Get(text)
	}
}
