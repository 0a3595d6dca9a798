package adaptertest

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/sirocco-io/sirocco/sio"
)

var _ sio.SessionStore = (*hubNode)(nil)

// Append implements [sio.SessionStore]. The mutex of the hub makes the order of
// the log that of each inbox.
func (a *hubNode) Append(ev sio.Event) error {
	h := a.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.logs == nil {
		h.logs = make(map[string][]sio.Event)
	}
	ev.Offset = "hub-" + strconv.Itoa(len(h.logs[a.nsp]))
	h.logs[a.nsp] = append(h.logs[a.nsp], ev)
	for _, o := range h.nodes[a.nsp] {
		o.put(func() { o.report(o.node.Deliver(o.received(ev))) })
	}
	return nil
}

// SaveSession implements [sio.SessionStore]. Sessions of the hub end with it.
func (a *hubNode) SaveSession(_ context.Context, s sio.Session, _ time.Duration) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	h := a.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.sessions == nil {
		h.sessions = make(map[string][]byte)
	}
	h.sessions[s.PID] = text
	return nil
}

// TakeSession implements [sio.SessionStore].
func (a *hubNode) TakeSession(_ context.Context, pid string) (s sio.Session, ok bool, err error) {
	h := a.hub
	h.mu.Lock()
	text, ok := h.sessions[pid]
	delete(h.sessions, pid)
	h.mu.Unlock()
	if !ok {
		return s, false, nil
	}
	data := new(json.RawMessage)
	s.Data = data
	if err := json.Unmarshal(text, &s); err != nil {
		return s, false, err
	}
	if s.Data = nil; *data != nil {
		s.Data = *data
	}
	return s, true, nil
}

// EventsSince implements [sio.SessionStore].
func (a *hubNode) EventsSince(_ context.Context, offset string, yield func(sio.Event) bool) error {
	h := a.hub
	h.mu.Lock()
	log := h.logs[a.nsp]
	h.mu.Unlock()
	for i, ev := range log {
		if ev.Offset != offset {
			continue
		}
		for _, ev := range log[i+1:] {
			if !yield(a.received(ev)) {
				return nil
			}
		}
		return nil
	}
	return sio.ErrUnknownOffset
}

// Compare implements [sio.SessionStore].
func (a *hubNode) Compare(x, y string) int {
	place := func(offset string) int {
		n, _ := strconv.Atoi(strings.TrimPrefix(offset, "hub-"))
		return n
	}
	return cmp.Compare(place(x), place(y))
}
