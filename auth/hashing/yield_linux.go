package hashing

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// yieldToAll gives every thread of this process the policy SCHED_IDLE (sched(7)): whatever else
// is runnable goes first, at once. A nice value is not enough: a thread that wakes up still
// waits until the one that runs has had its slice, some milliseconds. Where each session is
// scheduled as a group (sched(7), autogroup), it takes one of its own, which gives way too.
// What is not allowed is left as it was.
func yieldToAll() {
	idle := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	// A thread inherits its policy from the one that makes it, so that there are no others once
	// a look finds none that is new.
	for yielded := map[int]bool{}; ; {
		threads, err := os.ReadDir("/proc/self/task")
		before := len(yielded)
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil && !yielded[id] {
				yielded[id] = true
				_ = unix.SchedSetAttr(id, idle, 0)
			}
		}
		if err != nil || len(yielded) == before {
			break
		}
	}
	_, _ = unix.Setsid()
	if session, err := unix.Getsid(0); err == nil && session == os.Getpid() {
		_ = os.WriteFile("/proc/self/autogroup", []byte("19"), 0)
	}
}
