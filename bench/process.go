package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// tick is what /proc counts processor time in (proc_pid_stat(5)); it is the same
// on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// processStat is what /proc/PID/stat says of a process.
type processStat struct {
	name   string
	parent int
	// own is what the process has cost, user and system; ended, what its children
	// had cost that have ended.
	own, ended time.Duration
}

func statOf(pid int) (s processStat, err error) {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return s, err
	}
	// The name stands in brackets and may hold anything, brackets too.
	begin, end := strings.IndexByte(string(line), '('), strings.LastIndexByte(string(line), ')')
	if begin < 0 || end < begin {
		return s, errors.New("a process without a name")
	}
	fields := strings.Fields(string(line[end+1:]))
	var ticks [4]int64
	for i := range ticks {
		if ticks[i], err = strconv.ParseInt(fields[11+i], 10, 64); err != nil {
			return s, err
		}
	}
	s.name = string(line[begin+1 : end])
	s.own, s.ended = time.Duration(ticks[0]+ticks[1])*tick, time.Duration(ticks[2]+ticks[3])*tick
	s.parent, err = strconv.Atoi(fields[1])
	return s, err
}

// processorTime is what a process has cost so far, user and system.
func processorTime(pid int) (time.Duration, error) {
	s, err := statOf(pid)
	return s.own, err
}

// familyTime is what a process and its children, also those that have ended, have
// cost so far; 0 for pid 0, which is none.
func familyTime(pid int) (d time.Duration, err error) {
	if pid == 0 {
		return 0, nil
	}
	s, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	d = s.own + s.ended
	processes, err := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		child, _ := strconv.Atoi(filepath.Base(process))
		// One that has just ended is in its parent's sum.
		if s, err := statOf(child); err == nil && s.parent == pid {
			d += s.own
		}
	}
	return d, err
}

// memoryOf is what a process has in memory, in bytes.
func memoryOf(pid int) (int64, error) {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 2 {
		return 0, errors.New("a process without memory")
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

// skmem finds in what ss(8) says of a socket how much the kernel holds for it: what
// was received, what was queued to be sent, and what is set aside for more.
var skmem = regexp.MustCompile(`skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)`)

// kernelMemory is what the kernel holds for all connections of a server, on the
// server's side, in bytes. It is not a number where ss is missing.
func kernelMemory(ctx context.Context, address string) (sum float64) {
	_, port, _ := strings.Cut(address, ":")
	out, err := exec.CommandContext(ctx, "ss", "-tmnH", "sport = :"+port).Output()
	if err != nil {
		return math.NaN()
	}
	for _, socket := range skmem.FindAllSubmatch(out, -1) {
		for _, part := range socket[1:] {
			bytes, _ := strconv.ParseFloat(string(part), 64)
			sum += bytes
		}
	}
	return sum
}
