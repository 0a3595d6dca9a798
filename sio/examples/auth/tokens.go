package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/sirocco-io/sirocco/sio"
)

// Tokens authenticates sockets by JSON Web Tokens (HMAC with SHA-256).
type Tokens struct {
	// Secret signs the tokens.
	Secret []byte
	// Grace is how long a client may take to bring a new token when its own
	// has expired.
	Grace time.Duration
}

// Issue returns a token for the user that is valid for the time.
func (t *Tokens) Issue(user string, valid time.Duration) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		Subject:   user,
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(valid)),
	}).SignedString(t.Secret)
}

// verify returns the user of a token, and until when it is valid. The method is
// fixed: a token must not choose it ("none", or the public key as a secret).
func (t *Tokens) verify(token string) (user string, expires time.Time, err error) {
	var claims jwt.RegisteredClaims
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return t.Secret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	if err == nil && claims.Subject == "" {
		err = errors.New("token without a subject")
	}
	if err != nil {
		return "", time.Time{}, err
	}
	return claims.Subject, claims.ExpiresAt.Time, nil
}

// tokenOf returns the token of a client: from its auth option, which browsers
// can set too, or from the header that other clients prefer.
func tokenOf(h sio.Handshake) string {
	var auth struct{ Token string }
	if err := h.BindAuth(&auth); err == nil && auth.Token != "" {
		return auth.Token
	}
	token, _ := strings.CutPrefix(h.Headers.Get("Authorization"), "Bearer ")
	return token
}

// Use protects a namespace: who has no valid token is refused, and who has one
// is asked for another when it expires.
func (t *Tokens) Use(n *sio.Namespace) {
	n.Use(func(s *sio.Socket) error {
		user, expires, err := t.verify(tokenOf(s.Handshake()))
		if err != nil {
			return refusal(err)
		}
		t.watch(s, user, expires)
		return admit(s, user)
	})
}

// refusal tells the client whether a new token would help, and nothing else.
func refusal(err error) error {
	code := "invalid token"
	if errors.Is(err, jwt.ErrTokenExpired) {
		code = "token expired"
	}
	return &sio.ConnectError{Message: "not authorized", Data: map[string]any{"code": code, "status": http.StatusUnauthorized}}
}

// watch asks for a new token when this one expires, unless the socket has gone
// by then.
func (t *Tokens) watch(s *sio.Socket, user string, expires time.Time) {
	ctx := s.Context()
	timer := time.AfterFunc(time.Until(expires), func() { t.renew(s, user) })
	context.AfterFunc(ctx, func() { timer.Stop() })
}

// renew asks the client for a new token of the same user: whoever does not
// bring one in time is disconnected.
func (t *Tokens) renew(s *sio.Socket, user string) {
	err := s.Timeout(t.Grace).EmitAck("token expired", func(answer sio.Args, err error) {
		var token string
		if err == nil {
			err = answer.Decode(&token)
		}
		var again string
		var expires time.Time
		if err == nil {
			again, expires, err = t.verify(token)
		}
		if err != nil || again != user {
			s.Disconnect(true)
			return
		}
		t.watch(s, user, expires)
	})
	if err != nil {
		s.Disconnect(true) // it has gone, or owes too many answers
	}
}
