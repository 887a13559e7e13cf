//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"parley/chat"
	"parley/client"
	"parley/e2e/need"
)

// buildCluster builds the program behind "make cluster" once.
var buildCluster = sync.OnceValues(func() (string, error) { return buildProgram("cluster", "parley/deploy/cluster") })

// clusterRun is one run of it.
type clusterRun struct {
	t testing.TB
	// temporary is where it and its PostgreSQL make their folders.
	temporary        string
	outFile, errFile string
	cmd              *exec.Cmd
	ended            chan struct{}
}

func startCluster(t testing.TB, arguments ...string) *clusterRun {
	t.Helper()
	need.Nginx(t)
	program, err := buildCluster()
	if err != nil {
		t.Fatal(err)
	}
	c := &clusterRun{t: t, temporary: openFolder(t), outFile: newOutput("out"), errFile: newOutput("err"), ended: make(chan struct{})}
	c.cmd = exec.Command(program, arguments...)
	// PostgreSQL's folder is its own user's.
	c.cmd.Dir, c.cmd.Env = c.temporary, append(cleanEnvironment(), "TMPDIR="+c.temporary)
	stdout, err := os.Create(c.outFile)
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.Create(c.errFile)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	c.cmd.Stdout, c.cmd.Stderr = stdout, stderr
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.ended)
		c.cmd.Wait()
	}()
	t.Cleanup(func() {
		c.interrupt()
		if t.Failed() {
			t.Logf("the cluster printed:\n%s%s", content(c.outFile), content(c.errFile))
		}
	})
	return c
}

// openFolder is a folder that every user may use; it is removed with its test.
func openFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "parley-cluster-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o777); err != nil {
		t.Fatal(err)
	}
	return folder
}

// interrupt ends it as Ctrl-C does, and returns its exit code.
func (c *clusterRun) interrupt() int {
	_ = c.cmd.Process.Signal(os.Interrupt) // it may have ended
	return c.exitCode()
}

func (c *clusterRun) exitCode() int {
	select {
	case <-c.ended:
		return c.cmd.ProcessState.ExitCode()
	case <-time.After(2 * patience):
		c.t.Error("the cluster does not end")
		return -1
	}
}

var partLine = regexp.MustCompile(`(?m)^(\S+) +(\S+:\d+) +process (\d+)$`)

// parts waits until everything runs, and returns the process ids and the addresses.
func (c *clusterRun) parts() (pids map[string]int, addresses map[string]string) {
	c.t.Helper()
	waitFor(c.t, func() bool {
		select {
		case <-c.ended:
			c.t.Fatal("the cluster has ended")
		default:
		}
		return strings.Contains(content(c.outFile), "Ctrl-C")
	})
	pids, addresses = map[string]int{}, map[string]string{}
	for _, line := range partLine.FindAllStringSubmatch(content(c.outFile), -1) {
		pid, err := strconv.Atoi(line[3])
		if err != nil {
			c.t.Fatal(err)
		}
		pids[line[1]], addresses[line[1]] = pid, line[2]
	}
	return pids, addresses
}

// leavesNothing fails the test if a process or a folder is left.
func (c *clusterRun) leavesNothing(pids map[string]int) {
	c.t.Helper()
	for name, pid := range pids {
		if err := syscall.Kill(pid, 0); err == nil {
			c.t.Errorf("%s is left, process %d", name, pid)
		}
	}
	// That of PostgreSQL is removed when its server has ended.
	left, err := os.ReadDir(c.temporary)
	if err != nil || len(left) > 0 {
		c.t.Errorf("left are %v, %v", left, err)
	}
}

func TestAClusterThatLosesAnInstanceLosesNoMessage(t *testing.T) {
	t.Parallel()
	listen := "127.0.0.1:" + strconv.Itoa(port(t))
	c := startCluster(t, "-parley", binary(t), "-listen", listen)
	pids, addresses := c.parts()
	if len(pids) != 4 {
		t.Fatalf("the parts are %v", pids)
	}
	ann := newPerson(t, &process{URL: "http://" + listen})
	chatID := ann.makeChat()
	shown := make(chan chat.Message)
	go func() {
		defer close(shown)
		for ev, err := range ann.Follow(t.Context(), chatID, client.Earliest) {
			if err != nil {
				return
			}
			if m := ev.Message; m != nil {
				select {
				case shown <- *m:
				case <-t.Context().Done():
					return
				}
			}
		}
	}()
	expect := func(want chat.Message) {
		t.Helper()
		select {
		case got := <-shown:
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the stream shows %+v instead of %+v", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("the stream does not show %+v", want)
		}
	}
	expect(ann.post(chatID, "said before anything happened"))

	killed := "parley-1"
	if metric(t, &process{URL: "http://" + addresses[killed]}, "parley_streams_open") == 0 {
		killed = "parley-2" // the stream is there
	}
	if err := syscall.Kill(pids[killed], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		expect(ann.post(chatID, fmt.Sprintf("behind, %d", i)))
	}
	if code := c.interrupt(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
	c.leavesNothing(pids)
}

func TestAClusterThatCannotStartLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for says, arguments := range map[string][]string{
		"-listen":            {"-parley", binary(t), "-listen", taken.Addr().String()},
		"parley-1 has ended": {"-parley", "/bin/false", "-listen", "127.0.0.1:" + strconv.Itoa(port(t))},
	} {
		c := startCluster(t, arguments...)
		if code, said := c.exitCode(), content(c.errFile); code != 1 || !strings.Contains(said, says) {
			t.Errorf("%q: exit %d: %s", arguments, code, said)
		}
		c.leavesNothing(nil)
	}
}
