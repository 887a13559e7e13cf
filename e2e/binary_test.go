package e2e

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// suite holds what all tests share.
var suite struct {
	folder           string // removed at the end
	binary, previous func() (string, error)
}

func init() {
	suite.binary = sync.OnceValues(build)
	suite.previous = sync.OnceValues(buildPrevious)
}

// binary returns the path of the program, built once from the sources beside the
// tests, with the race detector where the tests have it.
func binary(t testing.TB) string {
	t.Helper()
	path, err := suite.binary()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build() (string, error) { return buildProgram("parley", "parley") }

// buildProgram builds a package of the project as a program of that name.
func buildProgram(name, pkg string) (string, error) {
	path := filepath.Join(suite.folder, name)
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	arguments := []string{"build", "-buildvcs=false", "-o", path}
	if raceDetector {
		// As the Makefile does, but for what shares no memory with parley and takes several
		// times as long under the detector.
		arguments = append(arguments, "-race", "-gcflags=golang.org/x/crypto/...=-race=false", "-gcflags=modernc.org/sqlite/lib=-race=false")
	}
	cmd := exec.Command("go", append(arguments, pkg)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", pkg, err, out)
	}
	return path, nil
}
