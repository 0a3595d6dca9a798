// Package proc reads what the kernel knows of a process: its CPU time, its
// memory, the process that listens on an address; and starts processes pinned
// to a processor. It needs Linux; elsewhere every call returns [ErrPlatform].
package proc

import (
	"errors"
	"time"
)

// ErrPlatform says that this system has no /proc that the package can read.
var ErrPlatform = errors.New("proc: needs Linux")

// CPU is the processor time of a process since it began.
//
// Total is exact. The kernel splits it into User and System by sampling, so
// these two are estimates, and on loopback System holds the receiver's TCP
// work as well.
type CPU struct {
	Total, User, System time.Duration
}

// Sub returns the time spent between b and c.
func (c CPU) Sub(b CPU) CPU {
	return CPU{Total: c.Total - b.Total, User: c.User - b.User, System: c.System - b.System}
}

// Add returns the time of both.
func (c CPU) Add(b CPU) CPU {
	return CPU{Total: c.Total + b.Total, User: c.User + b.User, System: c.System + b.System}
}

// Memory is what a process and the kernel hold, in bytes.
type Memory struct {
	Pss    int64 // proportional set size of the whole process, from smaps_rollup
	Rss    int64 // resident set size
	Slab   int64 // kernel slabs of the whole machine: sockets, epoll items, inodes
	Thread int   // threads of the process
}

// Kernel is the whole machine's memory and tables, in bytes where no other
// unit is named, with the limits that many connections run into.
type Kernel struct {
	Available     int64 `json:"available"`     // memory that programs can still get
	Slab          int64 `json:"slab"`          // sockets, files, epoll items, inodes
	PageTables    int64 `json:"pageTables"`    // of all processes
	SocketBytes   int64 `json:"socketBytes"`   // buffers of TCP
	PressureBytes int64 `json:"pressureBytes"` // where TCP begins to save buffers: net.ipv4.tcp_mem
	Files         int64 `json:"files"`         // open ones
	MaxFiles      int64 `json:"maxFiles"`      // fs.file-max
	Tracked       int64 `json:"tracked"`       // connections in netfilter's table
	MaxTracked    int64 `json:"maxTracked"`    // places in it; 0 without netfilter
}
