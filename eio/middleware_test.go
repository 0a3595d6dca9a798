package eio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// wrap makes a middleware of what is done in front of the rest.
func wrap(before func(w http.ResponseWriter, r *http.Request) (pass bool)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if before(w, r) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// headers is a middleware that sets headers, as helmet of npm does.
func headers(pairs ...string) func(http.Handler) http.Handler {
	return wrap(func(w http.ResponseWriter, _ *http.Request) bool {
		for i := 0; i < len(pairs); i += 2 {
			w.Header().Set(pairs[i], pairs[i+1])
		}
		return true
	})
}

// bothTransports runs the test at every door, with what the handshake of each
// transport answered.
func (h *house) bothTransports(t *testing.T, test func(t *testing.T, header http.Header)) {
	t.Helper()
	h.each(t, func(t *testing.T, d *doorway) {
		r := d.do(t, "GET", handshake, "")
		if r.status != 200 || !strings.HasPrefix(r.body, `0{"sid":"`) {
			t.Errorf("polling: %d %q", r.status, r.body)
		}
		test(t, r.header)
		c := d.socket(t, handshake)
		c.wantOpen(t)
		test(t, c.h)
	})
}

// TestMiddlewareIsApplied: reference, "should apply middleware (polling)" and
// "(websocket)".
func TestMiddlewareIsApplied(t *testing.T) {
	h := openHouse(t, Config{}, func(srv *Server) { srv.Use(headers("Foo", "bar")) })
	h.bothTransports(t, func(t *testing.T, header http.Header) {
		if got := header.Get("Foo"); got != "bar" {
			t.Errorf("foo is %q", got)
		}
	})
}

// TestMiddlewareSeesEveryRequest: those that follow the handshake, too.
func TestMiddlewareSeesEveryRequest(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	h := openHouse(t, Config{}, func(srv *Server) {
		srv.Use(wrap(func(w http.ResponseWriter, r *http.Request) bool {
			mu.Lock()
			defer mu.Unlock()
			seen[r.Method+" "+r.URL.Query().Get("transport")]++
			w.Header().Set("Foo", "bar")
			return true
		}))
	})
	for i, d := range h.doors {
		target := d.shake(t)
		s := await(t, h.events.opened, "the session")
		get := d.later(t, t.Context(), "GET", target, "")
		pending(t, s)
		post := d.do(t, "POST", target, "4hi")
		got := await(t, get, "the GET")
		if got.body != "4hi" || got.header.Get("Foo") != "bar" || post.header.Get("Foo") != "bar" {
			t.Errorf("%s: GET %q %v, POST %v", d.name, got.body, got.header, post.header)
		}
		c := d.socket(t, target)
		c.send(t, "2probe")
		c.want(t, "3probe")
		c.send(t, "5")
		await(t, h.events.upgraded, "the upgrade")
		mu.Lock()
		if n := i + 1; seen["GET polling"] != 2*n || seen["POST polling"] != n || seen["GET websocket"] != n {
			t.Errorf("%s: seen %v", d.name, seen)
		}
		mu.Unlock()
	}
}

// TestMiddlewaresRunInOrder: reference, "should apply all middlewares in order".
func TestMiddlewaresRunInOrder(t *testing.T) {
	orders := make(chan []string, 16)
	type key struct{}
	step := func(name string) func(http.Handler) http.Handler {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				order, ok := r.Context().Value(key{}).(*[]string)
				if !ok {
					order = new([]string)
					defer func() { orders <- *order }()
				}
				*order = append(*order, name)
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key{}, order)))
				*order = append(*order, "/"+name)
			})
		}
	}
	h := openHouse(t, Config{}, func(srv *Server) {
		srv.Use(step("1"))
		srv.Use(step("2"))
		srv.Use(step("3"))
	})
	h.bothTransports(t, func(t *testing.T, _ http.Header) {
		if got := await(t, orders, "the order"); !slices.Equal(got, []string{"1", "2", "3", "/3", "/2", "/1"}) {
			t.Errorf("order %v", got)
		}
	})
}

// TestMiddlewareEndsTheRequest: reference, "should end the request (polling)" and
// "(websocket)".
func TestMiddlewareEndsTheRequest(t *testing.T) {
	h := openHouse(t, Config{}, func(srv *Server) {
		srv.Use(wrap(func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte("not today"))
			return false
		}))
		srv.Use(func(http.Handler) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the next middleware was called") })
		})
	})
	h.each(t, func(t *testing.T, d *doorway) {
		if r := d.do(t, "GET", handshake, ""); r.status != 503 || r.body != "not today" {
			t.Errorf("polling: %d %q", r.status, r.body)
		}
		if _, status, err := d.open(handshake, nil); err == nil || status != 503 {
			t.Errorf("WebSocket: %d, %v", status, err)
		}
		if n := h.srv.Sessions(); n != 0 {
			t.Errorf("%d sessions", n)
		}
	})
}

