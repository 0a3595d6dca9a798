// Package adaptertest has the tests that every [sio.Adapter] must pass, and an
// adapter that joins servers of one process, for tests of applications that
// run on several nodes.
//
// The test of an adapter makes a cluster of as many nodes as it is asked for:
//
//	func TestAdapter(t *testing.T) {
//		adaptertest.Run(t, func(t *testing.T, nodes int) []func(*sio.Node) sio.Adapter {
//			cluster := make([]func(*sio.Node) sio.Adapter, nodes)
//			for i := range cluster {
//				cluster[i] = connect(t)
//			}
//			return cluster
//		})
//	}
//
// A [Hub] is such a cluster in memory. It delivers later, on goroutines that
// exist while there is something to deliver, and keeps the order of each
// sender, as a real network would. What waits for a node is not bounded: it is
// meant for tests.
package adaptertest
