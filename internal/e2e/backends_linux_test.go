package e2e

import "github.com/sirocco-io/sirocco/poller"

// otherBackends are those that are not the default here, as far as the kernel
// lets us.
func otherBackends() []poller.Backend {
	all := []poller.Backend{poller.BackendNetpoll}
	if p, err := poller.New(poller.Config{Loops: 1, Backend: poller.BackendURing}); err == nil {
		_ = p.Close()
		all = append(all, poller.BackendURing)
	}
	return all
}
