package eio

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// Cookie describes the cookie that carries the session id, for load balancers.
// The zero Cookie gives "io=<sid>; Path=/; HttpOnly; SameSite=Lax".
type Cookie struct {
	// Name is the name; "" means "io".
	Name string
	// Path is the path; "" means "/".
	Path string
	// NoPath leaves the path out.
	NoPath bool
	// Domain is the domain; "" leaves it out.
	Domain string
	// MaxAge is the life in whole seconds; 0 leaves it out, below 0 means 0.
	MaxAge time.Duration
	// Expires is the end of the life; the zero time leaves it out.
	Expires time.Time
	// HTTPOnly hides the cookie from scripts. Default On.
	HTTPOnly Toggle
	// Secure restricts the cookie to https. Default Off.
	Secure Toggle
	// Partitioned keeps one cookie for each top-level site. Default Off.
	Partitioned Toggle
	// SameSite says which requests carry the cookie; 0 means Lax, and
	// http.SameSiteDefaultMode leaves it out.
	SameSite http.SameSite
}

// withDefaults returns a copy with everything that is zero filled in.
func (c *Cookie) withDefaults() *Cookie {
	if c == nil {
		return nil
	}
	d := *c
	setDefault(&d.Name, "io")
	setDefault(&d.Path, "/")
	setDefault(&d.SameSite, http.SameSiteLaxMode)
	d.HTTPOnly = settle(d.HTTPOnly, true)
	return &d
}

// validate reports a field that can't stand in a header.
func (c *Cookie) validate() error {
	if c == nil {
		return nil
	}
	if !http1.ValidName(c.Name) {
		return fmt.Errorf("eio: Config.Cookie.Name %q is no token", c.Name)
	}
	for _, f := range [...][2]string{{"Path", c.Path}, {"Domain", c.Domain}} {
		for i := range len(f[1]) {
			if b := f[1][i]; b < ' ' || b >= 0x7f || b == ';' {
				return fmt.Errorf("eio: Config.Cookie.%s holds a character that ends it", f[0])
			}
		}
	}
	return nil
}

// value returns the value of the Set-Cookie header for a session, in the
// order of the reference's cookie package.
func (c *Cookie) value(sid string) string {
	var b strings.Builder
	b.WriteString(c.Name + "=" + strings.ReplaceAll(url.QueryEscape(sid), "+", "%20"))
	if c.MaxAge != 0 {
		b.WriteString("; Max-Age=" + strconv.FormatInt(max(0, int64(c.MaxAge/time.Second)), 10))
	}
	if c.Domain != "" {
		b.WriteString("; Domain=" + c.Domain)
	}
	if !c.NoPath {
		b.WriteString("; Path=" + c.Path)
	}
	if !c.Expires.IsZero() {
		b.WriteString("; Expires=" + c.Expires.UTC().Format(http.TimeFormat))
	}
	if c.HTTPOnly == On {
		b.WriteString("; HttpOnly")
	}
	if c.Secure == On {
		b.WriteString("; Secure")
	}
	if c.Partitioned == On {
		b.WriteString("; Partitioned")
	}
	switch c.SameSite {
	case http.SameSiteLaxMode:
		b.WriteString("; SameSite=Lax")
	case http.SameSiteStrictMode:
		b.WriteString("; SameSite=Strict")
	case http.SameSiteNoneMode:
		b.WriteString("; SameSite=None")
	}
	return b.String()
}
