package id

import (
	"encoding/base64"
	"math/bits"
	"strings"
	"sync"
	"testing"
)

type owner struct{ id ID }

func newTable() *Table[owner] {
	return NewTable(func(o *owner) *ID { return &o.id })
}

func TestTextFormIsBase64URL(t *testing.T) {
	tab := newTable()
	for range 1000 {
		d, ok := tab.Add(new(owner))
		if !ok {
			t.Fatal("Add refused")
		}
		text := d.String()
		if want := base64.RawURLEncoding.EncodeToString(d[:]); text != want {
			t.Fatalf("text of %x is %q, want %q", d, text, want)
		}
		back, ok := Parse(text)
		if !ok || back != d {
			t.Fatalf("Parse(%q) = %x, %v; want %x", text, back, ok, d)
		}
		if back, ok = Parse([]byte(text)); !ok || back != d {
			t.Fatalf("Parse of bytes %q = %x, %v", text, back, ok)
		}
	}
}

func TestFirstIDsEndLikeTheReference(t *testing.T) {
	tab := newTable()
	for _, tail := range []string{"AAAA", "AAAB", "AAAC"} {
		d, _ := tab.Add(new(owner))
		if text := d.String(); len(text) != 20 || !strings.HasSuffix(text, tail) {
			t.Errorf("id %q does not end in %s", text, tail)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "AAAA", "AAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAA=",
		"AAAA+AAAAAAAAAAAAAAA", "AAAA/AAAAAAAAAAAAAAA", "__proto__", "constructor",
		"AAAAAAAAA\x00AAAAAAAAAA", "AAAAAAAAA\xffAAAAAAAAAA",
	} {
		if d, ok := Parse(text); ok {
			t.Errorf("Parse(%q) = %x", text, d)
		}
		if o := newTable().Get(text); o != nil {
			t.Errorf("Get(%q) found an owner", text)
		}
	}
}

func TestStaleAndForeignIDs(t *testing.T) {
	tab := newTable()
	a := new(owner)
	first, _ := tab.Add(a)
	if got := tab.Get(first.String()); got != a {
		t.Fatalf("Get = %p, want %p", got, a)
	}
	if !tab.Remove(first) || tab.Remove(first) || tab.Len() != 0 {
		t.Fatalf("Remove is not exactly once, %d left", tab.Len())
	}
	b := new(owner)
	second, _ := tab.Add(b)
	if second.slot() != first.slot() {
		t.Errorf("slot %d was not used again, got %d", first.slot(), second.slot())
	}
	if tab.Lookup(first) != nil {
		t.Error("the id of a former owner reaches the new one")
	}
	guess := second
	guess[3] ^= 1
	if tab.Lookup(guess) != nil || tab.Remove(guess) {
		t.Error("an id that differs in one bit was accepted")
	}
	if tab.Lookup(ID{}) != nil {
		t.Error("the zero id was accepted")
	}
	beyond := second
	beyond.setSlot(maxSlots - 1)
	if tab.Lookup(beyond) != nil {
		t.Error("a slot beyond the table was accepted")
	}
}

func TestTableIsFull(t *testing.T) {
	tab := newTable()
	tab.next = maxSlots
	if _, ok := tab.Add(new(owner)); ok {
		t.Error("a full table took one more")
	}
}

func TestRange(t *testing.T) {
	tab := newTable()
	for range 3 * chunkSlots {
		tab.Add(new(owner))
	}
	n := 0
	tab.Range(func(*owner) bool { n++; return true })
	if n != 3*chunkSlots || tab.Len() != n {
		t.Errorf("Range saw %d, Len says %d", n, tab.Len())
	}
	n = 0
	tab.Range(func(*owner) bool { n++; return n < 5 })
	if n != 5 {
		t.Errorf("Range went on after false: %d", n)
	}
}

// TestCVE_2017_16031 asks that ids can't be guessed: no two alike, and every
// bit of the random part as often 1 as 0.
func TestCVE_2017_16031(t *testing.T) {
	const n = 100_000
	seen := make(map[[randomBytes]byte]bool, n)
	var ones [randomBytes * 8]int
	var d ID
	for range n {
		d.randomize()
		r := [randomBytes]byte(d[:])
		if seen[r] {
			t.Fatalf("%x twice", r)
		}
		seen[r] = true
		for i := range ones {
			ones[i] += bits.OnesCount8(r[i/8] & (1 << (i % 8)))
		}
	}
	for i, k := range ones {
		if k < n/2-n/50 || k > n/2+n/50 {
			t.Errorf("bit %d was set %d times of %d", i, k, n)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	tab := newTable()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { // ends after its 2,000 rounds
			for range 2000 {
				o := new(owner)
				d, _ := tab.Add(o)
				if tab.Lookup(d) != o {
					t.Error("an owner was not found by its id")
				}
				if !tab.Remove(d) || tab.Lookup(d) != nil {
					t.Error("an owner was found after it was removed")
				}
			}
		})
	}
	wg.Wait()
	if tab.Len() != 0 {
		t.Errorf("%d owners left", tab.Len())
	}
}

// TestGuests: an owner keeps the id that it had elsewhere.
func TestGuests(t *testing.T) {
	tab, other := newTable(), newTable()
	for range 3 {
		other.Add(new(owner))
	}
	away := new(owner)
	d, _ := other.Add(away)
	here := new(owner)
	own, _ := tab.Add(here)
	guest := new(owner)
	if !tab.AddAs(guest, d) || guest.id != d || tab.Get(d.String()) != guest || tab.Len() != 2 {
		t.Fatal("a guest is not found by the id that it brought")
	}
	if tab.AddAs(new(owner), d) || tab.AddAs(new(owner), own) || tab.AddAs(new(owner), ID{}) {
		t.Error("an id got a second owner")
	}
	n := 0
	tab.Range(func(*owner) bool { n++; return true })
	if n != 2 {
		t.Errorf("Range saw %d", n)
	}
	n = 0
	tab.Range(func(*owner) bool { n++; return n < 2 })
	if n != 2 {
		t.Errorf("Range went on: %d", n)
	}
	guess := d
	guess[2] ^= 1
	if tab.Lookup(guess) != nil || tab.Remove(guess) {
		t.Error("an id that differs in one bit was accepted")
	}
	if !tab.Remove(d) || tab.Remove(d) || tab.Lookup(d) != nil || tab.Len() != 1 || tab.guests != nil {
		t.Error("a guest was not removed exactly once")
	}
	tab.Remove(own)
	if !tab.AddAs(guest, own) || tab.Lookup(own) != guest {
		t.Error("an id whose owner has gone was refused")
	}
}
