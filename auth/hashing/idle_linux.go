package hashing

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// idleAll gives every thread of this process the policy SCHED_IDLE (sched(7)): what else is
// runnable in the same control group goes first, at once. A nice value is not enough: a thread
// that wakes up still waits until the one that runs has had its slice, some milliseconds. What
// is not allowed is left as it was.
//
// The process stays in the session of its parent. The kernel may schedule each session as a group
// (sched(7), autogroup), and between groups that policy counts for nothing.
func idleAll() {
	// A thread inherits its policy from the one that makes it, so that there are no others once
	// a look finds none that is new.
	for seen := map[int]bool{}; ; {
		threads, err := os.ReadDir("/proc/self/task")
		before := len(seen)
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil && !seen[id] {
				seen[id] = true
				idle(id)
			}
		}
		if err != nil || len(seen) == before {
			return
		}
	}
}

// idle gives one thread that policy; of another process, its first one. A process that has just
// been started has it before it has taken any time.
func idle(thread int) {
	policy := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}
	_ = unix.SchedSetAttr(thread, policy, 0)
}
