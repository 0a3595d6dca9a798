package adaptertest_test

import (
	"testing"

	"github.com/sirocco-io/sirocco/sio"
	"github.com/sirocco-io/sirocco/sio/adaptertest"
)

func TestHub(t *testing.T) {
	adaptertest.Run(t, func(_ *testing.T, nodes int) []adaptertest.Factory {
		hub := new(adaptertest.Hub)
		cluster := make([]func(*sio.Node) sio.Adapter, nodes)
		for i := range cluster {
			cluster[i] = hub.Adapter
		}
		return cluster
	})
}
