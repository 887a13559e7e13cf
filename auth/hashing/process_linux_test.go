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

func TestEveryThreadThatHashesYieldsToAll(t *testing.T) {
	p := hashAs(t, "yielding")
	// A hash would take long here while others want the processors.
	if _, err := Matches(password, "no hash", true); err == nil {
		t.Fatal("a broken hash was compared")
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.by()))
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
	if session, err := unix.Getsid(p.by()); err != nil || session != p.by() {
		t.Errorf("its session is %d, %v", session, err)
	}
}

// As where others leave it no time at all.
func TestPasswordsAreHashedWhereTheProcessGetsNoTime(t *testing.T) {
	p := hashBeside(t)
	hashes(t)
	stopped := p.run
	if err := stopped.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.lateAfter = 10 * time.Millisecond
	hashes(t)
	if p.by() != 0 || stopped.command.ProcessState == nil {
		t.Error("a process that is late was kept")
	}
}

func TestTheProcessEndsWithThatWhichAsks(t *testing.T) {
	p := hashBeside(t)
	hashes(t)
	// Its standard input ends, as it does when this process is killed.
	if err := p.run.Close(); err != nil {
		t.Fatal(err)
	}
	if err := p.run.command.Wait(); err != nil {
		t.Error(err)
	}
}
