package id

import "testing"

func FuzzParse(f *testing.F) {
	f.Add("AAAAAAAAAAAAAAAAAAAA")
	f.Add("__proto__")
	f.Add("zzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := Parse(text)
		if ok && d.String() != text {
			t.Errorf("%q became %q", text, d.String())
		}
	})
}
