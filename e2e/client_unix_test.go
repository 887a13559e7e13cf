//go:build unix

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// terminal is a user's environment, with a folder of its own for credentials.
type terminal struct {
	t           *testing.T
	folder      string
	environment []string
}

func newTerminal(t *testing.T) *terminal {
	folder := t.TempDir()
	return &terminal{t, folder, append(cleanEnvironment(), "XDG_CONFIG_HOME="+folder, "HOME="+folder)}
}

// run runs a command to its end and returns what it printed.
func (u *terminal) run(stdin string, args ...string) (string, error) {
	cmd := exec.Command(binary(u.t), args...)
	cmd.Env, cmd.Stdin = u.environment, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (u *terminal) must(stdin string, args ...string) string {
	u.t.Helper()
	out, err := u.run(stdin, args...)
	if err != nil {
		u.t.Fatalf("parley %q: %v\n%s", args, err, out)
	}
	return out
}

// age has the access token that is kept be one that has ended.
func (u *terminal) age() {
	u.t.Helper()
	file := filepath.Join(u.folder, "parley", "credentials.json")
	text := regexp.MustCompile(`"(since|until)": "[^"]*"`).ReplaceAllString(content(file), `"$1": "2020-01-01T00:00:00Z"`)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		u.t.Fatal(err)
	}
}

func TestCommandsThatRunAtOnceRenewOneSession(t *testing.T) {
	t.Parallel()
	p := serve(t)
	u := newTerminal(t)
	u.must(newPassword()+"\n", "signup", "ann", "--server", p.URL)
	u.age()
	var running sync.WaitGroup
	for range 5 {
		running.Go(func() {
			if out, err := u.run("", "whoami"); err != nil || out != "ann\n" {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	running.Wait()
	var kept struct {
		Servers map[string]struct {
			RefreshToken string `json:"refresh_token"`
			Until        time.Time
		}
	}
	text := content(filepath.Join(u.folder, "parley", "credentials.json"))
	if err := json.Unmarshal([]byte(text), &kept); err != nil || kept.Servers[p.URL].Until.Before(time.Now()) {
		t.Errorf("kept is %s: %v", text, err)
	}
	// The log is written a little later than it is answered.
	waitFor(t, func() bool { return strings.Contains(p.Stderr(), "/refresh") })
	if n := strings.Count(p.Stderr(), "route=/refresh"); n != 1 {
		t.Errorf("the session was renewed %d times", n)
	}
	u.age()
	u.must("", "whoami")
}

// As "parley tail | head" has it, a tail ends with the first event that is not read.
func TestATailEndsWithItsReader(t *testing.T) {
	t.Parallel()
	p := serve(t)
	ann := newPerson(t, p)
	lobby := ann.makeChat()
	r, w := pipe(t)
	environment := append(cleanEnvironment(), "PARLEY_SERVER="+p.URL, "PARLEY_TOKEN="+ann.login(p).Token)
	tail := newProcess(t, t.TempDir(), environment, []string{"tail", lobby, "--json"})
	stderr, err := os.Create(tail.errFile)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	if err := tail.launchPrinting(w, stderr); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(r).ReadString('\n'); err != nil || !strings.Contains(line, `"ready"`) {
		t.Fatalf("%q: %v", line, err)
	}
	w.Close()
	r.Close()
	ann.post(lobby, "nobody reads this any more")
	if code := tail.ExitCode(); code != 128+int(syscall.SIGPIPE) || tail.Stderr() != "" {
		t.Errorf("it ended with exit code %d, and said %q", code, tail.Stderr())
	}
}

func TestAKilledEphemeralServerLeavesNothing(t *testing.T) {
	t.Parallel()
	p := newProcess(t, t.TempDir(), cleanEnvironment(), []string{"serve", "--ephemeral", "--listen", "127.0.0.1:0"})
	p.start()
	var found []string
	waitFor(t, func() bool {
		found = regexp.MustCompile(`(?m)^data in (.*)\n`).FindStringSubmatch(p.Stdout())
		return found != nil
	})
	if _, err := os.Stat(found[1]); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	waitFor(t, func() bool { _, err := os.Stat(found[1]); return os.IsNotExist(err) })
}
