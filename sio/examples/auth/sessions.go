package main

import (
	"crypto/rand"
	"net/http"
	"sync"

	"github.com/sirocco-io/sirocco/sio"
)

// cookieName is the cookie of a session.
const cookieName = "session"

// Sessions authenticates sockets by the cookie that a login has set. The store
// is a map here; another one has the same two questions to answer.
type Sessions struct {
	// Check reports whether name and password belong together.
	Check func(name, password string) bool

	mu    sync.Mutex
	users map[string]string // guarded by mu: session id to user
}

// Login begins a session: POST with the form fields name and password.
func (x *Sessions) Login(w http.ResponseWriter, r *http.Request) {
	name := r.PostFormValue("name")
	if name == "" || !x.Check(name, r.PostFormValue("password")) {
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	id := rand.Text()
	x.mu.Lock()
	if x.users == nil {
		x.users = make(map[string]string)
	}
	x.users[id] = name
	x.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: id, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	w.WriteHeader(http.StatusNoContent)
}

// Logout ends all sessions of the user, and every socket that came of them.
func (x *Sessions) Logout(io *sio.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user := x.userOf(r)
		if user == "" {
			http.Error(w, "not logged in", http.StatusUnauthorized)
			return
		}
		x.mu.Lock()
		for id, name := range x.users {
			if name == user {
				delete(x.users, id)
			}
		}
		x.mu.Unlock()
		if err := Kick(user, io.Namespace, io.Of("/api")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}
}

// userOf returns the user whose session the cookie of a request names, or "".
func (x *Sessions) userOf(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.users[c.Value]
}

// Use protects a namespace. Browsers send cookies with the WebSockets of any
// page: Config.AllowedOrigins must name the pages that may connect.
func (x *Sessions) Use(n *sio.Namespace) {
	n.Use(func(s *sio.Socket) error {
		user := x.userOf(s.Handshake().Request())
		if user == "" {
			return &sio.ConnectError{Message: "not logged in", Data: map[string]any{"status": http.StatusUnauthorized}}
		}
		return admit(s, user)
	})
}
