// Routers shows a Socket.IO server on the HTTP server that is there already: on
// net/http's own router, chi, gin and echo.
//
//	go run . -router chi -addr 127.0.0.1:3000
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v4"

	"github.com/sirocco-io/sirocco/sio"
)

// greeting is what the other route of each router says.
const greeting = "hello from the router"

// routers are the ways to mount the server.
var routers = map[string]func(io *sio.Server) http.Handler{
	"net/http": onNetHTTP, "chi": onChi, "gin": onGin, "echo": onEcho,
}

func main() {
	addr := flag.String("addr", "127.0.0.1:3000", "address to serve")
	name := flag.String("router", "net/http", "router: net/http, chi, gin or echo")
	flag.Parse()
	mount, ok := routers[*name]
	if !ok {
		log.Fatalf("unknown router %q", *name)
	}
	io, err := newServer()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, &http.Server{Addr: *addr, Handler: mount(io)}, io); err != nil {
		log.Fatal(err)
	}
}

// newServer returns a server that sends back what it is told.
func newServer() (*sio.Server, error) {
	io, err := sio.NewServer(sio.Config{})
	if err != nil {
		return nil, err
	}
	sio.On(io, "say", func(s *sio.Socket, text string) error { return s.Emit("said", text) })
	return io, nil
}

// run serves until ctx is done. The Socket.IO server ends first: its WebSockets
// have left the HTTP server, which would wait for the polls that are pending.
func run(ctx context.Context, server *http.Server, io *sio.Server) error {
	ended := make(chan error, 1)
	go func() { // ends with ctx
		<-ctx.Done()
		within, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		ended <- errors.Join(io.Shutdown(within), server.Shutdown(within))
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-ended
}

func onNetHTTP(io *sio.Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/socket.io/", io)
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(greeting)) // a client that has gone does not need it
	})
	return mux
}

func onChi(io *sio.Server) http.Handler {
	r := chi.NewRouter()
	r.Mount("/socket.io/", io)
	r.Get("/hello", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(greeting)) // a client that has gone does not need it
	})
	return r
}

func onGin(io *sio.Server) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.Any("/socket.io/*any", gin.WrapH(io))
	r.GET("/hello", func(c *gin.Context) { c.String(http.StatusOK, greeting) })
	return r
}

func onEcho(io *sio.Server) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Any("/socket.io/*", echo.WrapHandler(io))
	e.GET("/hello", func(c echo.Context) error { return c.String(http.StatusOK, greeting) })
	return e
}
