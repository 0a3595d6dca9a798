package adaptertest

import (
	"context"
	"testing"
	"time"

	"github.com/sirocco-io/sirocco/poller"
	"github.com/sirocco-io/sirocco/sio"
)

// Factory makes the adapters of one node: a [sio.Config.Adapter].
type Factory = func(*sio.Node) sio.Adapter

// Run tests an adapter. newCluster returns as many factories as it is asked
// for, joined with each other and with nobody else; it is called for each
// test. What it opens it closes with t.Cleanup: the servers are closed before.
func Run(t *testing.T, newCluster func(t *testing.T, nodes int) []Factory) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, c *cluster)
	}{
		{"a broadcast reaches the clients of all nodes", testBroadcast},
		{"a broadcast to rooms reaches each member once", testRooms},
		{"except leaves out rooms and the sender", testExcept},
		{"local stays on its node", testLocal},
		{"volatile events reach clients that can be written to", testVolatile},
		{"binary arguments arrive", testBinary},
		{"raw arguments arrive", testRaw},
		{"the id of a socket is a room on every node", testOneSocket},
		{"namespaces are apart", testNamespaces},
		{"what one sender does arrives in order", testOrder},
		{"acknowledgements come from all nodes", testAcks},
		{"partial acknowledgements at the timeout", testPartialAcks},
		{"acknowledgements of nobody", testNoAcks},
		{"fetchSockets describes the sockets of all nodes", testFetchSockets},
		{"a fetched socket can be emitted to, asked, moved and disconnected", testRemoteSocket},
		{"socketsJoin and socketsLeave reach all nodes", testJoinLeave},
		{"disconnectSockets reaches all nodes", testDisconnect},
		{"serverSideEmit reaches the other nodes", testServerSideEmit},
		{"serverSideEmit collects answers", testServerSideAck},
		{"serverSideEmit returns partial answers", testServerSidePartial},
		{"a closed node is not counted", testServerCount},
		{"a client is recovered by another node", recovering(testRecovery)},
		{"a session is given back once", recovering(testRecoveryOnce)},
		{"sessions are kept for all nodes", recovering(testSessionStore)},
		{"the log has one order for all nodes", recovering(testLogOrder)},
		{"recovery loses nothing while everybody sends", recovering(testRecoveryOrder)},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(t, &cluster{t: t, factories: newCluster(t, maxNodes)})
		})
	}
}

// maxNodes is the largest cluster that a test uses.
const maxNodes = 3

// cluster makes the nodes of one test.
type cluster struct {
	t         *testing.T
	factories []Factory
}

// node is one server of a cluster.
type node struct {
	*sio.Server
	t    *testing.T
	addr string
}

// start starts n nodes, with the namespaces besides "/", and waits until they
// know each other. change may change the configuration of each.
func (c *cluster) start(n int, change func(*sio.Config), namespaces ...string) []*node {
	c.t.Helper()
	nodes := make([]*node, n)
	for i := range nodes {
		cfg := sio.Config{
			Adapter: c.factories[i],
			Poller:  poller.Config{Loops: 2},
			// Not what is tested, and a busy machine holds loops.
			HandlerWatchdog: -1,
			OnError:         func(err error) { c.t.Errorf("node %d reported: %v", i, err) },
		}
		if change != nil {
			change(&cfg)
		}
		srv, err := sio.NewServer(cfg)
		if err != nil {
			c.t.Fatal(err)
		}
		addr, err := srv.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			c.t.Fatal(err)
		}
		nodes[i] = &node{srv, c.t, addr.String()}
		c.t.Cleanup(func() {
			if err := srv.Close(); err != nil {
				c.t.Errorf("Close: %v", err)
			}
		})
		for _, name := range namespaces {
			srv.Of(name)
		}
	}
	for _, name := range append([]string{"/"}, namespaces...) {
		for _, node := range nodes {
			node.awaitCount(name, n)
		}
	}
	return nodes
}

// awaitCount waits until the node counts n nodes.
func (n *node) awaitCount(namespace string, want int) {
	n.t.Helper()
	eventually(n.t, func() bool {
		got, err := n.Of(namespace).ServerCount(within(n.t))
		return err == nil && got == want
	})
}

// must fails the test for an error.
func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// in joins a client of the node, and has its socket enter rooms.
func (n *node) in(rooms ...string) *client {
	n.t.Helper()
	c := join(n.t, n, "/")
	n.must(n.Socket(c.id).Join(rooms...))
	return c
}

// within returns a context that ends when patience does.
func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits until ok returns true.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what was waited for did not happen")
		}
	}
}
