package main

import (
	"bytes"

	"github.com/sirocco-io/sirocco/internal/web"
)

// mux gives each request to the handler of its path.
type mux []route

type route struct {
	path    string // ends in a slash when everything below is meant, too
	handler web.Handler
}

var _ web.Handler = mux(nil)

// OnRequest finds the handler, which gets all that follows of the exchange.
func (m mux) OnRequest(x *web.Exchange) {
	path := x.Request().Path()
	for _, r := range m {
		if string(path) == r.path || r.path[len(r.path)-1] == '/' && bytes.HasPrefix(path, []byte(r.path)) {
			x.SetHandler(r.handler)
			r.handler.OnRequest(x)
			return
		}
	}
	x.Respond(404, "text/plain; charset=utf-8", nil, []byte("not found\n"))
}

func (mux) OnBody(*web.Exchange, []byte) {}
func (mux) OnAbort(*web.Exchange)        {}
