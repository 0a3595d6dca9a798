package load

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// A run may have several processes. Client g of the whole run is client
// g/Procs of process g%Procs, so that the first clients, those that send or
// read, are spread evenly. A run of one process is the same with one.

// count returns how many of the run's first n clients this process has.
func (c *Config) count(n int) int { return (n - c.Part + c.Procs - 1) / c.Procs }

// whole returns what this process's client number local is in the whole run.
func (c *Config) whole(local int) int { return local*c.Procs + c.Part }

// sender returns which client of the run sends a stream: the first member of
// the room, or the client of the stream's number.
func (c *Config) sender(stream int) int {
	if c.Scenario == "rooms" {
		return stream / c.RoomsEach
	}
	return stream
}

// owner returns the process that sends a stream.
func (c *Config) owner(stream int) int { return c.sender(stream) % c.Procs }

// portsPerAddr is how many connections one local address is trusted with: half
// of Linux's ephemeral ports, so that those of the last run may still rest in
// TIME_WAIT.
const portsPerAddr = 14000

// maxAddr is the last address of 127.0.0.0/8 that is no broadcast address.
const maxAddr = 1<<24 - 2

// local returns the address that the process's connection number n comes from.
// Each process has addresses of its own.
func (c *Config) local(n int) netip.Addr {
	at := c.FirstAddr + c.Part*c.Addrs + n%c.Addrs
	return netip.AddrFrom4([4]byte{127, byte(at >> 16), byte(at >> 8), byte(at)})
}

// Which scenarios a run of several processes can have, and which of those make
// sense with a server for each process.
var (
	joinable   = []string{"idle", "echo", "ack", "broadcast", "latency", "connect", "mixed", "rooms"}
	manyServer = []string{"idle", "connect", "echo"}
)

// urls returns the servers of the run.
func (c *Config) urls() []string { return strings.Split(c.URL, ",") }

// spareFiles is how many descriptors a process needs besides its connections.
const spareFiles = 64

// checkJoin says what several processes cannot run.
func (c *Config) checkJoin() error {
	servers := len(c.urls())
	switch {
	case c.Procs == 1 && servers > 1:
		return errors.New("load: several servers need as many processes at least")
	case c.Procs == 1:
		return nil
	case c.Procs < 0 || c.Procs > c.Clients:
		return fmt.Errorf("load: %d processes are not within 1 and %d, the number of clients", c.Procs, c.Clients)
	case !slices.Contains(joinable, c.Scenario):
		return fmt.Errorf("load: scenario %s runs in one process; those that join several are %v", c.Scenario, joinable)
	case c.Load != 0:
		return errors.New("load: the rate as a part of the capacity is for one process: give the rate")
	case c.Scenario != "idle" && len(c.Sizes) > 0:
		return errors.New("load: several processes have sizes in idle only")
	case servers > c.Procs:
		return fmt.Errorf("load: %d servers need as many processes, not %d", servers, c.Procs)
	case servers > 1 && !slices.Contains(manyServer, c.Scenario):
		return fmt.Errorf("load: scenario %s has one server; those that take several are %v", c.Scenario, manyServer)
	case servers > 1 && c.PID != 0:
		return errors.New("load: a pid is that of one server")
	}
	return nil
}

// checkFiles says when the limit of descriptors is too low for a process.
func (c *Config) checkFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("load: limit of descriptors: %w", err)
	}
	need := (c.Clients + c.Procs - 1) / c.Procs
	if c.Transport != WebSocket {
		need *= 2
	}
	if uint64(need)+spareFiles > uint64(limit.Cur) {
		return fmt.Errorf("load: %d connections a process are more than its limit of %d descriptors: use more processes", need, limit.Cur)
	}
	return nil
}
