package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// tick is the unit of /proc/PID/stat and /proc/stat: USER_HZ is 100 on every
// Linux that Go runs on.
const tick = time.Second / 100

// ReadCPU returns the processor time of pid, all its threads, also those that
// ended.
func ReadCPU(pid int) (CPU, error) {
	var ts unix.Timespec
	// The process-wide scheduler clock of another process, as
	// clock_getcpuclockid(3) makes it: exact to the nanosecond.
	if err := unix.ClockGettime(int32(^pid<<3|2), &ts); err != nil {
		return CPU{}, fmt.Errorf("proc: cpu clock of %d: %w", pid, err)
	}
	f, err := statFields(pid)
	if err != nil {
		return CPU{}, err
	}
	user, _ := strconv.ParseInt(f[11], 10, 64)
	sys, _ := strconv.ParseInt(f[12], 10, 64)
	return CPU{Total: time.Duration(ts.Nano()), User: time.Duration(user) * tick, System: time.Duration(sys) * tick}, nil
}

// statFields returns /proc/PID/stat from the state on: field 3 of proc(5) is
// at index 0.
func statFields(pid int) ([]string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	// The second field is the name in brackets, which may hold anything.
	_, rest, ok := strings.Cut(string(b[max(0, strings.LastIndexByte(string(b), ')')):]), " ")
	f := strings.Fields(rest)
	if !ok || len(f) < 37 {
		return nil, fmt.Errorf("proc: stat of %d is not as expected", pid)
	}
	return f, nil
}

// Processor returns the processor that pid's main thread last ran on, -1 when
// it is not known.
func Processor(pid int) int {
	f, err := statFields(pid)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(f[36])
	if err != nil {
		return -1
	}
	return n
}

// Softirq returns the time processor cpu spent in soft interrupts, as far as
// the kernel samples it.
func Softirq(cpu int) (time.Duration, error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	name := "cpu" + strconv.Itoa(cpu)
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 7 && f[0] == name {
			n, err := strconv.ParseInt(f[7], 10, 64)
			return time.Duration(n) * tick, err
		}
	}
	return 0, fmt.Errorf("proc: no %s in /proc/stat", name)
}