// TestMiddlewareLikeHelmet: reference, "should work with helmet".
func TestMiddlewareLikeHelmet(t *testing.T) {
	helmet := []string{
		"Content-Security-Policy", "default-src 'self'", "Strict-Transport-Security", "max-age=15552000; includeSubDomains",
		"X-Content-Type-Options", "nosniff", "X-Download-Options", "noopen", "X-Frame-Options", "SAMEORIGIN", "X-Xss-Protection", "0",
	}
	h := openHouse(t, Config{}, func(srv *Server) { srv.Use(headers(helmet...)) })
	h.bothTransports(t, func(t *testing.T, header http.Header) {
		for i := 0; i < len(helmet); i += 2 {
			if got := header.Values(helmet[i]); !slices.Equal(got, []string{helmet[i+1]}) {
				t.Errorf("%s: %q", helmet[i], got)
			}
		}
	})
}

type userKey struct{}

// TestMiddlewareLikeExpressSession: reference, "should work with express-session".
// The cookie of the session goes with the engine's own, and the user of the
// session is known to hooks and handlers.
func TestMiddlewareLikeExpressSession(t *testing.T) {
	asked := make(chan any, 16)
	cfg := Config{Cookie: &Cookie{}, AllowRequest: func(r *http.Request) error {
		asked <- r.Context().Value(userKey{})
		return nil
	}}
	h := openHouse(t, cfg, func(srv *Server) {
		srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "connect.sid", Value: "s%3A1", Path: "/", HttpOnly: true})
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "ada")))
			})
		})
	})
	h.bothTransports(t, func(t *testing.T, header http.Header) {
		cookies := strings.Join(header.Values("Set-Cookie"), "\n")
		if !strings.Contains(cookies, "connect.sid=s%3A1; Path=/; HttpOnly") {
			t.Errorf("cookies %q", cookies)
		}
		if polling := header.Get("Content-Type") != ""; polling != strings.Contains(cookies, "io=") {
			t.Errorf("polling %v, cookies %q", polling, cookies)
		}
		if user := await(t, asked, "AllowRequest"); user != "ada" {
			t.Errorf("AllowRequest: user %v", user)
		}
		s := await(t, h.events.opened, "the session")
		ctx := s.Handshake().Context()
		if user := ctx.Value(userKey{}); user != "ada" {
			t.Errorf("Handshake.Context: user %v", user)
		}
		if ctx.Done() != nil {
			t.Error("the context of the handshake can end")
		}
	})
}

// TestMiddlewareFails: reference, "should fail on errors (polling)"; a panic is
// what Go has for that. The request is refused, the server goes on.
func TestMiddlewareFails(t *testing.T) {
	oops := errors.New("oops")
	h := openHouse(t, Config{CORS: &CORS{}}, func(srv *Server) {
		srv.Use(wrap(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.Header.Get("X-Bad") != "" {
				panic(oops)
			}
			return true
		}))
	})
	h.each(t, func(t *testing.T, d *doorway) {
		r := d.do(t, "GET", handshake, "", "X-Bad", "yes")
		if r.status != 400 || r.body != `{"code":3,"message":"Bad request"}` || r.header.Get("Content-Type") != "application/json" ||
			r.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("polling: %+v", r)
		}
		if _, status, err := d.open(handshake, http.Header{"X-Bad": {"yes"}}); err == nil || status != 400 {
			t.Errorf("WebSocket: %d, %v", status, err)
		}
		errs, refused := h.told()
		if len(errs) != 2 || len(refused) != 2 {
			t.Fatalf("told of %v and %v", errs, refused)
		}
		for i := range errs {
			var p *PanicError
			if !errors.As(errs[i], &p) || p.Value != any(oops) || len(p.Stack) == 0 {
				t.Errorf("OnError: %v", errs[i])
			}
			if refused[i].Code != 3 || refused[i].Cause != "MIDDLEWARE_FAILURE" || refused[i].Address != "127.0.0.1" {
				t.Errorf("OnConnectionError: %+v", refused[i])
			}
		}
		d.shake(t)
	})
}

// TestMiddlewareFailsLate: when the answer has begun, or is whole.
func TestMiddlewareFailsLate(t *testing.T) {
	h := openHouse(t, Config{}, func(srv *Server) {
		srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Bad") == "begun" {
					w.WriteHeader(200)
					panic("oops")
				}
				next.ServeHTTP(w, r)
				panic("too late to matter")
			})
		})
	})
	h.each(t, func(t *testing.T, d *doorway) {
		if r, err := d.try(t.Context(), "GET", handshake, "", "X-Bad", "begun"); err == nil && r.body != "" {
			t.Errorf("an answer that had begun was completed: %+v", r)
		}
		d.shake(t)
		c := d.socket(t, handshake)
		c.wantOpen(t)
	})
}

