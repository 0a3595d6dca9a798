package eio

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/internal/http1"
)

// CORS lets pages of other origins read the answers, with the options of the
// cors package of npm. The zero CORS allows every origin by "*".
type CORS struct {
	// Origin is the value of Access-Control-Allow-Origin; "" means "*", when
	// Origins and AllowOrigin are not set either. Any other value is sent
	// to everybody, whatever the origin of the request.
	Origin string
	// Origins are origins that are answered with their own name; others get
	// no header.
	Origins []string
	// AllowOrigin decides for origins that are not in Origins. It is called
	// on the loop and must not block; nil allows none of them.
	AllowOrigin func(origin string) bool
	// Methods answers a preflight; nil means GET, HEAD, PUT, PATCH, POST and
	// DELETE.
	Methods []string
	// AllowedHeaders answers a preflight; nil means those asked for.
	AllowedHeaders []string
	// ExposedHeaders are headers that a page may read; nil means none.
	ExposedHeaders []string
	// Credentials lets pages send cookies. It can't go with the origin "*".
	Credentials bool
	// MaxAge is how long a preflight's answer holds, in whole seconds; 0
	// leaves it to the browser, below 0 means 0.
	MaxAge time.Duration
	// OptionsSuccessStatus is the status of a preflight's answer; 0 means 204.
	OptionsSuccessStatus int
}

// withDefaults returns a copy with everything that is zero filled in.
func (c *CORS) withDefaults() *CORS {
	if c == nil {
		return nil
	}
	d := *c
	if d.Origin == "" && d.Origins == nil && d.AllowOrigin == nil {
		d.Origin = "*"
	}
	if d.Methods == nil {
		d.Methods = []string{"GET", "HEAD", "PUT", "PATCH", "POST", "DELETE"}
	}
	d.Origins = slices.Clone(d.Origins)
	setDefault(&d.OptionsSuccessStatus, 204)
	return &d
}

// validate reports a field that can't stand in a header, or must not.
func (c *CORS) validate() error {
	if c == nil {
		return nil
	}
	if c.Credentials && c.Origin == "*" {
		return errors.New(`eio: Config.CORS.Credentials can't go with the origin "*"`)
	}
	if c.OptionsSuccessStatus < 200 || c.OptionsSuccessStatus > 299 {
		return fmt.Errorf("eio: Config.CORS.OptionsSuccessStatus %d is no success", c.OptionsSuccessStatus)
	}
	for name, value := range map[string]string{
		"Origin":         c.Origin,
		"Methods":        strings.Join(c.Methods, ","),
		"AllowedHeaders": strings.Join(c.AllowedHeaders, ","),
		"ExposedHeaders": strings.Join(c.ExposedHeaders, ","),
	} {
		if _, err := http1.AppendField(nil, "Vary", value); err != nil {
			return fmt.Errorf("eio: Config.CORS.%s: %w", name, err)
		}
	}
	return nil
}

// reflects reports whether the headers depend on the origin of the request.
func (c *CORS) reflects() bool { return c != nil && c.Origin == "" }

// appendHeaders appends the header lines of an ordinary answer. A nil CORS
// appends nothing. Ownership: origin is only read; the result is the caller's.
func (c *CORS) appendHeaders(dst, origin []byte) []byte {
	if c == nil {
		return dst
	}
	dst = c.appendOrigin(dst, origin)
	if c.Origin != "*" {
		dst = append(dst, "Vary: Origin\r\n"...)
	}
	dst = c.appendCredentials(dst)
	return c.appendExposed(dst)
}

// appendPreflight appends the header lines of the answer to a preflight.
// Ownership: origin and headers are only read; the result is the caller's.
func (c *CORS) appendPreflight(dst, origin, headers []byte) []byte {
	dst = c.appendOrigin(dst, origin)
	switch {
	case c.AllowedHeaders == nil && c.Origin == "*":
		dst = append(dst, "Vary: Access-Control-Request-Headers\r\n"...)
	case c.AllowedHeaders == nil:
		dst = append(dst, "Vary: Origin, Access-Control-Request-Headers\r\n"...)
	case c.Origin != "*":
		dst = append(dst, "Vary: Origin\r\n"...)
	}
	dst = c.appendCredentials(dst)
	dst = appendList(dst, "Access-Control-Allow-Methods", c.Methods)
	if c.AllowedHeaders != nil {
		dst = appendList(dst, "Access-Control-Allow-Headers", c.AllowedHeaders)
	} else if len(headers) > 0 {
		// A value that can't be sent is left out: the browser then refuses.
		dst, _ = http1.AppendField(dst, "Access-Control-Allow-Headers", headers)
	}
	if c.MaxAge != 0 {
		dst = append(dst, "Access-Control-Max-Age: "...)
		dst = strconv.AppendInt(dst, max(0, int64(c.MaxAge/time.Second)), 10)
		dst = append(dst, "\r\n"...)
	}
	return c.appendExposed(dst)
}

func (c *CORS) appendOrigin(dst, origin []byte) []byte {
	if c.Origin != "" {
		dst, _ = http1.AppendField(dst, "Access-Control-Allow-Origin", c.Origin)
		return dst
	}
	if len(origin) > 0 && c.allows(string(origin)) {
		dst, _ = http1.AppendField(dst, "Access-Control-Allow-Origin", origin)
	}
	return dst
}

func (c *CORS) allows(origin string) bool {
	return slices.Contains(c.Origins, origin) || c.AllowOrigin != nil && c.AllowOrigin(origin)
}

func (c *CORS) appendCredentials(dst []byte) []byte {
	if c.Credentials {
		dst = append(dst, "Access-Control-Allow-Credentials: true\r\n"...)
	}
	return dst
}

func (c *CORS) appendExposed(dst []byte) []byte {
	return appendList(dst, "Access-Control-Expose-Headers", c.ExposedHeaders)
}

// appendList appends a header whose value is a list, checked by validate.
func appendList(dst []byte, name string, list []string) []byte {
	if len(list) == 0 {
		return dst
	}
	dst, _ = http1.AppendField(dst, name, strings.Join(list, ","))
	return dst
}
