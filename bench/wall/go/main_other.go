//go:build !linux

package main

import (
	"fmt"
	"os"
)

// main reports that the wall is an epoll loop.
func main() {
	fmt.Fprintln(os.Stderr, "wall: needs Linux")
	os.Exit(1)
}
