package hashing

import (
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

const password = "correct-horse-battery"

// servesVariable makes this test program the process that hashes.
const servesVariable = "PARLEY_TEST_HASHES"

func TestMain(m *testing.M) {
	serves := map[string]func(io.Reader, io.Writer) error{"in its turn": serve, "yielding": Serve}
	served := serves[os.Getenv(servesVariable)]
	if served == nil {
		os.Exit(m.Run())
	}
	if err := served(os.Stdin, os.Stdout); err != nil {
		os.Exit(1)
	}
}

// hashBeside has passwords hashed by this test program, in a process of its own. It does not
// yield to what else runs on the machine, and is late only where the test says so.
func hashBeside(t *testing.T) *process { return hashAs(t, "in its turn") }

func hashAs(t *testing.T, serves string) *process {
	t.Helper()
	return hashBy(t, func() *exec.Cmd {
		command := exec.Command(os.Args[0])
		command.Env = append(os.Environ(), servesVariable+"="+serves)
		return command
	})
}

func hashBy(t *testing.T, command func() *exec.Cmd) *process {
	t.Helper()
	t.Cleanup(Beside(command))
	p := beside.Load()
	p.lateAfter = time.Minute
	return p
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

// by is the process that hashes beside this one, or 0.
func (p *process) by() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run == nil {
		return 0
	}
	return p.run.command.Process.Pid
}

func TestPasswordsAreHashedInThisProcess(t *testing.T) { hashes(t) }

func TestPasswordsAreHashedBesideThisProcess(t *testing.T) {
	p := hashBeside(t)
	hashes(t)
	first := p.by()
	if first == 0 {
		t.Fatal("no process was started")
	}
	if _, err := Matches(password, "no hash", true); err == nil {
		t.Error("a broken hash was compared")
	}
	hashes(t)
	if p.by() != first {
		t.Error("the process did not stay")
	}
}

func TestPasswordsAreHashedWhereTheProcessWasKilled(t *testing.T) {
	p := hashBeside(t)
	hashes(t)
	killed := p.run
	if err := killed.command.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	hashes(t)
	if p.by() != 0 {
		t.Error("the process did not rest")
	}
	if killed.command.ProcessState == nil {
		t.Error("the process was not waited for")
	}
	p.rests = time.Time{}
	hashes(t)
	if p.by() == 0 {
		t.Error("no process was started once the rest was over")
	}
}

func TestPasswordsAreHashedWhereNoProcessCanBeStarted(t *testing.T) {
	tries := 0
	hashBy(t, func() *exec.Cmd {
		tries++
		return exec.Command("/nowhere/parley")
	})
	hashes(t)
	if tries != 1 {
		t.Errorf("%d tries at once", tries)
	}
}

func TestNoProcessIsStartedForWhatIsNotHashedAside(t *testing.T) {
	p := hashBeside(t)
	hash, err := Make(password, false)
	if err != nil {
		t.Fatal(err)
	}
	if matches, err := Matches(password, hash, false); err != nil || !matches {
		t.Error(matches, err)
	}
	if p.by() != 0 {
		t.Error("one was")
	}
}
