//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestWithoutRootNothingIsInstalledAndTheLineToRunIsSaid runs this test binary
// once more, as a user who may not install and with a PATH that has nothing but
// a package manager, which leaves a mark when it is called.
func TestWithoutRootNothingIsInstalledAndTheLineToRunIsSaid(t *testing.T) {
	if os.Getenv("INSTALL_TEST_MAIN") != "" {
		main()
		return
	}
	folder := t.TempDir()
	mark := filepath.Join(folder, "called")
	fake := "#!/bin/sh\necho called >" + mark + "\n"
	if err := os.WriteFile(filepath.Join(folder, "apt-get"), []byte(fake), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, open := range []string{filepath.Dir(folder), folder} {
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	process := exec.Command(executable(t, folder), "-test.run=^"+t.Name()+"$")
	process.Env = []string{"INSTALL_TEST_MAIN=1", "PATH=" + folder, "TMPDIR=" + folder}
	if os.Geteuid() == 0 {
		process.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := process.CombinedOutput()
	exit, ok := err.(*exec.ExitError)
	if !ok || exit.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "Chromium") || !strings.HasSuffix(lines[0], "make test-needs") {
		t.Errorf("it said:\n%s", out)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it called the package manager")
	}
}

// executable copies this binary to where another user may run it.
func executable(t *testing.T, folder string) string {
	t.Helper()
	binary, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "install.test")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
