package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestAPolicyForbidsStartsDuringTheInstallationAlone(t *testing.T) {
	for name, before := range map[string]string{"none before": "", "the machine's own": "#!/bin/sh\nexit 104\n"} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "policy-rc.d")
			if before != "" {
				if err := os.WriteFile(file, []byte(before), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			failed := errors.New("no network")
			err := withoutStarts(file, func() error {
				var exit *exec.ExitError
				if err := exec.Command("/bin/sh", file, "nginx", "start").Run(); !errors.As(err, &exit) || exit.ExitCode() != 101 {
					t.Errorf("asked during the installation, the policy answers %v", err)
				}
				return failed
			})
			if !errors.Is(err, failed) {
				t.Errorf("the installation's error is lost: %v", err)
			}
			after, _ := os.ReadFile(file)
			if string(after) != before {
				t.Errorf("behind the installation the policy is %q", after)
			}
			if left, _ := os.ReadDir(filepath.Dir(file)); len(left) > 1 {
				t.Errorf("it leaves %v", left)
			}
		})
	}
}
