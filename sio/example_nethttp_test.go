package sio_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/sirocco-io/sirocco/sio"
)

// A server on the HTTP server that is there already.
func ExampleServer_ServeHTTP() {
	server := newServer()
	defer func() { _ = server.Close() }()
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", server)
	front := httptest.NewServer(mux)
	defer front.Close()

	res, err := http.Get(front.URL + "/socket.io/?EIO=4&transport=polling")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = res.Body.Close() }()
	open := make([]byte, 7)
	_, _ = io.ReadFull(res.Body, open)
	fmt.Println(res.Status, string(open))
	// Output: 200 OK 0{"sid"
}

type userKey struct{}

// A middleware that knows the user of each request, and lets nobody else in.
func ExampleServer_UseHTTP() {
	server := newServer()
	defer func() { _ = server.Close() }()
	server.UseHTTP(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			user, _, ok := r.BasicAuth()
			if !ok {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
		})
	})
	server.OnConnection(func(s *sio.Socket) {
		_ = s.Emit("welcome", s.Handshake().Context().Value(userKey{}))
	})

	w := httptest.NewRecorder()
	server.ServeHTTP(w, httptest.NewRequest("GET", "/socket.io/?EIO=4&transport=polling", nil))
	fmt.Println(w.Code)
	// Output: 401
}
