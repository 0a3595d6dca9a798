package load

import (
	"context"
	"time"
)

// crowd opens all clients, keeps them at rest with their heartbeats, has one
// message go to all of them, and closes them. Its steps let a coordinator look
// at servers and kernel in between.
func (f *fleet) crowd(ctx context.Context) (*Result, error) {
	f.sc = quiet{}
	r := f.newResult()
	r.Crowd = &CrowdResult{}
	began := f.now()
	if err := f.call(func() { f.target = f.cfg.count(f.cfg.Clients); f.fill() }); err != nil {
		return r, err
	}
	if err := f.await(ctx, "connecting", func() bool { return f.ready() >= f.target }); err != nil {
		return r, err
	}
	if err := f.call(func() { r.Seconds, r.Ops = seconds(f.lastDone-began), f.count.ready }); err != nil {
		return r, err
	}
	r.OpsPerSec = float64(r.Ops) / r.Seconds
	if err := f.crowdRests(ctx, r); err != nil {
		return r, err
	}
	for _, part := range []func(context.Context, *Result) error{f.crowdHears, f.crowdLeaves} {
		if err := part(ctx, r); err != nil {
			return r, err
		}
	}
	f.tally(r)
	return r, nil
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

// crowdRests waits for all others and counts the heartbeats of each client.
func (f *fleet) crowdRests(ctx context.Context, r *Result) error {
	if _, err := f.together(ctx, stepConnected, nil); err != nil {
		return err
	}
	a, err := f.take(ctx)
	if err != nil {
		return err
	}
	before := make([]uint32, len(f.clients))
	if err := f.call(func() {
		for i, c := range f.clients {
			before[i] = c.pings
		}
	}); err != nil {
		return err
	}
	if err := f.rest(ctx, "at rest", f.cfg.Hold); err != nil {
		return err
	}
	b, err := f.take(ctx)
	if err != nil {
		return err
	}
	r.ClientCPU = b.self.Sub(a.self).Total.Seconds() / seconds(b.at-a.at)
	return f.call(func() {
		r.Crowd.Rested, r.Crowd.Pings, r.Crowd.Fewest = seconds(b.at-a.at), b.count.pings-a.count.pings, ^uint32(0)
		for i, c := range f.clients {
			n := c.pings - before[i]
			r.Crowd.Fewest, r.Crowd.Most = min(r.Crowd.Fewest, n), max(r.Crowd.Most, n)
		}
	})
}

// crowdHears has one message go to everybody.
func (f *fleet) crowdHears(ctx context.Context, r *Result) error {
	l := newCastLoad(f)
	l.stop() // after its first message
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if err := f.call(func() { f.sc = l }); err != nil {
		return err
	}
	if _, err := f.together(ctx, stepPrepared, nil); err != nil {
		return err
	}
	if err := f.call(func() { l.start(f.now()) }); err != nil {
		return err
	}
	if err := f.drain(ctx, l); err != nil {
		return err
	}
	return f.call(func() {
		l.finish(r)
		f.sc = quiet{}
		for _, i := range l.mine {
			r.Crowd.Told = seconds(l.streams[i].at[1] - l.streams[i].due[1])
		}
	})
}

// crowdLeaves closes every client.
func (f *fleet) crowdLeaves(ctx context.Context, r *Result) error {
	began, ended := f.now(), int64(0)
	if err := f.call(func() {
		for _, c := range f.clients {
			c.leave()
		}
	}); err != nil {
		return err
	}
	if err := f.await(ctx, "leaving", func() bool { ended = f.now(); return f.count.left == uint64(len(f.clients)) }); err != nil {
		return err
	}
	r.Crowd.Left = seconds(ended - began)
	_, err := f.together(ctx, stepClosed, nil)
	return err
}
