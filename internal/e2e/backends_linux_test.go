package e2e

import "github.com/sirocco-io/sirocco/poller"

// otherBackends are those that the default of this system is not, or may not be.
func otherBackends() []poller.Backend {
	return []poller.Backend{poller.BackendEpoll, poller.BackendNetpoll, poller.BackendURing}
}
