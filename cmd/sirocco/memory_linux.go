package main

import (
	"bytes"
	"os"
	"strconv"
)

// processMemory is what the process occupies: its resident pages, as the kernel counts them.
func processMemory() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return heapMemory()
	}
	fields := bytes.Fields(text)
	if len(fields) < 2 {
		return heapMemory()
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return heapMemory()
	}
	return pages * int64(os.Getpagesize())
}
