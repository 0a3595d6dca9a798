//go:build !linux

package sysio

import (
	"fmt"
	"runtime"
)

// Ring exists on Linux only.
type Ring struct{}

// OpenRing fails with ErrRing: there is no io_uring.
func OpenRing(int) (*Ring, error) { return nil, fmt.Errorf("%w on %s", ErrRing, runtime.GOOS) }

// Do is never called.
func (*Ring) Do([]Call) {}

// Close is never called.
func (*Ring) Close() {}
