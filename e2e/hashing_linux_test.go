package e2e

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// A crowd's passwords are hashed in a process that yields to all; it ends with the server,
// be that killed.
func TestACrowdsPasswordsAreHashedByAProcessThatEndsWithTheServer(t *testing.T) {
	t.Parallel()
	p := serve(t, "--limits", "off")
	if hashers := hashersOf(p); len(hashers) != 0 {
		t.Errorf("%v hash before anybody signs in", hashers)
	}
	ctx, leave := context.WithCancel(t.Context())
	var crowd sync.WaitGroup
	for n := range 64 {
		crowd.Go(func() { signInInVain(ctx, p, n) })
	}
	var hashers []int
	await(t, "passwords are hashed by another process", func() bool {
		hashers = hashersOf(p)
		return len(hashers) > 0
	})
	p.Kill()
	leave()
	crowd.Wait()
	for _, pid := range hashers {
		await(t, "that process has ended", func() bool { return !hashes(pid) })
	}
}

// signInInVain signs in as nobody, again and again, until the context ends.
func signInInVain(ctx context.Context, p *process, n int) {
	for ctx.Err() == nil {
		body := fmt.Sprintf(`{"username":"nobody-%d","password":"a-wrong-password"}`, n)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+"/login", strings.NewReader(body))
		if err != nil {
			return
		}
		req.Header.Set("Content-Type", "application/json")
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
	}
}

// hashersOf are the children of a server that hash passwords.
func hashersOf(p *process) (pids []int) {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range processes {
		pid, _ := strconv.Atoi(filepath.Base(folder))
		status, _ := os.ReadFile(filepath.Join(folder, "status"))
		if hashes(pid) && bytes.Contains(status, fmt.Appendf(nil, "\nPPid:\t%d\n", p.cmd.Process.Pid)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hashes says whether a process hashes passwords. One that has ended has no command line.
func hashes(pid int) bool {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return bytes.Contains(line, []byte("\x00hash-passwords\x00"))
}
