package e2e

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

// filter is what a client selects sockets by.
type filter struct {
	In     []string `json:"in"`
	Except []string `json:"except"`
}

// filterOf reads a filter from a decoded value.
func filterOf(v any) (f filter) {
	for key, list := range map[string]*[]string{"in": &f.In, "except": &f.Except} {
		rooms, _ := v.(map[string]any)[key].([]any)
		for _, room := range rooms {
			*list = append(*list, room.(string))
		}
	}
	return f
}

func (f filter) on(n *sio.Namespace) sio.Broadcast { return n.To(f.In...).Except(f.Except...) }

// registerOperators does what js/operators-server.mjs does. Calls that wait for the loops, or for
// clients, are no work for a handler on the loop: these are not registered with s.options.
func (s *testServer) registerOperators() {
	nsp := s.io.Of("/operators")
	o := s.options()
	sio.OnAck(nsp, "join", func(c *sio.Socket, rooms []string) (struct{}, error) { return struct{}{}, c.Join(rooms...) }, o...)
	nsp.On("rooms", func(c *sio.Socket, _ []any, ack sio.Ack) { ack(others(c.ID(), c.Rooms())) }, o...)
	nsp.On("data", func(c *sio.Socket, args []any, ack sio.Ack) { c.SetData(args[0]); ack() }, o...)
	sio.OnAck(nsp, "fetch", func(c *sio.Socket, f filter) ([]string, error) {
		found, err := f.on(nsp).FetchSockets(c.Context())
		ids := []string{}
		for _, r := range found {
			ids = append(ids, r.ID)
		}
		slices.Sort(ids)
		return ids, err
	})
	sio.OnAck(nsp, "describe", func(c *sio.Socket, id string) (map[string]any, error) {
		found, err := nsp.To(id).FetchSockets(c.Context())
		if err != nil {
			return nil, err
		}
		r := found[0]
		h := r.Handshake
		path, _, _ := strings.Cut(h.URL, "?")
		return map[string]any{
			"id": r.ID, "rooms": others(r.ID, r.Rooms), "data": r.Data, "address": h.Address, "from": h.Query.Get("from"),
			"xdomain": h.XDomain, "secure": h.Secure, "path": path,
		}, nil
	})
	nsp.On("tell", func(c *sio.Socket, args []any, _ sio.Ack) {
		found, err := nsp.To(args[0].(string)).FetchSockets(c.Context())
		s.must(err)
		s.must(found[0].Emit("told", args[1:]...))
	})
	sio.OnAck2(nsp, "sockets-join", func(_ *sio.Socket, f filter, rooms []string) (struct{}, error) {
		return struct{}{}, f.on(nsp).SocketsJoin(rooms...)
	}, o...)
	sio.OnAck2(nsp, "sockets-leave", func(_ *sio.Socket, f filter, rooms []string) (struct{}, error) {
		return struct{}{}, f.on(nsp).SocketsLeave(rooms...)
	}, o...)
	sio.On2(nsp, "sockets-disconnect", func(_ *sio.Socket, f filter, closeTransport bool) error {
		return f.on(nsp).DisconnectSockets(closeTransport)
	}, o...)
	nsp.On("send", func(_ *sio.Socket, args []any, _ sio.Ack) {
		s.must(filterOf(args[0]).on(nsp).Emit("sent", args[1:]...))
	}, o...)
	nsp.On("immutable", func(_ *sio.Socket, args []any, _ sio.Ack) {
		room := args[0].(string)
		a := nsp.To(room + "-1")
		b := a.To(room + "-2")
		s.must(b.Except(room+"-2").Emit("sent", "c"))
		s.must(b.Emit("sent", "b"))
		s.must(a.Emit("sent", "a"))
	}, o...)
	nsp.On("ask", func(_ *sio.Socket, args []any, ack sio.Ack) { s.onAskAll(nsp, args, ack) }, o...)
}

// onAskAll asks many clients, and tells one what they answered.
func (s *testServer) onAskAll(nsp *sio.Namespace, args []any, ack sio.Ack) {
	b := filterOf(args[0]).on(nsp).Timeout(time.Duration(args[1].(float64)) * time.Millisecond)
	s.must(b.EmitAck("asked", func(answers []sio.Args, err error) {
		all := []any{}
		for _, a := range answers {
			values, err := a.Values()
			s.must(err)
			all = append(all, values...)
		}
		slices.SortFunc(all, func(a, b any) int {
			x, _ := a.(float64)
			y, _ := b.(float64)
			return cmp.Compare(x, y)
		})
		var message any
		var partial *sio.AckError
		switch {
		case errors.As(err, &partial) && errors.Is(err, sio.ErrAckTimeout):
			message = "operation has timed out"
		case err != nil:
			s.must(err)
		}
		ack(message, all)
	}, args[2:]...))
}

// others returns the rooms without the socket's own, sorted.
func others(id string, rooms []string) []string {
	rest := slices.DeleteFunc(append([]string{}, rooms...), func(r string) bool { return r == id })
	slices.Sort(rest)
	return rest
}
