//go:build linux && !386 && !s390x

package sysio

// Hot path: no allocation, no lock, no interface call.

import (
	"encoding/binary"
	"unsafe"

	"golang.org/x/sys/unix"
)

const sendFlags = unix.MSG_DONTWAIT | unix.MSG_NOSIGNAL

// Recv reads into p, which must not be empty, without blocking.
// Ownership: p is only used until Recv returns.
func Recv(fd int, p []byte) (int, Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// Send writes p or a part of it without blocking and without SIGPIPE.
// Ownership: p is only read until Send returns.
func Send(fd int, p []byte) (int, Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), sendFlags, 0, 0)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// Sendv writes what iov describes, or a part of it, without blocking.
func Sendv(fd int, iov []Iovec) (int, Errno) {
	var m unix.Msghdr
	m.Iov = unsafe.SliceData(iov)
	m.SetIovlen(len(iov))
	n, _, e := unix.RawSyscall(unix.SYS_SENDMSG, uintptr(fd), uintptr(unsafe.Pointer(&m)), sendFlags)
	if e != 0 {
		return 0, e
	}
	return int(n), 0
}

// Accept takes one connection from the listening socket fd. The listener is
// non-blocking, so the call can't block either.
func Accept(fd int) (int, Addr, Errno) {
	var rsa unix.RawSockaddrAny
	size := uint32(unix.SizeofSockaddrAny)
	n, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&rsa)),
		uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if e != 0 {
		return -1, Addr{}, e
	}
	return int(n), fromRaw(&rsa), 0
}

// fromRaw reads the address that the kernel wrote; ports are big endian.
func fromRaw(rsa *unix.RawSockaddrAny) Addr {
	switch rsa.Addr.Family {
	case unix.AF_INET:
		p := (*unix.RawSockaddrInet4)(unsafe.Pointer(rsa))
		a := Addr{Port: port(p.Port), Kind: Kind4}
		copy(a.IP[:], p.Addr[:])
		return a
	case unix.AF_INET6:
		p := (*unix.RawSockaddrInet6)(unsafe.Pointer(rsa))
		return from6(p.Addr, port(p.Port), p.Scope_id)
	}
	return Addr{}
}

// port swaps p, which has the network's byte order in memory.
func port(p uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&p))[:])
}
