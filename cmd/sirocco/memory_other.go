//go:build !linux

package main

// processMemory is what the Go runtime holds of the system, where the kernel is not asked.
func processMemory() int64 { return heapMemory() }
