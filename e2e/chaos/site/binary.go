// Package site starts what is put to the test: the binary of parley, instances of it, a
// database, and reads the log back from that without parley.
package site

import (
	"fmt"
	"os"
	"os/exec"
)

// Build builds parley to a path. overlay is a file for "go build -overlay"; empty for none.
func Build(path, overlay string) error { return build(path, overlay) }

// build is Build with more in the environment of the go command.
func build(path, overlay string, env ...string) error {
	arguments := []string{"build", "-buildvcs=false", "-o", path}
	if overlay != "" {
		arguments = append(arguments, "-overlay", overlay)
	}
	cmd := exec.Command("go", append(arguments, "parley")...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building parley: %w\n%s", err, out)
	}
	return nil
}
