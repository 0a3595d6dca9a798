package main

import "testing"

func TestFirstString(t *testing.T) {
	for _, c := range []struct {
		args, s, rest string
		fails         bool
	}{
		{`"r1","payload"`, "r1", `"payload"`, false},
		{`"r1"`, "r1", "", false},
		{`"","x"`, "", `"x"`, false},
		{`"a\"b\\",1,2`, `a"b\`, "1,2", false},
		{`"r1`, "", "", true},
		{`"r1\`, "", "", true},
		{`"`, "", "", true},
		{``, "", "", true},
		{`17,"x"`, "", "", true},
	} {
		s, rest, err := firstString([]byte(c.args))
		if s != c.s || string(rest) != c.rest || (err != nil) != c.fails {
			t.Errorf("firstString(%s) = %q, %q, %v; want %q, %q, fails %v", c.args, s, rest, err, c.s, c.rest, c.fails)
		}
	}
}
