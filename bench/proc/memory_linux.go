package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// ReadMemory returns what pid holds now.
func ReadMemory(pid int) (Memory, error) {
	var m Memory
	dir := fmt.Sprintf("/proc/%d/", pid)
	err := scan(dir+"smaps_rollup", map[string]*int64{"Pss:": &m.Pss, "Rss:": &m.Rss})
	if err != nil {
		return m, err
	}
	if err := scan("/proc/meminfo", map[string]*int64{"Slab:": &m.Slab}); err != nil {
		return m, err
	}
	tasks, err := os.ReadDir(dir + "task")
	m.Thread = len(tasks)
	return m, err
}

// scan fills want from the "Name: value kB" lines of a file, in bytes.
func scan(path string, want map[string]*int64) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		if dst := want[f[0]]; dst != nil {
			n, err := strconv.ParseInt(f[1], 10, 64)
			if err != nil {
				return fmt.Errorf("proc: %s: %w", path, err)
			}
			*dst = n << 10
		}
	}
	return nil
}
