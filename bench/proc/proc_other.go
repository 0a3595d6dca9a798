//go:build !linux

package proc

import (
	"os/exec"
	"time"
)

// ReadCPU returns [ErrPlatform].
func ReadCPU(int) (CPU, error) { return CPU{}, ErrPlatform }

// ReadMemory returns [ErrPlatform].
func ReadMemory(int) (Memory, error) { return Memory{}, ErrPlatform }

// ReadKernel returns [ErrPlatform].
func ReadKernel() (Kernel, error) { return Kernel{}, ErrPlatform }

// Softirq returns [ErrPlatform].
func Softirq(int) (time.Duration, error) { return 0, ErrPlatform }

// ListenerPID returns [ErrPlatform].
func ListenerPID(string) (int, error) { return 0, ErrPlatform }

// Start starts cmd; cpu is ignored.
func Start(cmd *exec.Cmd, _ int) error { return cmd.Start() }

// Processor returns -1: this system does not say.
func Processor(int) int { return -1 }
