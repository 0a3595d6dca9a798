package load

import (
	"context"
)

// churner closes each client as soon as it is in its namespace; the fleet
// replaces it. Loop only.
type churner struct {
	quiet
	stopped bool
}

func (s *churner) ready(c *client) {
	if !s.stopped {
		c.leave()
	}
}

// storm connects all clients as fast as the window allows.
func (f *fleet) storm(ctx context.Context) (*Result, error) {
	f.sc = quiet{}
	r := f.newResult()
	a, err := f.take(ctx)
	if err != nil {
		return r, err
	}
	if err := f.open(ctx, f.cfg.count(f.cfg.Clients)); err != nil {
		return r, err
	}
	b, err := f.take(ctx)
	if err != nil {
		return r, err
	}
	if err := f.call(func() { b.at = f.lastDone }); err != nil {
		return r, err
	}
	r.account(a, b, b.count.ready)
	f.tally(r)
	return r, f.hold(ctx, r)
}

// churn connects and disconnects for the whole window.
func (f *fleet) churn(ctx context.Context) (*Result, error) {
	s := &churner{}
	f.sc = s
	r := f.newResult()
	f.cfg.Window = f.cfg.Clients
	if err := f.call(func() { f.replace, f.target = true, f.cfg.Clients; f.fill() }); err != nil {
		return r, err
	}
	if err := f.window(ctx, r, func(c *counters) uint64 { return c.ready }); err != nil {
		return r, err
	}
	if err := f.call(func() { f.replace, s.stopped = false, true }); err != nil {
		return r, err
	}
	f.tally(r)
	return r, nil
}
