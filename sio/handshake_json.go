package sio

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// handshakeJSON is a handshake as the reference's nodes tell it each other.
type handshakeJSON struct {
	Headers map[string]headerText `json:"headers"`
	Time    string                `json:"time"`
	Address string                `json:"address"`
	XDomain bool                  `json:"xdomain"`
	Secure  bool                  `json:"secure"`
	Issued  int64                 `json:"issued"`
	URL     string                `json:"url"`
	Query   map[string]headerText `json:"query"`
	Auth    json.RawMessage       `json:"auth,omitempty"`
}

// headerText is one value, or the last of several.
type headerText string

// UnmarshalJSON implements json.Unmarshaler.
func (h *headerText) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(h))
	}
	var several []string
	if json.Unmarshal(b, &several) == nil && len(several) > 0 {
		*h = headerText(several[len(several)-1])
	}
	return nil // null, or what no server of the reference sends
}

// MarshalJSON returns the handshake in the reference's form: header names in
// lower case, several values of one joined, the last of equal query keys.
//
// Ownership: the caller owns the result.
func (h Handshake) MarshalJSON() ([]byte, error) {
	j := handshakeJSON{
		Headers: make(map[string]headerText, len(h.Headers)),
		Time:    h.Time(),
		Address: h.Address,
		XDomain: h.XDomain,
		Secure:  h.Secure,
		Issued:  h.Issued.UnixMilli(),
		URL:     h.URL,
		Query:   make(map[string]headerText, len(h.Query)),
		Auth:    h.Auth,
	}
	for name, values := range h.Headers {
		between := ", "
		if name == "Cookie" {
			between = "; "
		}
		j.Headers[strings.ToLower(name)] = headerText(strings.Join(values, between))
	}
	for key, values := range h.Query {
		j.Query[key] = headerText(values[len(values)-1])
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON or a node of the reference wrote.
//
// Ownership: b is only read until UnmarshalJSON returns.
func (h *Handshake) UnmarshalJSON(b []byte) error {
	var j handshakeJSON
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	*h = Handshake{
		Headers: make(http.Header, len(j.Headers)),
		Query:   make(url.Values, len(j.Query)),
		URL:     j.URL,
		Address: j.Address,
		XDomain: j.XDomain,
		Secure:  j.Secure,
		Issued:  time.UnixMilli(j.Issued),
		Auth:    j.Auth,
	}
	for name, value := range j.Headers {
		h.Headers.Set(name, string(value))
	}
	for key, value := range j.Query {
		h.Query.Set(key, string(value))
	}
	return nil
}
