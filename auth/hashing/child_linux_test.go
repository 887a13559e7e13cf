package hashing

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestEveryThreadOfTheChildIsOfIdlePriority(t *testing.T) {
	r := childServing(t, "with idle priority").begun(t)
	<-r.ready
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", r.command.Process.Pid))
	if err != nil || len(threads) == 0 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		attr, err := unix.SchedGetAttr(id, 0)
		if err != nil || attr.Policy != unix.SCHED_IDLE {
			t.Errorf("thread %d: %+v, %v", id, attr, err)
		}
	}
}

// As where others leave it no time at all.
func TestPasswordsAreHashedWhereTheChildGetsNoTime(t *testing.T) {
	c := withChild(t)
	stopped := c.runs()
	if err := stopped.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.lateAfter = 10 * time.Millisecond
	hashes(t)
	if c.current() != nil {
		t.Error("a child that is late was kept")
	}
	<-stopped.ended
}

func TestTheChildEndsWithItsParent(t *testing.T) {
	r := withChild(t).runs()
	// Its standard input ends, as it does when the parent is killed.
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	<-r.ended
	if !r.command.ProcessState.Success() {
		t.Error(r.command.ProcessState)
	}
}
