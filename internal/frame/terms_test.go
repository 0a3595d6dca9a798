package frame

import "testing"

// keyed returns a frame with a key; "" for none.
func keyed(key string) *Frame {
	f := New().SealRaw()
	f.SetKey(key)
	return f
}

func TestPredecessor(t *testing.T) {
	control := NewUnit(keyed("a"), true)
	unit := func(key string) Unit { return NewUnit(keyed(key), false) }
	for _, tt := range []struct {
		name      string
		queue     []Unit
		from      int
		at        int
		overtakes bool
	}{
		{"empty", nil, 0, -1, false},
		{"other keys", []Unit{unit("b"), unit("")}, 0, -1, false},
		{"the last", []Unit{unit(""), unit("a")}, 0, 1, false},
		{"in front of other keys", []Unit{unit("a"), unit("b"), unit("c")}, 0, 0, false},
		{"in front of one without a key", []Unit{unit("a"), unit("b"), unit("")}, 0, 0, true},
		{"control frames don't count", []Unit{unit("a"), control}, 0, 0, false},
		{"on its way already", []Unit{unit("a"), unit("b")}, 1, -1, false},
	} {
		if i, overtakes := Predecessor(tt.queue, tt.from, keyed("a")); i != tt.at || i >= 0 && overtakes != tt.overtakes {
			t.Errorf("%s: %d, %v, want %d, %v", tt.name, i, overtakes, tt.at, tt.overtakes)
		}
	}
}

func TestTermsAreForgotten(t *testing.T) {
	f := keyed("a")
	f.SetPolicy(3)
	if !f.Keyed() || f.Policy() != 3 {
		t.Error("terms are not kept")
	}
	f.recycle()
	if f.Keyed() || f.Policy() != 0 || f.key != "" {
		t.Error("a recycled frame has terms")
	}
	f.SetKey("b")
	f.SetKey("")
	if f.Keyed() {
		t.Error("the empty key is a key")
	}
}
