package compare

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// Machine is what the figures were taken on.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	Memory   string `json:"memory"`
	Kernel   string `json:"kernel"`
	Go       string `json:"go"`
	Node     string `json:"node"`
	GCC      string `json:"gcc"`
	Revision string `json:"revision"`
}

// ReadMachine asks the system and the tools. root is a folder of the module;
// empty means the working directory.
func ReadMachine(root string) Machine {
	m := Machine{Cores: runtime.NumCPU(), Go: runtime.Version(), CPU: fileField("/proc/cpuinfo", "model name"),
		Memory: fileField("/proc/meminfo", "MemTotal")}
	m.Kernel = firstLine("", "uname", "-sr")
	m.Node = firstLine("", "node", "-v")
	m.GCC = firstLine("", "gcc", "--version")
	m.Revision = firstLine(root, "git", "describe", "--always", "--dirty")
	return m
}

// firstLine is the first line that a program prints, or "".
func firstLine(dir, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	b, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// fileField is the value of the first "name: value" line.
func fileField(path, name string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(b)) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// String is the machine in one line.
func (m Machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s; %s; %s; Node %s; %s; revision %s", m.CPU, m.Cores, m.Memory, m.Kernel, m.Go, m.Node, m.GCC, m.Revision)
}
