package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// referenceServer is js/reference.mjs in a Node process.
type referenceServer struct {
	t    *testing.T
	port int // 0 until the first start, the same one after it
	env  []string
	run  *script
}

// startReference starts the reference server with env added to ours.
func startReference(t *testing.T, env ...string) *referenceServer {
	t.Helper()
	r := &referenceServer{t: t, env: env}
	if err := r.start(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *referenceServer) url() string       { return fmt.Sprintf("http://127.0.0.1:%d", r.port) }
func (r *referenceServer) engineURL() string { return r.url() }

func (r *referenceServer) start() error {
	r.run = startScript(r.t, 10*time.Minute, "reference.mjs", append(r.env, fmt.Sprintf("PORT=%d", r.port))...)
	l, more, err := r.run.next()
	if err != nil || !more || l.Ready == 0 {
		return errors.Join(errors.New("the reference server did not start"), err, r.run.wait())
	}
	r.port = l.Ready
	return nil
}

func (r *referenceServer) stop() error {
	r.run.kill()
	return nil
}
