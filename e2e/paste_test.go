package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// shells are those into which somebody may paste a line. The first is there
// wherever the tests run; of the others, those that are there are asked.
var shells = []string{"sh", "bash", "zsh", "fish"}

// pasted is what curl is told by a line that is pasted as it stands: each shell
// must hand over the same words.
func pasted(ts *testscript.TestScript, line string) []string {
	folder := ts.MkAbs("shells")
	ts.Check(os.MkdirAll(folder, 0o700))
	// It stands before any curl of the machine, and writes down what it is told.
	ts.Check(os.WriteFile(ts.MkAbs("shells/curl"), []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\n"), 0o700))
	var words []string
	for i, name := range shells {
		shell, err := exec.LookPath(name)
		if err != nil && i > 0 {
			continue
		}
		ts.Check(err)
		cmd := exec.Command(shell)
		cmd.Dir = ts.MkAbs(".")
		cmd.Env = append(os.Environ(), "PATH="+folder+string(os.PathListSeparator)+os.Getenv("PATH"))
		cmd.Stdin = strings.NewReader(line + "\n")
		var told, complaints bytes.Buffer
		cmd.Stdout, cmd.Stderr = &told, &complaints
		err = cmd.Run()
		if err != nil || complaints.Len() > 0 {
			ts.Fatalf("%s does not take this line: %v %s\n%s", name, err, complaints.String(), line)
		}
		got := strings.Split(strings.TrimSuffix(told.String(), "\n"), "\n")
		if i > 0 && !slices.Equal(got, words) {
			ts.Fatalf("%s makes %q of this line, and %s %q\n%s", name, got, shells[0], words, line)
		}
		words = got
	}
	return words
}
