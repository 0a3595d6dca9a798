package eio

import (
	"net/url"
	"strings"
)

// normalOrigin returns an origin in the form in which two of them can be
// compared: lower case, without the default port. It is empty for what is no
// origin. "null", which browsers send for sandboxed pages, stays as it is.
func normalOrigin(o string) string {
	if o == "null" {
		return o
	}
	u, err := url.Parse(o)
	if err != nil || u.Scheme == "" || u.Host == "" || u.Opaque != "" || u.User != nil ||
		u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(o, "#") {
		return ""
	}
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	switch scheme {
	case "http", "ws":
		host = strings.TrimSuffix(host, ":80")
	case "https", "wss":
		host = strings.TrimSuffix(host, ":443")
	}
	return scheme + "://" + host
}

// originSet makes the look-up of Config.AllowedOrigins; nil allows all.
func originSet(list []string) map[string]bool {
	if list == nil {
		return nil
	}
	set := make(map[string]bool, len(list))
	for _, o := range list {
		set[normalOrigin(o)] = true
	}
	return set
}

// validHeaderValue reports whether b may be the value of a header (reference:
// checkInvalidHeaderChar). Ownership: b is only read.
func validHeaderValue(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
