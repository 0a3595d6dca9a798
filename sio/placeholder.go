package sio

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
)

// Placeholders stand for attachments inside the JSON of a binary packet:
// {"_placeholder":true,"num":0}. Everything here works on text that the
// scanner has accepted.

// placeholder is one that was found in a text.
type placeholder struct {
	start, end int
	num        int
}

// nextPlaceholder finds the first placeholder of b at or behind i. ok is false
// when there is none; a number that is not an integer in [0, n) is an error
// (CVE-2022-2421).
func nextPlaceholder(b []byte, i, n int) (p placeholder, ok bool, err *ProtocolError) {
	for i < len(b) {
		switch b[i] {
		case '"':
			i = skipString(b, i)
			continue
		case '{':
			is, num := readPlaceholder(b, i)
			if is {
				if num < 0 || num >= n {
					return p, false, errPlaceholder
				}
				return placeholder{i, skipValue(b, i), num}, true, nil
			}
		}
		i++
	}
	return p, false, nil
}

// readPlaceholder reports whether the object at b[i] is a placeholder, and its
// number, -1 for a bad one. As in JSON.parse the last of equal keys counts.
func readPlaceholder(b []byte, i int) (is bool, num int) {
	num = -1
	for i = skipSpace(b, i+1); b[i] == '"'; {
		end := skipString(b, i)
		key := b[i+1 : end-1]
		i = skipSpace(b, skipSpace(b, end)+1) // behind the colon
		end = skipValue(b, i)
		switch value := b[i:end]; {
		case keyIs(key, "_placeholder"):
			is = string(value) == "true"
		case keyIs(key, "num"):
			var err error
			if num, err = strconv.Atoi(string(value)); err != nil {
				num = -1
			}
		}
		i = skipSpace(b, end)
		if b[i] == ',' {
			i = skipSpace(b, i+1)
		}
	}
	return is, num
}

func keyIs(key []byte, name string) bool {
	if string(key) == name {
		return true
	}
	for _, c := range key {
		if c == '\\' {
			return string(unescape(key)) == name
		}
	}
	return false
}

// checkPlaceholders verifies that each placeholder of b names one of n
// attachments.
func checkPlaceholders(b []byte, n int) *ProtocolError {
	for i := 0; ; {
		p, ok, err := nextPlaceholder(b, i, n)
		if !ok {
			return err
		}
		i = p.end
	}
}

// inlineAttachments returns b with each placeholder replaced by the base64
// text of its attachment: the form in which codecs read a []byte.
func inlineAttachments(b []byte, attachments [][]byte) []byte {
	out, from := make([]byte, 0, len(b)), 0
	for {
		p, ok, _ := nextPlaceholder(b, from, len(attachments))
		if !ok {
			return append(out, b[from:]...)
		}
		out = append(append(out, b[from:p.start]...), '"')
		out = base64.StdEncoding.AppendEncode(out, attachments[p.num])
		out = append(out, '"')
		from = p.end
	}
}

// resolve replaces the placeholders in a decoded value by copies of their
// attachments.
func resolve(v any, attachments [][]byte) any {
	switch v := v.(type) {
	case []any:
		for i, x := range v {
			v[i] = resolve(x, attachments)
		}
	case map[string]any:
		if is, _ := v["_placeholder"].(bool); is {
			if n := placeholderNumber(v["num"]); n >= 0 && n < len(attachments) {
				return append([]byte{}, attachments[n]...)
			}
		}
		for k, x := range v {
			v[k] = resolve(x, attachments)
		}
	}
	return v
}

// placeholderNumber reads a number in any of the forms that codecs give it.
func placeholderNumber(v any) int {
	switch v := v.(type) {
	case float64:
		return int(v)
	case int:
		return v
	case int64:
		return int(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
	}
	return -1
}
