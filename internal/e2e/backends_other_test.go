//go:build !linux

package e2e

import "github.com/sirocco-io/sirocco/poller"

// otherBackends is empty where there is only one.
func otherBackends() []poller.Backend { return nil }
