//go:build unix

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"parley/e2e/need"
)

// TestTheJobFileOfCIWorks runs the steps of the job file, but those that fetch and build.
func TestTheJobFileOfCIWorks(t *testing.T) {
	t.Parallel()
	var file struct {
		Jobs map[string]struct {
			Steps []struct{ Name, Run string }
		}
	}
	if err := yaml.Unmarshal([]byte(content("../docs/ci/github-actions.yml")), &file); err != nil {
		t.Fatal(err)
	}
	runner := newRunner(t)
	ran := 0
	for _, step := range file.Jobs["test"].Steps {
		if step.Name != "Start parley" && step.Name != "Test" {
			continue
		}
		ran++
		out, err := runner.step(step.Run)
		if err != nil {
			t.Fatalf("%s: %v\n%s\n%s", step.Name, err, out, content(filepath.Join(runner.folder, "parley.log")))
		}
		if step.Name == "Test" && !strings.Contains(out, "ann: deployed 42") {
			t.Errorf("it printed %s", out)
		}
	}
	if ran != 2 {
		t.Errorf("%d of its steps ran", ran)
	}
}

// runner is as much of a CI service as the file needs.
type runner struct {
	t      *testing.T
	folder string
}

func newRunner(t *testing.T) *runner {
	r := &runner{t, t.TempDir()}
	if err := os.Symlink(binary(t), filepath.Join(r.folder, "parley")); err != nil {
		t.Fatal(err)
	}
	// As much of jq as the file needs.
	jq := `#!/bin/sh
case "$2" in
.url) sed 's/.*"url":"\([^"]*\)".*/\1/' "$3" ;;
.users.ann.token) sed 's/.*"ann":{[^}]*"token":"\([^"]*\)".*/\1/' "$3" ;;
esac
`
	if err := os.WriteFile(filepath.Join(r.folder, "jq"), []byte(jq), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// step runs a step, in a process group that ends with the test.
func (r *runner) step(script string) (string, error) {
	variables := filepath.Join(r.folder, "env")
	cmd := exec.Command(need.Bash(r.t), "-e", "-c", script)
	cmd.Env = append(cleanEnvironment(), "HOME="+r.folder, "RUNNER_TEMP="+r.folder, "GITHUB_ENV="+variables,
		"PATH="+r.folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, strings.Fields(content(variables))...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	printed, err := os.Create(filepath.Join(r.folder, "printed"))
	if err != nil {
		return "", err
	}
	defer printed.Close()
	cmd.Stdout, cmd.Stderr = printed, printed
	if err := cmd.Start(); err != nil {
		return "", err
	}
	r.t.Cleanup(func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) })
	err = cmd.Wait()
	return content(printed.Name()), err
}
