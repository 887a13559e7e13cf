package hashing

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

const password = "correct-horse-battery"

// servesVariable makes this test program a child that hashes.
const servesVariable = "PARLEY_TEST_HASHES"

func TestMain(m *testing.M) {
	// At idle priority a hash takes long where others want the processors.
	serves := map[string]func(io.Reader, io.Writer) error{"with the usual priority": serve, "with idle priority": Serve}
	served := serves[os.Getenv(servesVariable)]
	if served == nil {
		os.Exit(m.Run())
	}
	if err := served(os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}

// withChild has hashes made by this test program as a child that is ready, and late only where
// the test says so.
func withChild(t *testing.T) *child {
	t.Helper()
	c := childServing(t, "with the usual priority")
	<-c.begun(t).ready
	return c
}

func childServing(t *testing.T, how string) *child {
	t.Helper()
	return childOf(t, func() *exec.Cmd {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), servesVariable+"="+how)
		return command
	})
}

func childOf(t *testing.T, command func() *exec.Cmd) *child {
	t.Helper()
	t.Cleanup(UseChild(command))
	c := theChild.Load()
	c.lateAfter = time.Minute
	return c
}

// begun begins a run, if there is none, and returns it.
func (c *child) begun(t *testing.T) *run {
	t.Helper()
	r := c.current()
	if r == nil {
		t.Fatal("no child runs")
	}
	return r
}

// runs is the present run; nil is none.
func (c *child) runs() *run {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.run
}

// hashes makes a hash, and says whether it is the password's.
func hashes(t *testing.T) {
	t.Helper()
	hash, err := Make(password, true)
	if err != nil {
		t.Fatal(err)
	}
	for tried, want := range map[string]bool{password: true, password + "!": false} {
		if matches, err := Matches(tried, hash, true); err != nil || matches != want {
			t.Errorf("%s: %v, %v", tried, matches, err)
		}
	}
}

func TestPasswordsAreHashedWithoutAChild(t *testing.T) { hashes(t) }

func TestPasswordsAreHashedByTheChild(t *testing.T) {
	c := withChild(t)
	first := c.runs()
	for _, w := range []Work{{Password: password}, {Password: password, Hash: Nobodys, Compare: true}} {
		if r, done := c.do(w); !done || r.Matches || (r.Hash == "") != w.Compare {
			t.Errorf("%+v: %+v, %v", w, r, done)
		}
	}
	hashes(t)
	if c.runs() != first {
		t.Error("the child did not stay")
	}
}

func TestABrokenHashIsAnErrorAndKeepsTheChild(t *testing.T) {
	c := withChild(t)
	if _, err := Matches(password, "no hash", true); err == nil {
		t.Error("a broken hash was compared")
	}
	if c.runs() == nil {
		t.Error("the child was given up")
	}
}

func TestNobodyWaitsForAChildToBeReady(t *testing.T) {
	c := childOf(t, func() *exec.Cmd { return exec.Command("sleep", "1000") })
	hashes(t)
	if r := c.runs(); r == nil {
		t.Error("the child was given up")
	}
}

func TestPasswordsAreHashedWhereTheChildWasKilled(t *testing.T) {
	c := withChild(t)
	killed := c.runs()
	if err := killed.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-killed.ended
	hashes(t)
	if c.current() != nil {
		t.Error("the child does not rest")
	}
	c.rests = time.Time{}
	<-c.begun(t).ready
	hashes(t)
}

func TestPasswordsAreHashedWhereNoChildCanBeStarted(t *testing.T) {
	tries := 0
	childOf(t, func() *exec.Cmd {
		tries++
		return exec.Command("/nowhere/parley")
	})
	hashes(t)
	if tries != 1 {
		t.Errorf("%d tries at once", tries)
	}
}

func TestNoChildIsStartedForOtherHashes(t *testing.T) {
	c := childServing(t, "with the usual priority")
	hash, err := Make(password, false)
	if err != nil {
		t.Fatal(err)
	}
	if matches, err := Matches(password, hash, false); err != nil || !matches {
		t.Error(matches, err)
	}
	if c.runs() != nil {
		t.Error("one was")
	}
}

func TestAChildThatIsStoppedStaysSo(t *testing.T) {
	stop := UseChild(func() *exec.Cmd { return exec.Command("sleep", "1000") })
	c := theChild.Load()
	run := c.begun(t)
	stop()
	<-run.ended
	if c.current() != nil || theChild.Load() != nil {
		t.Error("it was started once more")
	}
}
