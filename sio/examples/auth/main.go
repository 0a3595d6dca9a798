// Auth shows how sockets are authenticated: by a session cookie in the
// namespace "/", by a token in "/api". A token that expires is renewed over the
// connection, and a logout ends every socket of the user.
//
//	go run . -addr 127.0.0.1:3000
//	curl -i -d name=ada -d password=secret http://127.0.0.1:3000/login
package main

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"flag"
	"log"
	"net/http"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to serve")
	password := flag.String("password", "secret", "password of everybody")
	flag.Parse()
	sessions := &Sessions{Check: func(_, p string) bool {
		return subtle.ConstantTimeCompare([]byte(p), []byte(*password)) == 1
	}}
	tokens := &Tokens{Secret: []byte(rand.Text()), Grace: 10 * time.Second}
	io, err := newServer(sessions, tokens, "http://"+*addr)
	if err != nil {
		log.Fatal(err)
	}
	if err := io.ListenAndServe(*addr); !errors.Is(err, sio.ErrServerClosed) {
		log.Fatal(err)
	}
}

// tokenLife is how long a token is valid.
const tokenLife = 15 * time.Minute

// newServer puts it all together. Only pages of the origin may connect.
func newServer(sessions *Sessions, tokens *Tokens, origin string) (*sio.Server, error) {
	mux := http.NewServeMux()
	io, err := sio.NewServer(sio.Config{HTTPHandler: mux, AllowedOrigins: []string{origin}})
	if err != nil {
		return nil, err
	}
	mux.HandleFunc("POST /login", sessions.Login)
	mux.HandleFunc("POST /logout", sessions.Logout(io))
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		user := sessions.userOf(r)
		if user == "" {
			http.Error(w, "not logged in", http.StatusUnauthorized)
			return
		}
		token, err := tokens.Issue(user, tokenLife)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = w.Write([]byte(token)) // a client that has gone does not need it
	})
	sessions.Use(io.Namespace)
	tokens.Use(io.Of("/api"))
	whoami := func(s *sio.Socket, _ sio.Args) (any, error) { return s.Data(), nil }
	sio.OnAck(io, "whoami", whoami)
	sio.OnAck(io.Of("/api"), "whoami", whoami)
	return io, nil
}
