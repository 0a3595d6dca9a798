// Package sysio holds the system calls that a loop makes on sockets: receive,
// send, gather-send and accept, each of which must never block.
//
// On Linux they go past Go's scheduler (unix.RawSyscall6): with MSG_DONTWAIT
// they can't block, and a tenth of the cost of an echo is saved. [IO] is the
// same set as an interface, so that tests can put faults between a loop and
// the kernel.
package sysio

import (
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Errno is a system call's error number; 0 means success.
type Errno = unix.Errno

// Iovec describes one part of a gather-send.
type Iovec = unix.Iovec

// IO is what a loop does to sockets. Implementations must not block; they
// report that with unix.EAGAIN. They are called by several loops at once, but
// for one descriptor by one loop at a time.
type IO interface {
	// Recv reads into p. 0 bytes without an error is the end of the stream.
	// Ownership: p is only used until Recv returns.
	Recv(fd int, p []byte) (int, Errno)
	// Send writes a part of p or all of it.
	// Ownership: p is only read, and only until Send returns.
	Send(fd int, p []byte) (int, Errno)
	// Sendv writes a part of the bytes that iov describes or all of them.
	// Ownership: iov is only read, and only until Sendv returns.
	Sendv(fd int, iov []Iovec) (int, Errno)
	// Accept takes one connection from a listening socket. The new
	// descriptor is non-blocking and closed on exec.
	Accept(fd int) (nfd int, from Addr, errno Errno)
	// Closed tells that fd is about to be closed: its number will be reused.
	Closed(fd int)
}

// Kinds of Addr.
const (
	KindNone = 0 // Unix sockets, and sockets without an address
	Kind4    = 4 // IPv4, in the first 4 bytes of IP
	Kind6    = 6 // IPv6, never an IPv4 address in disguise
)

// Addr is a socket address without pointers, small enough to be kept with
// every connection. The zero value is no address.
type Addr struct {
	IP   [16]byte // the first 4 bytes are used by Kind4
	Zone uint32   // scope of a link-local IPv6 address
	Port uint16
	Kind uint8
}

// AddrOf returns the Addr of ap. IPv4 in IPv6 is unmapped; a zone must be a
// number, others are ignored.
func AddrOf(ap netip.AddrPort) Addr {
	ip := ap.Addr().Unmap()
	a := Addr{Port: ap.Port()}
	switch {
	case ip.Is4():
		a.Kind = Kind4
		v4 := ip.As4()
		copy(a.IP[:], v4[:])
	case ip.Is6():
		a.Kind = Kind6
		a.IP = ip.As16()
		if z, err := strconv.ParseUint(ip.Zone(), 10, 32); err == nil {
			a.Zone = uint32(z)
		}
	}
	return a
}

// AddrPort returns a as the standard library has it; the zero AddrPort for no
// address.
func (a Addr) AddrPort() netip.AddrPort {
	return netip.AddrPortFrom(a.Addr(), a.Port)
}

// Addr returns the IP address of a without its port.
func (a Addr) Addr() netip.Addr {
	switch a.Kind {
	case Kind4:
		return netip.AddrFrom4([4]byte(a.IP[:4]))
	case Kind6:
		ip := netip.AddrFrom16(a.IP)
		if a.Zone != 0 {
			ip = ip.WithZone(strconv.FormatUint(uint64(a.Zone), 10))
		}
		return ip
	}
	return netip.Addr{}
}

// FromSockaddr returns the Addr of sa; IPv4 in IPv6 is unmapped.
func FromSockaddr(sa unix.Sockaddr) Addr {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		a := Addr{Port: uint16(sa.Port), Kind: Kind4}
		copy(a.IP[:], sa.Addr[:])
		return a
	case *unix.SockaddrInet6:
		return from6(sa.Addr, uint16(sa.Port), sa.ZoneId)
	}
	return Addr{}
}

// Sockaddr returns a for bind and connect; nil for no address.
func (a Addr) Sockaddr() unix.Sockaddr {
	switch a.Kind {
	case Kind4:
		return &unix.SockaddrInet4{Port: int(a.Port), Addr: [4]byte(a.IP[:4])}
	case Kind6:
		return &unix.SockaddrInet6{Port: int(a.Port), ZoneId: a.Zone, Addr: a.IP}
	}
	return nil
}

// from6 builds an Addr from the parts of an IPv6 socket address.
func from6(ip [16]byte, port uint16, zone uint32) Addr {
	if v6 := netip.AddrFrom16(ip); v6.Is4In6() {
		return AddrOf(netip.AddrPortFrom(v6.Unmap(), port))
	}
	return Addr{IP: ip, Port: port, Zone: zone, Kind: Kind6}
}

// Vec makes v describe p.
// Ownership: v keeps p; it must stay unchanged until the send is done.
func Vec(v *Iovec, p []byte) {
	v.Base = unsafe.SliceData(p)
	v.SetLen(len(p))
}

// Bytes returns the bytes that v describes.
// Ownership: the result is valid as long as what v was made of.
func Bytes(v *Iovec) []byte {
	return unsafe.Slice(v.Base, int(v.Len))
}

// Kernel is the [IO] without anything between: the package's functions.
type Kernel struct{}

var _ IO = Kernel{}

// Recv is [Recv].
// Ownership: p is only used until Recv returns.
func (Kernel) Recv(fd int, p []byte) (int, Errno) { return Recv(fd, p) }

// Send is [Send].
// Ownership: p is only read until Send returns.
func (Kernel) Send(fd int, p []byte) (int, Errno) { return Send(fd, p) }

// Sendv is the function [Sendv], a gather-send.
func (Kernel) Sendv(fd int, iov []Iovec) (int, Errno) { return Sendv(fd, iov) }

// Accept is the function [Accept]; the new descriptor is non-blocking.
func (Kernel) Accept(fd int) (int, Addr, Errno) { return Accept(fd) }

// Closed does nothing: the kernel keeps no state of its own for a number.
func (Kernel) Closed(int) {}