// TestMiddlewareCallsNextTwice: the second call does nothing (reference: since
// engine.io 6.6.12).
func TestMiddlewareCallsNextTwice(t *testing.T) {
	h := openHouse(t, Config{}, func(srv *Server) {
		srv.Use(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r)
				next.ServeHTTP(w, r)
			})
		})
	})
	h.each(t, func(t *testing.T, d *doorway) {
		d.shake(t)
		c := d.socket(t, handshake)
		c.wantOpen(t)
		c.send(t, "4hi")
		c.want(t, "4hi")
		for range 2 {
			await(t, h.events.opened, "the session")
		}
		if len(h.events.opened) != 0 {
			t.Error("a second session was made")
		}
	})
}

// TestMiddlewareWithALargePost: reference, "should not be receiving data when
// getting a message longer than maxHttpBufferSize when polling (with a
// middleware)".
func TestMiddlewareWithALargePost(t *testing.T) {
	h := openHouse(t, Config{MaxHTTPBufferSize: 5}, func(srv *Server) { srv.Use(headers("Foo", "bar")) })
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		if r := d.do(t, "POST", target, "4aasdasdakjhasdkjhasdkjhasdkjhasdkjhasdkjhasdkjha"); r.status != 413 {
			t.Errorf("above the limit: %d", r.status)
		}
		if r := d.do(t, "POST", target, "4four"); r.status != 200 {
			t.Errorf("at the limit: %d", r.status)
		}
	})
	if n := h.srv.Stats().MessagesIn; n != uint64(len(h.doors)) {
		t.Errorf("%d messages were delivered", n)
	}
}

// TestMiddlewareAndCORS: preflights end before it, its own answers carry the
// headers.
func TestMiddlewareAndCORS(t *testing.T) {
	h := openHouse(t, Config{CORS: &CORS{Origins: []string{"https://app.example"}}}, func(srv *Server) {
		srv.Use(wrap(func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodOptions {
				t.Error("a middleware saw a preflight")
			}
			w.Header().Add("Vary", "Cookie")
			if r.Header.Get("X-End") != "" {
				w.WriteHeader(http.StatusTeapot)
				return false
			}
			return true
		}))
	})
	h.each(t, func(t *testing.T, d *doorway) {
		if r := d.do(t, "OPTIONS", handshake, "", "Origin", "https://app.example"); r.status != 204 {
			t.Errorf("preflight: %d", r.status)
		}
		for _, end := range []string{"", "yes"} {
			r := d.do(t, "GET", handshake, "", "Origin", "https://app.example", "X-End", end)
			if got := r.header.Values("Access-Control-Allow-Origin"); !slices.Equal(got, []string{"https://app.example"}) {
				t.Errorf("ended %q: Access-Control-Allow-Origin %q", end, got)
			}
			if got := fmt.Sprint(r.header.Values("Vary")); got != "[Origin Cookie]" {
				t.Errorf("ended %q: Vary %s", end, got)
			}
		}
	})
}

// TestMiddlewareMayComeLater: requests that begin after Use go through it.
func TestMiddlewareMayComeLater(t *testing.T) {
	h := openHouse(t, Config{}, nil)
	d := h.doors[0]
	if r := d.do(t, "GET", handshake, ""); r.header.Get("Foo") != "" {
		t.Error("there is a middleware")
	}
	h.srv.Use(headers("Foo", "bar"))
	if r := d.do(t, "GET", handshake, ""); r.header.Get("Foo") != "bar" {
		t.Error("the middleware was not applied")
	}
}

// TestClientThatLeavesEndsItsPollingBehindMiddlewares: the reactor tells the
// goroutine, the goroutine the session.
func TestClientThatLeavesEndsItsPollingBehindMiddlewares(t *testing.T) {
	h := openHouse(t, Config{}, func(srv *Server) { srv.Use(headers("Foo", "bar")) })
	h.each(t, func(t *testing.T, d *doorway) {
		target := d.shake(t)
		s := await(t, h.events.opened, "the session")
		ctx, leave := context.WithCancel(t.Context())
		get := d.later(t, ctx, "GET", target, "")
		pending(t, s)
		leave()
		await(t, get, "the GET")
		if e := await(t, h.events.closed, "the end"); !errors.Is(e.err, ErrPollAborted) {
			t.Errorf("closed by %v (%v)", e.reason, e.err)
		}
	})
}
