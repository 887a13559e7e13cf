package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"parley/e2e/need"
)

// shells are those into which somebody may paste a line; with -short, the one that is
// there wherever the tests run.
func shells(t testing.TB) []string {
	if testing.Short() {
		return []string{"sh"}
	}
	return []string{"sh", need.Bash(t), need.Zsh(t), need.Fish(t)}
}

// pasted is what curl is told by a line that is pasted as it stands: each shell
// must hand over the same words.
func pasted(t testing.TB, ts *testscript.TestScript, line string) []string {
	folder := ts.MkAbs("shells")
	ts.Check(os.MkdirAll(folder, 0o700))
	// It stands before any curl of the machine, and writes down what it is told.
	ts.Check(os.WriteFile(ts.MkAbs("shells/curl"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700))
	var words []string
	for i, name := range shells(t) {
		cmd := exec.Command(name)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "HOME="+folder, "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
		cmd.Stdin = strings.NewReader(line + "\n")
		var told, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &told, &complaints
		err := cmd.Run()
		if err != nil || complaints.Len() > 0 {
			ts.Fatalf("%s does not take this line: %v %s\n%s", name, err, complaints.String(), line)
		}
		got := strings.Split(strings.TrimSuffix(told.String(), "\n"), "\n")
		if i > 0 && !slices.Equal(got, words) {
			ts.Fatalf("%s makes %q of this line, and sh %q\n%s", name, got, words, line)
		}
		words = got
	}
	return words
}
