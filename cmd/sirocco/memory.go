package main

import "runtime"

// heapMemory is what the Go runtime has from the system and has not given back.
func heapMemory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}
