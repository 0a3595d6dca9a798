package http1

import "testing"

func TestQueryValue(t *testing.T) {
	for _, tt := range []struct {
		raw, key, want string
		ok             bool
	}{
		{"EIO=4&transport=polling", "EIO", "4", true},
		{"EIO=4&transport=polling", "transport", "polling", true},
		{"EIO=4&transport=polling", "sid", "", false},
		{"EIO=4&transport=polling", "IO", "", false},
		{"", "a", "", false},
		{"a", "a", "", true},
		{"a=", "a", "", true},
		{"a=1&a=2", "a", "2", true},
		{"a=1&a", "a", "", true},
		{"a=b=c", "a", "b=c", true},
		{"&&a=1&&", "a", "1", true},
		{"&", "", "", true},
		{"a=x+y%20z%2B", "a", "x y z+", true},
		{"a=%zz%4", "a", "%zz%4", true},
		{"a=%", "a", "%", true},
		{"a=%e2%82%ac%00", "a", "€\x00", true},
		{"%61=1", "a", "1", true},
		{"a%20b=1", "a b", "1", true},
		{"a+b=1", "a b", "1", true},
		{"a;b=1", "b", "", false},
		{"__proto__=x", "__proto__", "x", true},
	} {
		got, ok := QueryValue([]byte(tt.raw), tt.key)
		if string(got) != tt.want || ok != tt.ok {
			t.Errorf("QueryValue(%q, %q) = %q, %t; want %q, %t", tt.raw, tt.key, got, ok, tt.want, tt.ok)
		}
	}
}
